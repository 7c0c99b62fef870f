"""The ledger: what the swarm needs of the chain, its adapter for EVM chains and its pure model."""
