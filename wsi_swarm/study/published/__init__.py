"""The swarm paper's published results, calculated again."""
