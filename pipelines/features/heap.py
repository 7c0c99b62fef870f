"""HDF5 files whose texts never end, recognised before the library is given them.

Texts of attributes lie in global heap collections (HDF5 file format 3.0, III.E), one object after another. Where one
damaged byte in a length leads to an object of length 0, the library (2.0) does not come back.
"""

from __future__ import annotations

import struct
from pathlib import Path

from pipelines.errors import InputError

_START = b"GCOL\x01\0\0\0"
_HEAD, _OBJECT = 16, 16
_SEARCHED_BYTES = 2**22
"""From both ends of a file. Texts are written with the file's first objects or, by some, with its last."""


def refuse_endless(path: Path) -> None:
    """Raise ``InputError`` if the texts of an HDF5 file must not be read; a missing file is left to others."""
    try:
        with Path(path).open("rb") as file:
            first = file.read(_SEARCHED_BYTES)
            end = file.seek(0, 2)
            file.seek(max(len(first), end - _SEARCHED_BYTES))
            last = file.read()
    except OSError:
        return  # who opens it next says why it cannot be read
    if is_endless(first) or is_endless(last):
        msg = f"{path} is not a whole HDF5 file (where its texts lie is damaged); copy or make it again"
        raise InputError(msg)


def is_endless(data: bytes) -> bool:
    """Return whether some collection of texts that begins in ``data`` has an object that leads nowhere."""
    start = data.find(_START)
    while start >= 0:
        if start + _HEAD <= len(data) and _leads_nowhere(data, start):
            return True
        start = data.find(_START, start + 1)
    return False


def _leads_nowhere(data: bytes, start: int) -> bool:
    (size,) = struct.unpack_from("<Q", data, start + 8)
    at, end = start + _HEAD, min(start + size, len(data))
    while at + _OBJECT <= end:
        index, length = struct.unpack_from("<H6xQ", data, at)
        if index == 0:
            return start + size <= len(data) and at + length != start + size  # it is the free rest of the collection
        at += _OBJECT + (length + 7) // 8 * 8
    return at > start + size
