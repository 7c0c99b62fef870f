"""What people see of a swarm: status and audit."""
