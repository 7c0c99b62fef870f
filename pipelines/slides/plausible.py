"""What OpenSlide must not be asked to open, and what no slide can be: found by damaging headers at random.

OpenSlide follows a DICOM header wherever it leads; two kinds take the whole process down with it. A size that is only
a damaged number costs hours and more memory than there is. Both are recognised here, before anything is read.
"""

from __future__ import annotations

import mmap
import struct
from typing import TYPE_CHECKING

from pipelines.errors import InputError
from pipelines.slides.plausible_tiff import tiff_problem

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import openslide

LARGEST_GLASS_MM2 = 5000.0
"""More than a double-width slide of 76 mm x 52 mm; 13 slides of the usual size."""
LONGEST_GLASS_MM = 200.0
FEWEST_BYTES_PER_PX = 1 / 2000
"""Even plain white takes more in every compression that scanners use: JPEG's blocks, Deflate's limit of 1032 : 1."""
_TRUSTED_PX = 2**24
"""What is read in a fraction of a second need not be doubted."""
DEEPEST_SEQUENCES = 64
"""libdicom (1.2) calls itself for each; somewhere above 10,000 the stack ends, and with it the process."""

_LONG_VRS = frozenset((b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR", b"UT", b"UV"))
_UNDEFINED = 0xFFFFFFFF
_DELIMITERS = 0xFFFE
_ITEM, _ITEM_END, _SEQUENCE_END = (0xFFFE, 0xE000), (0xFFFE, 0xE00D), (0xFFFE, 0xE0DD)
_SEVERAL_FILES = frozenset((".dcm", ".mrxs", ".vms", ".vmu"))
_ORGANISATION, _PER_FRAME, _PIXELS = (0x0020, 0x9311), (0x5200, 0x9230), (0x7FE0, 0x0010)
_PREAMBLE = 132


def refuse_dangerous(path: Path, file: Path) -> None:
    """Refuse what would take the process down if OpenSlide opened it.

    Parameters
    ----------
    path : what the user named.
    file : the file of it that OpenSlide is given. For DICOM it opens all others of the folder by itself.

    Raises
    ------
    InputError
        If one of the files must not be opened, or cannot be.
    """
    try:
        parts = sorted(file.parent.iterdir()) if _is_dicom(file) else []
        problems = ((part, dicom_problem(part)) for part in parts if part.is_file())
        part, problem = next(((part, problem) for part, problem in problems if problem), (file, tiff_problem(file)))
    except OSError as error:
        msg = f"{path} cannot be opened as a slide: {error}"
        raise InputError(msg) from error
    if problem:
        msg = f"{part} {problem}"
        raise InputError(msg)


def refuse_impossible_size(path: Path, handle: openslide.OpenSlide, mpp: float) -> None:
    """Raise ``InputError`` if an open slide claims a size that no slide has."""
    alone = path.is_file() and path.suffix.lower() not in _SEVERAL_FILES
    problem = size_problem(handle.dimensions, mpp, path.stat().st_size if alone else None)
    if problem:
        msg = f"{path} {problem}"
        raise InputError(msg)


def size_problem(size: tuple[int, int], mpp: float, file_bytes: int | None) -> str | None:
    """Return why a slide cannot have this size, or None.

    Parameters
    ----------
    size : (width, height) of level 0 in px.
    mpp : µm per level-0 px.
    file_bytes : length of the file, or None for a slide of several files.
    """
    width_mm, height_mm = (side * mpp / 1000 for side in size)
    if width_mm * height_mm > LARGEST_GLASS_MM2 or max(width_mm, height_mm) > LONGEST_GLASS_MM:
        return (
            f"claims {size[0]} x {size[1]} px of {mpp:g} µm, which is {width_mm:.0f} mm x {height_mm:.0f} mm of glass; "
            "correct its mpp, or copy the file again if it is damaged"
        )
    pixels = size[0] * size[1]
    if file_bytes is not None and pixels > _TRUSTED_PX and file_bytes < pixels * FEWEST_BYTES_PER_PX:
        return (
            f"claims {size[0]} x {size[1]} px but has only {file_bytes} bytes, so that it is cut short or its header "
            "is damaged; copy or export it again"
        )
    return None


def dicom_problem(path: Path) -> str | None:
    """Return why OpenSlide must not open a file that may be DICOM, or None; reads no further than the pixel data.

    Raises
    ------
    OSError
        If the file cannot be read.
    """
    if not _is_dicom(path):
        return None
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        return header_problem(data)


def _is_dicom(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(_PREAMBLE)[-4:] == b"DICM"


def header_problem(data: bytes | mmap.mmap) -> str | None:
    """Return what ``dicom_problem`` does, for the bytes of a file."""
    sparse = per_frame = False
    for tag, depth, value in _elements(data):
        if depth > DEEPEST_SEQUENCES:
            return f"has a DICOM header with more than {DEEPEST_SEQUENCES} sequences inside each other: it is damaged"
        sparse = sparse or (tag == _ORGANISATION and value.startswith(b"TILED_SPARSE"))
        per_frame = per_frame or tag == _PER_FRAME
    if sparse and not per_frame:
        return (
            "is DICOM of organization type TILED_SPARSE without the PerFrameFunctionalGroupsSequence that says where "
            "its frames lie; export it again, as TILED_FULL or with that sequence"
        )
    return None


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
        yield tag, len(ends) // 2, bytes(data[at : at + min(length, 16)])
        if tag == _PIXELS:
            return
        if vr == b"SQ" or length == _UNDEFINED:
            ends.append(None if length == _UNDEFINED else at + length)
        else:
            at += length
