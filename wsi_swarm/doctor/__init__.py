"""What ``wsi-swarm doctor`` examines: one module per area, each of plain functions that return findings."""
