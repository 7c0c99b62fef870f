"""The score table in the formats of other programs."""
