"""An open slide: tiles and overviews in exact micrometres, through whichever source reads its pixels."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import openslide

from pipelines.errors import InputError
from pipelines.slides.blocks import make_blocks
from pipelines.slides.overview import Overview, read_overview
from pipelines.slides.pixels import Pixels, Undecodable, choose_raster
from pipelines.slides.resize import resize
from pipelines.slides.slide_list import slide_id_of

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

    from pipelines.slides.pixels import PixelSource, Raster

UNSCANNED_LIMIT = 0.5
"""A tile with more than this fraction of never scanned (transparent) pixels is no picture of the slide."""


class UnreadableRegion(InputError):  # noqa: N818 - the seam's name: a region is dropped and counted, the slide goes on
    """A region cannot be given as it is on the glass; ``cause`` is "unreadable" or "unscanned"."""

    def __init__(self, message: str, cause: str) -> None:
        super().__init__(message)
        self.cause = cause


class Slide:
    """An open slide; made by ``open_slide``. Safe to read from several threads at once.

    Attributes
    ----------
    id : str, file stem, or the folder's name for DICOM.
    path : Path as given.
    size : (width, height) of level 0 in px.
    level_sizes : (width, height) of each level in px.
    mpp : µm per level-0 px, exactly as in the file or as given.
    mpp_origin : "file" or "given".
    vendor : format as OpenSlide names it.
    reader : what reads the pixels, with the versions of its libraries.
    """

    def __init__(
        self, handle: openslide.OpenSlide, source: PixelSource, path: Path, mpp: float, mpp_origin: str
    ) -> None:
        self._source = source
        self.id = slide_id_of(path)
        self.path = path
        self.size: tuple[int, int] = handle.dimensions
        self.mpp = mpp
        self.mpp_origin = mpp_origin
        self.vendor: str = handle.properties.get(openslide.PROPERTY_NAME_VENDOR, "unknown")
        self.level_sizes: tuple[tuple[int, int], ...] = handle.level_dimensions
        self._downsamples: tuple[float, ...] = handle.level_downsamples

    def read_through(self, source: PixelSource) -> None:
        """Read pixels from another source than before."""
        self._source = source

    @property
    def reader(self) -> str:
        """What reads the pixels, with the versions of its libraries."""
        return self._source.reader

    def read_region(self, x: float, y: float, width: float, height: float, out_px: tuple[int, int]) -> np.ndarray:
        """Read a rectangle and scale it by area averaging.

        Parameters
        ----------
        x, y, width, height : rectangle in level-0 px; rounded once, in the pixels of the raster that is read.
        out_px : (width, height) of the result.

        Returns
        -------
        (out height, out width, 3) uint8 RGB. A minority of never scanned pixels is white.

        Raises
        ------
        UnreadableRegion
            If the file cannot be decoded there, or more than half of the area was never scanned.
        """
        raster = choose_raster(self.level_sizes, self._downsamples, min(width / out_px[0], height / out_px[1]))
        (read,) = self._source.read(raster, [raster.box(x, y, width, height)])
        tile = self._tile(x, y, read, out_px)
        if isinstance(tile, UnreadableRegion):
            raise tile
        return tile

    def blocks(self, coords: np.ndarray, side: float, out_px: int) -> list[np.ndarray]:
        """Return which tiles are best read together by ``read_tiles``: row indices of ``coords``, every row once.

        Parameters
        ----------
        coords : (N, 2), top-left corners in level-0 px.
        side : of a tile in level-0 px.
        out_px : side of a tile as it is wanted.
        """
        return make_blocks(coords, side, self._raster(side, out_px))

    def read_tiles(self, coords: np.ndarray, side: float, out_px: int) -> list[np.ndarray | UnreadableRegion]:
        """Read square tiles, each the same bit for bit as ``read_region`` gives it.

        Memory is bounded by a block and the tiles themselves, also where the tiles are more than one block.

        Parameters
        ----------
        coords : (N, 2), top-left corners in level-0 px.
        side : of a tile in level-0 px.
        out_px : side of the results.

        Returns
        -------
        For each tile (out_px, out_px, 3) uint8 RGB, or the error that ``read_region`` would raise.
        """
        raster = self._raster(side, out_px)
        corners = np.asarray(coords).tolist()
        tiles: dict[int, np.ndarray | UnreadableRegion] = {}
        for block in make_blocks(coords, side, raster):
            rows = block.tolist()
            boxes = [raster.box(*corners[row], side, side) for row in rows]
            for row, read in zip(rows, self._source.read(raster, boxes), strict=True):
                tiles[row] = self._tile(*corners[row], read, (out_px, out_px))
        return [tiles[row] for row in range(len(corners))]

    def overview(self, mpp: float) -> Overview:
        """Return the whole slide at about ``mpp`` (never finer than the slide itself), read block by block.

        A block that cannot be read is quartered until the hole is small; what remains is marked, not guessed.
        """
        return read_overview(self._source, self.level_sizes, self._downsamples, self.mpp, mpp)

    def thumbnail(self, mpp: float) -> np.ndarray:
        """Return the whole slide at about ``mpp`` as (H, W, 3) uint8 RGB."""
        return self.overview(mpp).image

    def close(self) -> None:
        """Close the file."""
        self._source.close()

    def __enter__(self) -> Slide:
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def _raster(self, side: float, out_px: int) -> Raster:
        return choose_raster(self.level_sizes, self._downsamples, side / out_px)

    def _tile(
        self, x: float, y: float, read: Pixels | Undecodable, out_px: tuple[int, int]
    ) -> np.ndarray | UnreadableRegion:
        if isinstance(read, Undecodable):
            where = f"{self.path}: the region at x={x:.0f}, y={y:.0f} (level-0 px)"
            return UnreadableRegion(f"{where} cannot be decoded: {read.reason}", "unreadable")
        if read.scanned < 1 - UNSCANNED_LIMIT:
            msg = f"{self.path}: the scanner left out the region at x={x:.0f}, y={y:.0f} (level-0 px)"
            return UnreadableRegion(msg, "unscanned")
        return resize(read.rgb, out_px)
