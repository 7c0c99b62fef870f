"""What the viewer's script is given: the picture, where the tiles lie, their numbers, and how to colour them."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from heatmaps.drawing.colours import colour

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

_KNOTS = 9
"""Anchors of the project's two maps: the script interpolates as ``colours.colour`` does."""
_OTHER_KNOTS = 33


@dataclass(frozen=True)
class TileField:
    """Where N tiles lie.

    Attributes
    ----------
    corners : (N, 2) float64
        Top-left corners in level-0 px.
    side, step : float
        Side of a tile and distance of neighbours, level-0 px.
    origin : (float, float)
        Corner of the first pixel of the grid with one pixel per step, level-0 px.
    slide_size : (int, int)
        Level-0 px.
    mpp : float
        µm per level-0 px.
    """

    corners: NDArray[np.float64]
    side: float
    step: float
    origin: tuple[float, float]
    slide_size: tuple[int, int]
    mpp: float

    def document(self) -> dict[str, Any]:
        """Return it as JSON values; whole columns as base64 of little-endian float32 and int32."""
        cells = np.rint((self.corners - self.origin) / self.step).astype("<i4")
        across = max(1, round(self.side / self.step))
        return {
            "corners": _packed(self.corners.astype("<f4")),
            "cells": _packed(cells),
            "size": (cells.max(axis=0) + across).tolist(),
            "across": across,
            "side": self.side,
            "step": self.step,
            "origin": list(self.origin),
            "mpp": self.mpp,
        }


@dataclass(frozen=True)
class Layer:
    """One method's numbers for one target.

    Attributes
    ----------
    target : int
        Index of the target.
    name, title, unit : str
        Of the method; title and unit in the page's language.
    signed : bool
    clip : float
        Where the colours end.
    values : (N,) float64
    """

    target: int
    name: str
    title: str
    unit: str
    signed: bool
    clip: float
    values: NDArray[np.float64]

    def document(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return {
            "target": self.target,
            "name": self.name,
            "title": self.title,
            "unit": self.unit,
            "signed": self.signed,
            "clip": self.clip,
            "values": _packed(self.values.astype("<f4")),
        }


def viewer_document(
    image: Mapping[str, Any],
    field: TileField | None,
    labels: Sequence[str],
    layers: Sequence[Layer],
    top: Sequence[Mapping[str, Any]],
    words: Mapping[str, str],
    wheel: bool = False,
) -> str:
    """Return the document as JSON text that may stand between script tags.

    Parameters
    ----------
    image
        ``width`` and ``height`` of the picture, ``slide`` (level-0 size), ``mpp``, and either ``levels`` (data URIs) or
        ``tiles`` (where a server has them).
    field
        None where there is no heatmap.
    labels
        Of the targets.
    layers
        One per target and method.
    top
        Numbered tiles: ``target``, ``tile``, ``name``.
    words
        Sentences with their placeholders.
    wheel
        Whether the wheel zooms at once: the picture is the page.
    """
    document = {
        "image": dict(image),
        "tiles": None if field is None else field.document(),
        "labels": list(labels),
        "layers": [layer.document() for layer in layers],
        "top": [dict(one) for one in top],
        "maps": colour_maps() if layers else {},
        "words": dict(words),
        "wheel": wheel,
    }
    # Nothing in it may end the element that it stands in.
    return json.dumps(document, allow_nan=False, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")


def colour_maps() -> dict[str, list[list[int]]]:
    """Return anchors, evenly spaced from the lowest colour to the highest; between them colours are interpolated."""
    from matplotlib import colormaps

    maps = {
        "signed": colour(np.linspace(-1, 1, _KNOTS), 1.0, signed=True).tolist(),
        "rising": colour(np.linspace(0, 1, _KNOTS), 1.0, signed=False).tolist(),
    }
    for name in ("cividis", "viridis"):
        knots = colormaps[name](np.linspace(0, 1, _OTHER_KNOTS))[:, :3]
        maps[name] = np.rint(knots * 255).astype(int).tolist()
    return maps


def _packed(values: NDArray[Any]) -> str:
    return base64.b64encode(np.ascontiguousarray(values).tobytes()).decode()
