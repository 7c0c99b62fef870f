"""Merge rules."""
