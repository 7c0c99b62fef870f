"""Heatmaps of many slides, with one or several models."""
