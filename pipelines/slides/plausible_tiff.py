"""TIFF directories that would make a reader ask for more memory than there is, recognised before it is asked.

OpenSlide ends the process when memory for a tile, or for its compressed bytes, is refused to it; both sizes stand in
the header, where one damaged bit makes gigabytes of kilobytes.
"""

from __future__ import annotations

import mmap
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LARGEST_TILE_PX = 2**26
"""8192 x 8192; scanners write 240 to 2048 px. Four bytes each are 256 MB, once per reading thread."""
LONGEST_TILE_PX = 2**16
"""Where one side is missing, OpenSlide multiplies by what it finds in memory."""
LARGEST_TILE_BYTES = 2**28
_MOST_DIRECTORIES = 1000
_WIDTH, _LENGTH, _BYTE_COUNTS, _NDPI = 322, 323, 325, 65420
_TYPES = {3: "u2", 4: "u4", 16: "u8"}
"""Codes of the whole numbers that sizes are given in: SHORT, LONG, LONG8."""


@dataclass(frozen=True)
class _Form:
    """How one of the two kinds of TIFF writes its directories; sizes in bytes, formats of ``struct``."""

    order: str
    first_at: int
    number: str
    entry: str
    pointer: str

    def read(self, data: bytes | mmap.mmap, form: str, at: int) -> tuple[int, ...]:
        return struct.unpack_from(self.order + form, data, at)


def tiff_problem(path: Path) -> str | None:
    """Return why a file that may be TIFF must not be opened, or None.

    Raises
    ------
    OSError
        If the file cannot be read.
    """
    with path.open("rb") as file:
        if _form(file.read(16)) is None:
            return None
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            return directory_problem(data)


def directory_problem(data: bytes | mmap.mmap) -> str | None:
    """Return what ``tiff_problem`` does, for the bytes of a file."""
    for number, values in enumerate(_directories(data)):
        if _NDPI in values:
            return None  # its pointers have more bits than TIFF's, and it has no tiles
        wide, high = (int(values[tag][0]) if tag in values else 0 for tag in (_WIDTH, _LENGTH))
        if wide * high > LARGEST_TILE_PX or max(wide, high) > LONGEST_TILE_PX:
            return (
                f"has tiles of {wide} x {high} px in its directory {number}, more than memory should be asked for; "
                "copy it again if it is damaged, or export it in tiles of 256 to 1024 px"
            )
        longest = int(values[_BYTE_COUNTS].max()) if _BYTE_COUNTS in values else 0
        if longest > LARGEST_TILE_BYTES:
            return (
                f"claims a tile of {longest} bytes in its directory {number}, so that its header is damaged; "
                "copy or export it again"
            )
    return None


def _form(head: bytes) -> _Form | None:
    order = {b"II": "<", b"MM": ">"}.get(head[:2])
    if order is None or len(head) < 16:
        return None
    (version,) = struct.unpack_from(order + "H", head, 2)
    if version == 42:
        return _Form(order, 4, "H", "HHI4s", "I")
    return _Form(order, 8, "Q", "HHQ8s", "Q") if version == 43 else None


def _directories(data: bytes | mmap.mmap) -> Iterator[dict[int, np.ndarray]]:
    """Yield the tags that are looked at, as far as directories are whole and not seen before."""
    form = _form(data[:16])
    if form is None:
        return
    step, seen = struct.calcsize(form.order + form.entry), set[int]()
    try:
        (at,) = form.read(data, form.pointer, form.first_at)
        while 0 < at < len(data) and at not in seen and len(seen) < _MOST_DIRECTORIES:
            seen.add(at)
            number = min(form.read(data, form.number, at)[0], len(data))
            start = at + struct.calcsize(form.order + form.number)
            entries = [form.read(data, form.entry, start + step * i) for i in range(number)]
            (at,) = form.read(data, form.pointer, start + step * number)
            yield {tag: values for tag, *rest in entries if len(values := _values(data, form, tag, *rest))}
    except struct.error:
        return  # it ends where it should go on; what reads it will say so


def _values(data: bytes | mmap.mmap, form: _Form, tag: int, kind: int, count: int, place: bytes) -> np.ndarray:
    if tag == _NDPI:
        return np.ones(1)
    if tag not in (_WIDTH, _LENGTH, _BYTE_COUNTS) or kind not in _TYPES:
        return np.zeros(0)
    dtype = np.dtype(form.order + _TYPES[kind])
    if count * dtype.itemsize <= len(place):
        return np.frombuffer(place, dtype, count)
    at = min(form.read(place, form.pointer, 0)[0], len(data))
    whole = min(count, (len(data) - at) // dtype.itemsize)
    return np.frombuffer(data[at : at + whole * dtype.itemsize], dtype)
