"""The analysis of heatmap preference: choices, strengths, plausibility."""
