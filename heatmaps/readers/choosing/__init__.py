"""Which tiles readers judge: chosen from finished heatmaps."""
