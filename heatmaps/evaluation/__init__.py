"""How true heatmaps are to their model, and to what people drew."""
