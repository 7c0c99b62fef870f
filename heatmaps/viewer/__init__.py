"""The deep-zoom viewer: OpenSeadragon (BSD-3, vendored) and what this project adds to it."""
