"""What OpenSlide must not be asked to open, and what no slide can be: found by damaging headers at random.

OpenSlide follows a DICOM header wherever it leads; two kinds take the whole process down with it. A size that is only
a damaged number costs hours and more memory than there is. Both are recognised here, before anything is read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipelines.errors import InputError
from pipelines.slides.dicom_header import is_dicom, read_header
from pipelines.slides.plausible_tiff import tiff_problem

if TYPE_CHECKING:
    from pathlib import Path

    import openslide

LARGEST_GLASS_MM2 = 5000.0
"""More than a double-width slide of 76 mm x 52 mm; 13 slides of the usual size."""
LONGEST_GLASS_MM = 200.0
FEWEST_BYTES_PER_PX = 1 / 2000
"""Even plain white takes more in every compression that scanners use: JPEG's blocks, Deflate's limit of 1032 : 1."""
_TRUSTED_PX = 2**24
"""What is read in a fraction of a second need not be doubted."""
_SEVERAL_FILES = frozenset((".dcm", ".mrxs", ".vms", ".vmu"))


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
        parts = sorted(part for part in file.parent.iterdir() if part.is_file()) if is_dicom(file) else []
        headers = ((part, read_header(part)) for part in parts)
        problems = ((part, header.problem) for part, header in headers if header and header.problem)
        part, problem = next(problems, (file, tiff_problem(file)))
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
