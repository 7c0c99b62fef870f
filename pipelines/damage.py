"""What the parsers of others raise on files that are cut short or hold nonsense."""

from __future__ import annotations

import struct
import zipfile
import zlib

DAMAGE = (
    ValueError,
    OSError,
    LookupError,
    TypeError,
    AttributeError,
    ArithmeticError,
    AssertionError,
    RuntimeError,
    EOFError,
    MemoryError,
    struct.error,
)
"""h5py, numpy, tifffile and torch."""
TABLE_DAMAGE = (*DAMAGE, ImportError, SyntaxError, zipfile.BadZipFile, zlib.error)
"""Reading a CSV or XLSX; malformed XML is a ``SyntaxError``, an unknown compression a ``RuntimeError``."""
