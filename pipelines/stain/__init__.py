"""Stain normalisation and augmentation of tiles, between reader and encoder."""
