"""Solidity sources and their compiled artifacts; read by ``wsi_swarm.swarm.ledger`` alone."""
