"""Writing so that nothing is ever half there: aside, synced, renamed."""

from __future__ import annotations

import errno
import json
import os
import secrets
import shutil
from contextlib import contextmanager, suppress
from glob import escape
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    import h5py

_HDF5_GROWTH = 2**20


@contextmanager
def replacing(path: Path, durable: bool = True) -> Iterator[Path]:
    """Yield a temporary path beside ``path``; on success sync it and rename it over ``path``.

    On an exception the temporary file is removed and ``path`` is as it was. What is not ``durable`` is not synced: a
    killed process still leaves it whole or not at all, a power cut may leave a torn file, which its reader must notice.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f".{path.name}.{os.getpid()}-{secrets.token_hex(4)}.tmp")
    try:
        yield aside
        if durable:
            with aside.open("rb") as handle:
                os.fsync(handle.fileno())
        aside.replace(path)
        if durable:
            _sync_folder(path.parent)
    finally:
        aside.unlink(missing_ok=True)


def remove_left_overs(path: Path) -> None:
    """Remove what writers of ``path`` left when they were killed; call it where nobody else can be writing it."""
    for left_over in path.parent.glob(f".{escape(path.name)}.*.tmp"):
        left_over.unlink(missing_ok=True)


def write_bytes(path: Path, data: bytes, durable: bool = True) -> None:
    """Write ``data`` to ``path`` atomically and, unless told otherwise, durably."""
    with replacing(path, durable) as aside:
        aside.write_bytes(data)


def hdf5_bytes(fill: Callable[[h5py.File], None]) -> bytes:
    """Return the bytes of the HDF5 file that ``fill`` fills; equal content gives equal bytes.

    A disk that is full is then an ``OSError`` of one write, not an error from the depth of a library that also wants
    to write when it closes.
    """
    import h5py  # the other functions are wanted where it is not

    # HDF5 tells files in memory apart by their names, and two threads may each have one open.
    name = f"memory-{secrets.token_hex(8)}.h5"
    with h5py.File(name, "w", driver="core", backing_store=False, block_size=_HDF5_GROWTH) as file:
        fill(file)
        file.flush()
        return file.id.get_file_image()


def write_text(path: Path, text: str, durable: bool = True) -> None:
    """Write UTF-8 ``text`` to ``path``, as ``write_bytes`` does."""
    write_bytes(path, text.encode(), durable)


def write_json(path: Path, value: Any, durable: bool = True) -> None:
    """Write ``value`` as strict JSON (NaN is refused) to ``path``, as ``write_bytes`` does."""
    write_text(path, json.dumps(value, indent=1, allow_nan=False, ensure_ascii=False) + "\n", durable)


def why_not_written(path: Path, error: OSError) -> str:
    """Return the one sentence for a file that could not be written: which, why, how much is free, what to do."""
    free = ""
    with suppress(OSError):
        folder = next(folder for folder in (path, *path.absolute().parents) if folder.is_dir())
        free = f" ({shutil.disk_usage(folder).free / 2**30:.2f} GiB free there)"
    full = error.errno in {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
    remedy = "free some space" if full else "mend that"
    return (
        f"{path} cannot be written: {error.strerror or error}{free}; {remedy} and run the same command again, "
        "what is done stays done"
    )


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
