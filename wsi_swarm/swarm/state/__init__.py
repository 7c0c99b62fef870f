"""A model state as canonical bytes: fixed point, chunks, Merkle root."""
