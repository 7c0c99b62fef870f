"""Reading whole-slide images through OpenSlide, in exact micrometres."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
import openslide

from pipelines.errors import InputError
from pipelines.slides.slide_list import slide_id_of

if TYPE_CHECKING:
    from types import TracebackType


PLAUSIBLE_MPP = (0.02, 20.0)
"""Scans lie inside; a print resolution of 72 dpi (353 µm/px) that an image program left in a TIFF lies outside."""
MPP_TOLERANCE = 0.02
"""Largest relative difference between mpp-x and mpp-y, or between a slide's own mpp and the one given for it."""
UNSCANNED_LIMIT = 0.5
"""A tile with more than this fraction of never scanned (transparent) pixels is no picture of the slide."""
_OVERVIEW_OVERSAMPLING = 2
"""Some writers make levels by leaving pixels out; averaging at least 2 x 2 of them keeps one from deciding."""
_BLOCK_PX = 4096
_FINEST_BLOCK_PX = 32
_QUARTERINGS = 2**4
"""How far a block with a hole is divided; each failing part costs opening the slide once more."""

READER = f"openslide {openslide.__library_version__}"


class UnreadableRegion(InputError):  # noqa: N818 - the seam's name: a region is dropped and counted, the slide goes on
    """A region cannot be given as it is on the glass; ``cause`` is "unreadable" or "unscanned"."""

    def __init__(self, message: str, cause: str) -> None:
        super().__init__(message)
        self.cause = cause


@dataclass(frozen=True)
class Overview:
    """A slide at low resolution.

    Attributes
    ----------
    image : (H, W, 3) uint8 RGB; white where nothing was scanned or could be read.
    readable : (H, W) bool; False where the file could not be read.
    mpp : µm per pixel of ``image``.
    """

    image: np.ndarray
    readable: np.ndarray
    mpp: float


