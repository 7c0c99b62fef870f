"""Training between centres: round protocol, merge, transport, ledger, identity, checkpoint, audit."""
