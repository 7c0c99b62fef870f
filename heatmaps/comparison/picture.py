"""Both heatmaps at one scale, and beside them their difference."""

from __future__ import annotations

from importlib.metadata import version
from typing import TYPE_CHECKING

import numpy as np

from heatmaps.comparison.text import places_words
from heatmaps.drawing import figure, raster, reading, render
from heatmaps.drawing.colours import Scale, symmetric_scale, upward_scale
from heatmaps.drawing.scalebar import scale_bar
from heatmaps.drawing.wording import percent, signed

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from heatmaps.comparison.compare import Compared, Comparison
    from heatmaps.slide.absent_slide import AnySlide

_LONGEST_SIDE_PX = 900
_GAP = 40
_LONGEST_NAME = 26
_EDGE = 12
"""Tiles of ground around the tissue that is shown."""


def draw_comparison(found: Comparison, one: Compared, slide: AnySlide) -> bytes:
    """Return the figure of one target as PNG bytes; ``slide`` is the first side's, open or absent."""
    ground = render.underlay(slide.thumbnail(slide.mpp * max(1.0, max(slide.size) / _LONGEST_SIDE_PX)))
    size = ground.shape[1], ground.shape[0]
    places = found.places
    placement = raster.place(places.corners, places.side, (slide.size[0], slide.size[1]), size)
    pictures = [raster.average(values, placement, size) for values in (*one.values, one.values[1] - one.values[0])]
    box = _shown(pictures[0])
    ground, pictures = ground[box], [picture[box] for picture in pictures]
    bar = scale_bar(slide.mpp * slide.size[0] / size[0], ground.shape[1])
    scale, apart = _scales(found, one)
    tinted = [render.overlay(ground, picture, scale.clip, signed=scale.signed) for picture in pictures[:2]]
    difference = render.overlay(ground, pictures[2], apart.clip)
    names = [_short(side.name) for side in found.sides]
    panels = [
        figure.Panel(picture, f"{name}: {percent(result.probability)}, log-odds {signed(result.logit)}")
        for name, picture, result in zip(names, tinted, (one.first, one.second), strict=True)
    ]
    words = figure.word_size(2, ground.shape[1])
    sheets = [
        figure.sheet_pixels(panels, _both(found, one, scale, names), scale, bar, words),
        figure.sheet_pixels(
            [figure.Panel(difference, f"{names[1]} less {names[0]}, place by place")],
            _difference(found, one, apart, names),
            apart,
            bar,
            words,
        ),
    ]
    return render.encode_png(_beside(sheets))


def _scales(found: Comparison, one: Compared) -> tuple[Scale, Scale]:
    """Return the scale of both heatmaps, and that of their difference; without a sign of its own it has one here."""
    both = np.concatenate(one.values)
    scale = symmetric_scale(both) if found.method.signed else upward_scale(both, fixed=found.method.fixed_clip)
    between = one.values[1] - one.values[0]
    # On the heatmaps' own scale where their unit is signed, so that pale means alike.
    return scale, symmetric_scale(between, scale.clip, "that of both heatmaps")


def _both(found: Comparison, one: Compared, scale: Scale, names: list[str]) -> figure.Legend:
    first = found.sides[0].features
    return figure.Legend(
        title=f"{first.slide_id}: {names[0]} and {names[1]}, {one.first.label}",
        subtitle=f"Correlation {_number(one.pearson)} (Pearson), {_number(one.spearman)} (Spearman); "
        f"{100 * one.top_overlap:.0f} % of the highest 1 % in common      Research use only, not a diagnosis",
        notes=(
            f"Method: {found.method.title}; both at one scale: {scale.rule} of both.",
            places_words(found)[0].upper() + places_words(found)[1:],
            f"Models {' and '.join(side.model.sha256[:12] for side in found.sides)}, wsi-swarm {version('wsi-swarm')}.",
        ),
        ends=reading.bar_ends(found.method, one.first.label),
        numbers=reading.bar_numbers(found.method, scale),
    )


def _difference(found: Comparison, one: Compared, scale: Scale, names: list[str]) -> figure.Legend:
    mean = float(np.abs(one.values[1] - one.values[0]).mean())
    return figure.Legend(
        title="Difference",
        subtitle=f"Mean absolute difference {mean:.3g}",
        notes=("White: both say the same there.",),
        ends=(f"▲ higher in\n    {names[1]}", f"▼ higher in\n    {names[0]}"),
        numbers=f"Unit: {found.method.unit}.\nColours end at ±{scale.clip:.3g},\nas beside; "
        f"{100 * scale.clipped_share:.1f} % of places\nlie beyond.",
    )


def _shown(picture: NDArray[np.float64]) -> tuple[slice, slice]:
    """Return the part of the slide with tissue, with some ground around it."""
    covered = ~np.isnan(picture)
    spans = []
    for axis, length in ((1, picture.shape[0]), (0, picture.shape[1])):
        found = np.flatnonzero(covered.any(axis=axis))
        spans.append(slice(max(int(found[0]) - _EDGE, 0), min(int(found[-1]) + 1 + _EDGE, length)))
    return spans[0], spans[1]


def _beside(sheets: list[NDArray[np.uint8]]) -> NDArray[np.uint8]:
    height = max(sheet.shape[0] for sheet in sheets)
    width = sum(sheet.shape[1] for sheet in sheets) + _GAP * (len(sheets) - 1)
    whole = np.full((height, width, 3), 255, np.uint8)
    left = 0
    for sheet in sheets:
        whole[: sheet.shape[0], left : left + sheet.shape[1]] = sheet
        left += sheet.shape[1] + _GAP
    return whole


def _number(value: float) -> str:
    return "not defined" if np.isnan(value) else f"{value:.3f}"


def _short(name: str) -> str:
    return name if len(name) <= _LONGEST_NAME else f"{name[: _LONGEST_NAME - 1]}…"
