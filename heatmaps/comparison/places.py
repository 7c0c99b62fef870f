"""The places at which two heatmaps are compared: the tiles that both have, or a common grid in µm."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from heatmaps.comparison.registration import shift_of_pictures
from heatmaps.comparison.shift import Shift, Tissue, best_shift, overlap_of
from heatmaps.drawing.raster import Placement, average
from pipelines.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pipelines.features import Features
    from pipelines.slides import Slide

LEAST_OVERLAP = 0.7
"""Of the two areas of tissue, as a Jaccard index; below it nobody should compare them place by place."""
_ONE_SCAN = 0.99
"""Of the tiles, from which two files under different names are one scan, such as a slide and its conversion."""
LEAST_PLACES = 10
_FINE = 4
"""Steps of the fine raster along a cell."""
_SEARCHED = 2
"""Times the precision of the first guess that is searched for a finer one, to each side."""
_COVERED = 0.5
"""Share of a cell that both must cover."""


@dataclass(frozen=True)
class Places:
    """Where two heatmaps are compared.

    Attributes
    ----------
    corners : (M, 2) float64
        Upper left corners in level-0 px of the first scan.
    side : float
        Of a place, in the same px.
    shift : Shift
        Zero for two models on one scan.
    same_tiles : bool
        Whether the places are the tiles themselves.
    of_first, of_second : how to get from (N,) values of tiles to (M,) values of places.
    """

    corners: NDArray[np.float64]
    side: float
    shift: Shift
    same_tiles: bool
    of_first: _Taken | _Averaged
    of_second: _Taken | _Averaged


@dataclass(frozen=True)
class _Taken:
    index: NDArray[np.int64]

    def __call__(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        return values[self.index]


@dataclass(frozen=True)
class _Averaged:
    placement: Placement
    size: tuple[int, int]
    cells: NDArray[np.bool_] | None = None

    def whole(self, values: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return mean of each cell (0 where no tile lies) and the share of it that tiles cover."""
        fine = average(values, self.placement, self.size)
        blocks = fine.reshape(self.size[1] // _FINE, _FINE, self.size[0] // _FINE, _FINE)
        known = ~np.isnan(blocks)
        count = known.sum(axis=(1, 3))
        return np.nansum(blocks, axis=(1, 3)) / np.maximum(count, 1), count / _FINE**2

    def __call__(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        return self.whole(values)[0][self.cells]


def common_places(first: Features, second: Features, slides: tuple[Slide, Slide] | None = None) -> Places:
    """Find the places that two feature files of one slide have in common.

    On one scan with one grid these are the tiles that both hold. Otherwise it is a grid in µm with the larger step of
    the two, on which tiles are averaged by area, after the second scan was shifted so that the areas of tissue overlap
    most. Where both slides are at hand, their pictures tell the shift more finely.

    Raises
    ------
    InputError
        If the areas overlap too little, or there are too few places.
    """
    same_scan = first.slide_size == second.slide_size and np.isclose(first.mpp, second.mpp, rtol=1e-6, atol=0)
    if same_scan and np.isclose(first.tile_px_level0, second.tile_px_level0, rtol=1e-6, atol=0):
        found = _same_tiles(first, second)
        if found is not None:
            return found
    same_slide = bool(same_scan) and first.slide_id == second.slide_id
    return _common_grid(first, second, same_slide, slides)


def _same_tiles(first: Features, second: Features) -> Places | None:
    where = {tuple(corner): row for row, corner in enumerate(second.coords.tolist())}
    pairs = [(row, where[tuple(corner)]) for row, corner in enumerate(first.coords.tolist()) if tuple(corner) in where]
    overlap = len(pairs) / (len(first.coords) + len(second.coords) - len(pairs))
    # Two scans from one scanner may have one size and still not show the same place at the same pixel.
    if overlap < (LEAST_OVERLAP if first.slide_id == second.slide_id else _ONE_SCAN):
        return None
    index = np.array(pairs, np.int64)
    corners = first.coords[index[:, 0]].astype(np.float64)
    shift = Shift(np.zeros(2), 0.0, overlap)
    return Places(corners, first.tile_px_level0, shift, True, _Taken(index[:, 0]), _Taken(index[:, 1]))


def _common_grid(first: Features, second: Features, same_slide: bool, slides: tuple[Slide, Slide] | None) -> Places:
    cell = max(_step_um(first), _step_um(second))
    tissues = [Tissue(one.coords.astype(np.float64) * one.mpp, one.tile_um) for one in (first, second)]
    if same_slide:
        shift = Shift(np.zeros(2), 0.0, overlap_of(*tissues, cell / _FINE))
    else:
        shift = _finer(best_shift(*tissues, cell / _FINE), tissues, cell / _FINE, slides)
    if shift.overlap < LEAST_OVERLAP:
        msg = (
            f"the tissue of {first.slide_id} and of {second.slide_id} overlaps by {shift.overlap:.0%} at best, and "
            f"{LEAST_OVERLAP:.0%} are needed; compare scans of one slide that are not turned or mirrored, and tile "
            "both with the same settings"
        )
        raise InputError(msg)
    moved = [tissues[0].corners, tissues[1].corners + shift.um]
    low = np.min([corners.min(axis=0) for corners in moved], axis=0)
    # The grid has the phase of the first scan's tiles, so that these are not averaged where steps are equal.
    phase = moved[0].min(axis=0)
    origin = phase - np.ceil((phase - low) / cell) * cell
    high = np.max([corners.max(axis=0) + tissue.side for corners, tissue in zip(moved, tissues, strict=True)], axis=0)
    size = tuple(int(count) * _FINE for count in np.ceil((high - origin) / cell))
    averaged = [
        _Averaged(_fine_placement(corners - origin, tissue.side, cell / _FINE, size), size)
        for corners, tissue in zip(moved, tissues, strict=True)
    ]
    shares = [one.whole(np.zeros(len(one.placement.left)))[1] for one in averaged]
    cells = (shares[0] >= _COVERED) & (shares[1] >= _COVERED)
    if int(cells.sum()) < LEAST_PLACES:
        msg = (
            f"{first.slide_id} and {second.slide_id} have {int(cells.sum())} places of {cell:g} µm in common, and "
            f"{LEAST_PLACES} are needed; such small tissue is compared by eye"
        )
        raise InputError(msg)
    lines, columns = np.nonzero(cells)
    corners = (origin + np.column_stack([columns, lines]) * cell) / first.mpp
    of_first, of_second = (_Averaged(one.placement, one.size, cells) for one in averaged)
    return Places(corners, cell / first.mpp, shift, False, of_first, of_second)


def _finer(shift: Shift, tissues: list[Tissue], step_um: float, slides: tuple[Slide, Slide] | None) -> Shift:
    """Return the shift that the slides' pictures tell, where they are there and alike."""
    if slides is None:
        return shift
    found = shift_of_pictures(*slides, shift.um, _SEARCHED * shift.precision_um)
    if found is None:
        return shift
    moved = Tissue(tissues[1].corners + found[0], tissues[1].side)
    return Shift(found[0], found[1], overlap_of(tissues[0], moved, step_um), by_pictures=True)


def _step_um(features: Features) -> float:
    attrs = features.attrs
    return features.tile_um * (attrs["tile_px"] - attrs["overlap_px"]) / attrs["tile_px"]


def _fine_placement(corners: NDArray[np.float64], side: float, fine: float, size: tuple[int, int]) -> Placement:
    low = np.rint(corners / fine).astype(np.int64)
    high = np.maximum(np.rint((corners + side) / fine).astype(np.int64), low + 1)
    low, high = np.clip(low, 0, None), np.minimum(high, size)
    return Placement(low[:, 0], low[:, 1], high[:, 0], high[:, 1])
