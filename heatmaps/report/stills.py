"""Pictures that stay when the viewer can't: in print, in a PDF, without JavaScript."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from heatmaps.drawing import render
from heatmaps.drawing.colours import colour
from heatmaps.drawing.figure import signed_tick, ticks_of
from heatmaps.report.data_uri import data_uri

if TYPE_CHECKING:
    from heatmaps.drawing.colours import Scale
    from heatmaps.report.numbers import Numbers
    from heatmaps.report.view import ReportInput, TargetView
    from heatmaps.slide.shown_tiles import ShownTile

_RAMP_STEPS = 85
_RAMP_LEFT, _RAMP_WIDTH = 20, 680


def frame_of(view: ReportInput) -> dict[str, Any]:
    """Return what the pictures of all targets share: the slide as it is, and the scale bar below."""
    height, width = view.thumbnail.shape[:2]
    size = max(8.0, width / 36)
    return {
        "he": data_uri(render.encode_jpeg(view.thumbnail), "jpeg"),
        "width": width,
        "height": height,
        "wide": width > 1.8 * height,
        "bar": {
            "height": round(size * 1.6, 1),
            "y": round(size * 0.55, 1),
            "thick": round(size * 0.35, 1),
            "length": round(view.bar.length_px, 2),
            "text_x": round(view.bar.length_px + size * 0.4, 1),
            "text_y": round(size * 1.05, 1),
            "size": round(size, 1),
            "text": view.words.number(view.bar.text),
        },
    }


def still_of(view: ReportInput, target: TargetView, numbers: Numbers) -> dict[str, Any]:
    """Return one target's picture with its marks and its colour bar."""
    scale = target.scale
    picture = render.overlay(view.ground, target.values, scale.clip, signed=scale.signed)
    return {
        "tinted": data_uri(render.encode_jpeg(picture), "jpeg"),
        "markers": [_marker(view, card) for card in (*target.best, *target.worst)],
        "ramp": _ramp(scale),
        "ticks": _ticks(scale, numbers),
    }


def _ticks(scale: Scale, numbers: Numbers) -> list[dict[str, Any]]:
    span = scale.clip - scale.low
    return [
        {
            "x": round(_RAMP_LEFT + _RAMP_WIDTH * (tick - scale.low) / span, 1),
            "text": numbers.words.number(signed_tick(tick)) if scale.signed else numbers.short(tick),
        }
        for tick in ticks_of(scale)
    ]


def _ramp(scale: Scale) -> list[dict[str, Any]]:
    step = _RAMP_WIDTH / _RAMP_STEPS
    colours = colour(np.linspace(scale.low, scale.clip, _RAMP_STEPS), scale.clip, scale.signed)
    return [
        {"x": round(_RAMP_LEFT + index * step, 2), "width": round(step + 0.5, 2), "fill": f"#{r:02x}{g:02x}{b:02x}"}
        for index, (r, g, b) in enumerate(colours.tolist())
    ]


def _marker(view: ReportInput, card: ShownTile) -> dict[str, Any]:
    place, (height, width) = view.placement, view.thumbnail.shape[:2]
    left, right = int(place.left[card.index]), int(place.right[card.index])
    top, bottom = int(place.top[card.index]), int(place.bottom[card.index])
    size = max(width, height) / 38
    # Names of F tiles above and of A tiles below, because the two often are neighbours.
    above = top > size * 1.3 and (not card.name.startswith("A") or bottom > height - size * 1.3)
    text_y = top - size * 0.25 if above else bottom + size
    return {
        "x": left,
        "y": top,
        "width": right - left,
        "height": bottom - top,
        "name": card.name,
        "size": round(size, 1),
        "halo": round(size / 4, 1),
        "text_x": round(min(max((left + right) / 2, size), width - size), 1),
        "text_y": round(text_y, 1),
    }