class Slide:
    """An open slide; made by ``open_slide``. Safe to read from several threads at once.

    Attributes
    ----------
    id : str, file stem, or the folder's name for DICOM.
    path : Path as given.
    size : (width, height) of level 0 in px.
    mpp : µm per level-0 px, exactly as in the file or as given.
    mpp_origin : "file" or "given".
    objective : objective power or None.
    vendor : format as OpenSlide names it.
    reader : library and version.
    """

    def __init__(self, handle: openslide.OpenSlide, file: Path, path: Path, mpp: float, mpp_origin: str) -> None:
        self._handle = handle
        self._file = file
        self._reopening = threading.Lock()
        self.id = slide_id_of(path)
        self.path = path
        self.size: tuple[int, int] = handle.dimensions
        self.mpp = mpp
        self.mpp_origin = mpp_origin
        power = handle.properties.get(openslide.PROPERTY_NAME_OBJECTIVE_POWER)
        self.objective = float(power) if power else None
        self.vendor: str = handle.properties.get(openslide.PROPERTY_NAME_VENDOR, "unknown")
        self.reader = READER
        self.level_sizes: tuple[tuple[int, int], ...] = handle.level_dimensions
        self._downsamples: tuple[float, ...] = handle.level_downsamples

    def read_region(self, x: float, y: float, width: float, height: float, out_px: tuple[int, int]) -> np.ndarray:
        """Read a rectangle and scale it by area averaging.

        Parameters
        ----------
        x, y, width, height : rectangle in level-0 px; rounded once, in the pixels of the level that is read.
        out_px : (width, height) of the result.

        Returns
        -------
        (out height, out width, 3) uint8 RGB. A minority of never scanned pixels is white.

        Raises
        ------
        UnreadableRegion
            If the file cannot be decoded there, or more than half of the area was never scanned.
        """
        level = self._best_level(min(width / out_px[0], height / out_px[1]))
        rgba = self._read_rgba(level, x, y, width, height)
        if rgba[..., 3].mean() < 255 * (1 - UNSCANNED_LIMIT):
            msg = f"{self.path}: the scanner left out the region at x={x:.0f}, y={y:.0f} (level-0 px)"
            raise UnreadableRegion(msg, "unscanned")
        return _resize(_on_white(rgba), out_px)

    def overview(self, mpp: float) -> Overview:
        """Return the whole slide at about ``mpp`` (never finer than the slide itself), read block by block.

        A block that cannot be read is quartered until the hole is small; what remains is marked, not guessed.
        """
        scale = max(1.0, mpp / self.mpp)
        out_w, out_h = (max(1, round(side / scale)) for side in self.size)
        level = self._best_level(scale / _OVERVIEW_OVERSAMPLING)
        image = np.full((out_h, out_w, 3), 255, np.uint8)
        readable = np.ones((out_h, out_w), bool)
        step = max(_FINEST_BLOCK_PX, int(_BLOCK_PX / (scale / self._downsamples[level])))
        finest = max(_FINEST_BLOCK_PX, step // _QUARTERINGS)
        blocks = [(left, top, step) for top in range(0, out_h, step) for left in range(0, out_w, step)]
        while blocks:
            left, top, side = blocks.pop()
            right, bottom = min(left + side, out_w), min(top + side, out_h)
            x0, x1 = left * self.size[0] / out_w, right * self.size[0] / out_w
            y0, y1 = top * self.size[1] / out_h, bottom * self.size[1] / out_h
            out_px = (right - left, bottom - top)
            try:
                rgba = self._read_rgba(level, x0, y0, x1 - x0, y1 - y0)
                image[top:bottom, left:right] = _resize(_on_white(rgba), out_px)
            except UnreadableRegion:
                if side > finest:
                    half = -(-side // 2)
                    corners = ((left, top), (left + half, top), (left, top + half), (left + half, top + half))
                    blocks += [(x, y, half) for x, y in corners if x < right and y < bottom]
                else:
                    readable[top:bottom, left:right] = False
        return Overview(image, readable, self.mpp * self.size[0] / out_w)

    def thumbnail(self, mpp: float) -> np.ndarray:
        """Return the whole slide at about ``mpp`` as (H, W, 3) uint8 RGB."""
        return self.overview(mpp).image

    def close(self) -> None:
        """Close the file."""
        self._handle.close()

    def __enter__(self) -> Slide:
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def _best_level(self, scale: float) -> int:
        # The tolerance keeps a level whose downsample is 4.0011 instead of 4 usable for a wish of exactly 4.
        fits = [level for level, downsample in enumerate(self._downsamples) if downsample <= scale * 1.005]
        return fits[-1] if fits else 0

    def _read_rgba(self, level: int, x: float, y: float, width: float, height: float) -> np.ndarray:
        downsample = self._downsamples[level]
        origin = (round(x), round(y))
        size = (max(1, round(width / downsample)), max(1, round(height / downsample)))
        handle = self._handle
        try:
            return np.asarray(handle.read_region(origin, level, size))
        except openslide.OpenSlideError as first:
            return self._read_on_fresh_handle(handle, origin, level, size, first)

    def _read_on_fresh_handle(
        self,
        failed: openslide.OpenSlide,
        origin: tuple[int, int],
        level: int,
        size: tuple[int, int],
        first: openslide.OpenSlideError,
    ) -> np.ndarray:
        # An OpenSlide handle that has failed once fails for ever, also for the other threads that read from it. A
        # handle of this thread's own tells whether this region is the bad one; the failed handle is not closed
        # here because other threads may be inside it: it closes when the last of them lets go of it.
        try:
            with self._reopening:
                if self._handle is failed:
                    self._handle = openslide.OpenSlide(self._file)
            with openslide.OpenSlide(self._file) as own:
                return np.asarray(own.read_region(origin, level, size))
        except (openslide.OpenSlideError, OSError) as error:
            msg = f"{self.path}: the region at x={origin[0]}, y={origin[1]} (level-0 px) cannot be decoded: {first}"
            raise UnreadableRegion(msg, "unreadable") from error


def open_slide(path: Path, slide_mpp: float | None = None, only_if_missing: bool = False) -> Slide:
    """Open a slide file or DICOM folder.

    Parameters
    ----------
    path : slide file, or a folder that holds the DICOM files of one slide.
    slide_mpp : µm per level-0 px for a slide whose file does not say it. It never overrules a file that does.
    only_if_missing : take a file's own mpp without complaint even where ``slide_mpp`` differs; for a value that was
        given for many slides at once.

    Raises
    ------
    InputError
        If the slide is missing or unreadable, says no (plausible) mpp and none is given, says another mpp than
        the one given, or has pixels that are not square (beyond 2 %).
    """
    path = Path(path)
    handle = open_handle(path)
    try:
        mpp, origin = resolution_of(path, handle, slide_mpp, only_if_missing)
        return Slide(handle, _file_of(path), path, mpp, origin)
    except BaseException:
        handle.close()
        raise


def open_handle(path: Path) -> openslide.OpenSlide:
    """Open a slide file or DICOM folder as OpenSlide does, whatever its resolution; ``InputError`` if it can't be."""
    try:
        return openslide.OpenSlide(_file_of(Path(path)))
    except (openslide.OpenSlideError, OSError) as error:
        msg = f"{path} cannot be opened as a slide: {error}"
        raise InputError(msg) from error


def _file_of(path: Path) -> Path:
    if not path.exists():
        msg = f"{path} does not exist"
        raise InputError(msg)
    if path.is_file():
        return path
    # The largest file is nearly always level 0; OpenSlide finds the other levels of its series by itself.
    parts = sorted(path.glob("*.dcm"), key=lambda part: (-part.stat().st_size, part.name))
    if not parts:
        msg = f"{path} is a folder without .dcm files, so it is no DICOM slide"
        raise InputError(msg)
    return parts[0]


def resolution_of(
    path: Path, handle: openslide.OpenSlide, given: float | None, only_if_missing: bool = False
) -> tuple[float, str]:
    """Return (µm per level-0 px, "file" or "given"); ``InputError`` as ``open_slide`` says."""
    if given is not None and not PLAUSIBLE_MPP[0] <= given <= PLAUSIBLE_MPP[1]:
        msg = f"{path}: the given mpp {given:g} is not in {PLAUSIBLE_MPP[0]:g}-{PLAUSIBLE_MPP[1]:g} µm/px; correct it"
        raise InputError(msg)
    along_x = _positive(handle.properties.get(openslide.PROPERTY_NAME_MPP_X))
    along_y = _positive(handle.properties.get(openslide.PROPERTY_NAME_MPP_Y))
    known = along_x is not None and along_y is not None
    if known and abs(along_x - along_y) / max(along_x, along_y) > MPP_TOLERANCE:
        msg = (
            f"{path} has pixels that are not square (mpp {along_x:g} x {along_y:g}), beyond the 2 % allowed; "
            "export it again with square pixels"
        )
        raise InputError(msg)
    own = (along_x + along_y) / 2 if known else None
    if own is not None and PLAUSIBLE_MPP[0] <= own <= PLAUSIBLE_MPP[1]:
        differs = given is not None and abs(own - given) / own > MPP_TOLERANCE
        if differs and not only_if_missing:
            msg = f"{path} says {own:g} µm per pixel but {given:g} was given; leave the given value out for this slide"
            raise InputError(msg)
        return own, "file"
    if given is not None:
        return given, "given"
    says = "does not say its resolution" if own is None else f"claims {own:g} µm per pixel, which no scanner makes"
    msg = f"{path} {says}; give µm per pixel with --slide-mpp (or an mpp column in the slide table)"
    raise InputError(msg)


def _positive(text: str | None) -> float | None:
    try:
        value = float(text) if text else 0.0
    except ValueError:
        return None
    return value if 0 < value < float("inf") else None


def _on_white(rgba: np.ndarray) -> np.ndarray:
    alpha = rgba[..., 3:]
    if alpha.min() == 255:
        return np.ascontiguousarray(rgba[..., :3])
    weight = alpha.astype(np.float32) / 255
    return np.rint(rgba[..., :3] * weight + 255 * (1 - weight)).astype(np.uint8)


def _resize(rgb: np.ndarray, out_px: tuple[int, int]) -> np.ndarray:
    height, width = rgb.shape[:2]
    if (width, height) == out_px:
        return rgb
    smaller = width >= out_px[0] and height >= out_px[1]
    return cv2.resize(rgb, out_px, interpolation=cv2.INTER_AREA if smaller else cv2.INTER_LINEAR)
