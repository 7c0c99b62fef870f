"""Colours and size of letters in the figures of an analysis."""

from __future__ import annotations

SOFT, LINE, ACCENT, SECOND = "#4a4a4a", "#c9c9c9", "#0b5394", "#b34700"
TEXT = 13.0
