"""A real swarm on one machine: processes, sockets and a chain."""
