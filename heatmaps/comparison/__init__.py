"""Two heatmaps of one slide, from two models or two scanners: how alike they are."""
