"""The heatmap of one slide: what is explained, and every file of its folder."""
