"""Stain normalisation and augmentation of tiles, between reader and encoder."""

from pipelines.stain.prepare import NORMALISERS, preparation

__all__ = ["NORMALISERS", "preparation"]
