"""One module per command: it parses, calls and prints; it holds no logic and imports nothing heavy at the top."""
