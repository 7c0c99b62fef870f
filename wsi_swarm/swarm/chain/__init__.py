"""The embedded chain: one process, one EVM, a journal on disk. For demos, tests and a first try by one person."""
