"""Reader studies: what is given to people who look at heatmaps and tiles, and what their answers tell."""
