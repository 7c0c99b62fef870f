"""The analysis of tile plausibility: arms, their differences, agreement."""
