"""What the parsers of others raise on files that are cut short or hold nonsense."""

from __future__ import annotations

import zipfile
import zlib

TABLE_DAMAGE = (
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
    ImportError,
    SyntaxError,
    zipfile.BadZipFile,
    zlib.error,
)
"""Reading a CSV or XLSX; malformed XML is a ``SyntaxError``, an unknown compression a ``RuntimeError``."""
