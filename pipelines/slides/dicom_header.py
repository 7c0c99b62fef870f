"""What the header of a DICOM file says, read before OpenSlide is asked to follow it."""

from __future__ import annotations

import mmap
import struct
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

DEEPEST_SEQUENCES = 64
"""libdicom (1.2) calls itself for each; somewhere above 10,000 the stack ends, and with it the process."""

_LONG_VRS = frozenset((b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR", b"UT", b"UV"))
_UNDEFINED = 0xFFFFFFFF
_DELIMITERS = 0xFFFE
_ITEM, _ITEM_END, _SEQUENCE_END = (0xFFFE, 0xE000), (0xFFFE, 0xE00D), (0xFFFE, 0xE0DD)
_IMAGE_TYPE, _SERIES, _ORGANISATION = (0x0008, 0x0008), (0x0020, 0x000E), (0x0020, 0x9311)
_PER_FRAME, _PIXELS = (0x5200, 0x9230), (0x7FE0, 0x0010)
_PREAMBLE = 132
_LONGEST_VALUE = 64
"""What is looked at of a value; an identifier has no more."""


@dataclass(frozen=True)
class DicomHeader:
    """What is wanted of a header.

    Attributes
    ----------
    problem : why OpenSlide must not open the file, or None.
    series : identifier of the series that the file is a level of; None for labels and all that is no level.
    """

    problem: str | None = None
    series: str | None = None


def read_header(path: Path) -> DicomHeader | None:
    """Read the header of a file, no further than the pixel data; None if it is not DICOM.

    A slide is opened with all files of its folder, and a folder may hold many slides: each file is read once.

    Raises
    ------
    OSError
        If the file cannot be read.
    """
    stat = path.stat()
    return _read_once(path, stat.st_size, stat.st_mtime_ns)


def is_dicom(path: Path) -> bool:
    """Return whether a file begins as DICOM does."""
    with path.open("rb") as file:
        return file.read(_PREAMBLE)[-4:] == b"DICM"


@lru_cache(maxsize=2**14)
def _read_once(path: Path, size: int, mtime_ns: int) -> DicomHeader | None:
    del size, mtime_ns  # they make a file that was replaced another one
    if not is_dicom(path):
        return None
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        return parse_header(data)


def parse_header(data: bytes | mmap.mmap) -> DicomHeader:
    """Return what ``read_header`` does, for the bytes of a DICOM file."""
    sparse = per_frame = level = False
    series: str | None = None
    for tag, depth, value in _elements(data):
        if depth > DEEPEST_SEQUENCES:
            return DicomHeader(
                f"has a DICOM header with more than {DEEPEST_SEQUENCES} sequences inside each other: it is damaged"
            )
        sparse = sparse or (tag == _ORGANISATION and value.startswith(b"TILED_SPARSE"))
        per_frame = per_frame or tag == _PER_FRAME
        level = level or (tag == _IMAGE_TYPE and depth == 0 and b"VOLUME" in value)
        if tag == _SERIES and depth == 0:
            series = value.rstrip(b"\0 ").decode("ascii", errors="replace")
    problem = None
    if sparse and not per_frame:
        problem = (
            "is DICOM of organization type TILED_SPARSE without the PerFrameFunctionalGroupsSequence that says where "
            "its frames lie; export it again, as TILED_FULL or with that sequence"
        )
    return DicomHeader(problem, series if level else None)


def _elements(data: bytes | mmap.mmap) -> Iterator[tuple[tuple[int, int], int, bytes]]:
    """Yield (tag, depth, first bytes of a short value) up to the pixel data or the first nonsense."""
    at, end = _PREAMBLE, len(data)
    ends: list[int | None] = []  # of the sequences and items that are open; None = at its delimiter
    while at + 8 <= end:
        while ends and ends[-1] is not None and at >= ends[-1]:
            ends.pop()
        tag = struct.unpack_from("<HH", data, at)
        if tag[0] == _DELIMITERS:
            (length,) = struct.unpack_from("<I", data, at + 4)
            at += 8
            if tag == _ITEM:
                ends.append(None if length == _UNDEFINED else at + length)
            elif tag in (_ITEM_END, _SEQUENCE_END) and ends:
                ends.pop()
            continue
        vr = data[at + 4 : at + 6]
        if vr not in _LONG_VRS:
            (length,) = struct.unpack_from("<H", data, at + 6)
            at += 8
        elif at + 12 <= end:
            (length,) = struct.unpack_from("<I", data, at + 8)
            at += 12
        else:
            return
        yield tag, len(ends) // 2, bytes(data[at : at + min(length, _LONGEST_VALUE)])
        if tag == _PIXELS:
            return
        if vr == b"SQ" or length == _UNDEFINED:
            ends.append(None if length == _UNDEFINED else at + length)
        else:
            at += length
