"""Who trains where, and who is tested."""
