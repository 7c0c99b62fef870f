"""Slides to tiles to feature files. Knows nothing of models, heatmaps or swarms."""
