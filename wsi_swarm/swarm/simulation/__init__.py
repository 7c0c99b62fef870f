"""A whole swarm on virtual time."""
