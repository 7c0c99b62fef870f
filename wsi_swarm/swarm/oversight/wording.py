"""Amounts as people read them."""

from __future__ import annotations


def bytes_text(count: float) -> str:
    """Return a number of bytes with three digits: ``512 B``, ``1.97 MB`` (powers of 1000)."""
    for unit, size in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if count >= size:
            return f"{count / size:.3g} {unit}" if count < 999.5 * size else f"{count / size:.0f} {unit}"
    return f"{count:.0f} B"


def span_text(seconds: float) -> str:
    """Return a length of time in two units at most: ``45 s``, ``3 min 5 s``, ``2 d``."""
    seconds = round(seconds)
    for unit, size, (smaller, part) in (
        ("d", 86400, ("h", 3600)),
        ("h", 3600, ("min", 60)),
        ("min", 60, ("s", 1)),
    ):
        if seconds >= size:
            rest = seconds % size // part
            return f"{seconds // size} {unit}" + (f" {rest} {smaller}" if rest else "")
    return f"{seconds} s"
