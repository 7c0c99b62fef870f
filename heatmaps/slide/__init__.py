"""One slide with its scores: what every picture, table and page of it follows from."""
