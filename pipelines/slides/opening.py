"""Opening slides: OpenSlide decides what is one; the fastest source that shows the same pixels reads it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal, get_args

import openslide

from pipelines.errors import ConfigError, InputError
from pipelines.slides.dicom_header import read_header
from pipelines.slides.jpeg_pages import NotDirectError
from pipelines.slides.jpeg_tiff import open_jpeg_tiff
from pipelines.slides.openslide_source import OpenSlideSource
from pipelines.slides.plausible import refuse_dangerous, refuse_impossible_size
from pipelines.slides.resolution import resolution_of
from pipelines.slides.slide import Slide

if TYPE_CHECKING:
    from pipelines.slides.pixels import PixelSource

Reader = Literal["auto", "openslide", "jpeg-tiff"]
READERS: tuple[Reader, ...] = get_args(Reader)


def open_slide(
    path: Path,
    slide_mpp: float | None = None,
    only_if_missing: bool = False,
    reader: Reader = "auto",
    mpp_flag: str = "--slide-mpp",
) -> Slide:
    """Open a slide file or DICOM folder.

    Parameters
    ----------
    path : slide file, or a folder that holds the DICOM files of one slide.
    slide_mpp : µm per level-0 px for a slide whose file does not say it. It never overrules a file that does.
    only_if_missing : take a file's own mpp without complaint even where ``slide_mpp`` differs; for a value that was
        given for many slides at once.
    reader : what reads the pixels: "openslide", "jpeg-tiff" (only tiled JPEG in TIFF and SVS), or "auto", the
        faster one that can.
    mpp_flag : what the option is called by which the user gives ``slide_mpp``, for the message.

    Raises
    ------
    InputError
        If the slide is missing or unreadable, says no (plausible) mpp and none is given, says another mpp than
        the one given, has pixels that are not square (beyond 2 %), or cannot be read by the reader asked for.
    """
    path = Path(path)
    file = _file_of(path)
    handle = _handle(path, file)
    try:
        mpp, origin = resolution_of(path, handle, slide_mpp, only_if_missing, mpp_flag)
        refuse_impossible_size(path, handle, mpp)
        whole = OpenSlideSource(handle, file)
        slide = Slide(handle, whole, path, mpp, origin)
        # Now, not before: a broken tile that is tried here makes the handle useless for asking what the slide says.
        slide.read_through(_source(handle, whole, path, file, reader))
        return slide
    except BaseException:
        handle.close()
        raise


def open_handle(path: Path) -> openslide.OpenSlide:
    """Open a slide file or DICOM folder as OpenSlide does, whatever its resolution; ``InputError`` if it can't be."""
    return _handle(Path(path), _file_of(Path(path)))


def _handle(path: Path, file: Path) -> openslide.OpenSlide:
    try:
        return openslide.OpenSlide(file)
    except (openslide.OpenSlideError, OSError) as error:
        msg = f"{path} cannot be opened as a slide: {error}"
        raise InputError(msg) from error


def _source(handle: openslide.OpenSlide, whole: OpenSlideSource, path: Path, file: Path, reader: Reader) -> PixelSource:
    if reader not in READERS:
        msg = f"reader '{reader}' is unknown; known are {', '.join(READERS)}"
        raise ConfigError(msg)
    if reader == "openslide":
        return whole
    try:
        return open_jpeg_tiff(file, handle, whole)
    except NotDirectError as why:
        if reader == "auto":
            return whole
        msg = f"{path} cannot be read by jpeg-tiff: {why}; leave the reader to 'auto'"
        raise InputError(msg) from why


def _file_of(path: Path) -> Path:
    if not path.exists():
        msg = f"{path} does not exist"
        raise InputError(msg)
    if path.is_file():
        refuse_dangerous(path, path)
        return path
    # The largest file is nearly always level 0; OpenSlide finds the other levels of its series by itself.
    parts = sorted(path.glob("*.dcm"), key=lambda part: (-part.stat().st_size, part.name))
    if not parts:
        msg = f"{path} is a folder without .dcm files, so it is no DICOM slide"
        raise InputError(msg)
    refuse_dangerous(path, parts[0])
    _refuse_two_series(path, parts)
    return parts[0]


def _refuse_two_series(folder: Path, parts: list[Path]) -> None:
    found: dict[str, Path] = {}
    for part in parts:
        header = read_header(part)
        if header is not None and header.series is not None:
            found.setdefault(header.series, part)
    if len(found) > 1:
        named = " and ".join(f"{uid} ({part.name})" for uid, part in list(found.items())[:2])
        msg = f"{folder} holds more than one DICOM series: {named}; give each slide a folder of its own"
        raise InputError(msg)
