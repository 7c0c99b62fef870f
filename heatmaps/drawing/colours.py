"""Values to colours: one diverging, zero-centred, colour-blind-safe map and the scale that goes with it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

FOR_RGB = (178, 24, 43)
"""Dark end of "evidence for" (red)."""
AGAINST_RGB = (33, 102, 172)
"""Dark end of "evidence against" (blue)."""

COLOUR_MAP = "red-white-blue, zero in the middle"
# ColorBrewer's 9-class RdBu (Brewer & Harrower), from against to for: red and blue stay apart in every common
# form of colour blindness, and both ends are about equally dark.
_ANCHORS = np.array(
    [
        AGAINST_RGB,
        (67, 147, 195),
        (146, 197, 222),
        (209, 229, 240),
        (250, 250, 250),
        (253, 219, 199),
        (244, 165, 130),
        (214, 96, 77),
        FOR_RGB,
    ],
    dtype=np.float64,
)

RISING_MAP = "white to purple, zero is white"
HIGH_RGB = (63, 0, 125)
"""Dark end of what has no sign (purple)."""
# ColorBrewer's 9-class Purples: one hue whose lightness falls evenly, so that it reads the same in every form of
# colour blindness and in print, and is not mistaken for the two ends of the diverging map.
_RISING = np.array(
    [
        (252, 251, 253),
        (239, 237, 245),
        (218, 218, 235),
        (188, 189, 220),
        (158, 154, 200),
        (128, 125, 186),
        (106, 81, 163),
        (84, 39, 143),
        HIGH_RGB,
    ],
    dtype=np.float64,
)

STRONG_FROM = 0.5
"""Share of the colour scale's end from which evidence is classified as strong."""
WEAK_FROM = 0.1
"""Share of the colour scale's end below which a tile is left unclassified."""


@dataclass(frozen=True)
class Scale:
    """Colour scale: symmetric about 0, or from 0 upwards.

    Attributes
    ----------
    clip : float
        Absolute value at which the colours end, in the unit of the values; greater than 0.
    clipped_share : float
        Share of the tiles whose absolute value exceeds ``clip``, 0 to 1.
    rule : str
        How ``clip`` was chosen, in words.
    signed : bool
        Whether the colours go from ``-clip`` over white at 0 to ``clip``, or from white at 0 to ``clip``.
    """

    clip: float
    clipped_share: float
    rule: str
    signed: bool = True

    @property
    def low(self) -> float:
        """Value at which the colours begin."""
        return -self.clip if self.signed else 0.0


def symmetric_scale(values: NDArray[np.float64], clip: float | None = None, given: str = "fixed by the user") -> Scale:
    """Return a scale that ends at the 99th percentile of the absolute values, or at ``clip`` where given.

    Parameters
    ----------
    values : (N,) float64
    clip : float, optional
        A fixed end, to compare slides with each other.
    given : str
        What its rule is called.

    Raises
    ------
    ValueError
        If there are no values, one is not finite, or ``clip`` is not a positive number.
    """
    if values.size == 0 or not np.isfinite(values).all():
        raise ValueError("a colour scale needs at least one value, and finite ones only")
    if clip is not None and not (np.isfinite(clip) and clip > 0):
        raise ValueError(f"the clip of a colour scale is a positive number, not {clip}")
    magnitude = np.abs(values)
    if clip is not None:
        rule = given
    else:
        clip = float(np.percentile(magnitude, 99, method="higher"))
        rule = "99th percentile of the absolute values"
        if clip == 0:
            clip, rule = float(magnitude.max()) or 1.0, "largest absolute value"
    return Scale(clip=clip, clipped_share=float((magnitude > clip).mean()), rule=rule)


def upward_scale(
    values: NDArray[np.float64],
    clip: float | None = None,
    fixed: float | None = None,
    given: str = "fixed by the user",
) -> Scale:
    """Return a scale from 0 to the 99th percentile, to ``fixed`` (the unit's own end) or to ``clip`` where given.

    Raises
    ------
    ValueError
        As ``symmetric_scale``; also if a value is below 0.
    """
    if values.size and values.min() < 0:
        raise ValueError("a scale from 0 upwards has no colour for values below 0")
    found = symmetric_scale(values, fixed if clip is None else clip, given)
    rule = found.rule.replace("absolute ", "")
    if clip is None and fixed is not None:
        rule = "the largest value that there can be"
    return Scale(found.clip, found.clipped_share, rule, signed=False)


def colour(values: NDArray[np.float64], clip: float, signed: bool = True) -> NDArray[np.uint8]:
    """Map values of any shape to RGB (shape + (3,), uint8), NaN to white.

    Signed: ``-clip`` blue, 0 white, ``+clip`` red. Otherwise: 0 white, ``clip`` dark purple.
    """
    low, anchors = (-1, _ANCHORS) if signed else (0, _RISING)
    position = np.clip(np.nan_to_num(values) / clip, low, 1)
    position = position * 0.5 + 0.5 if signed else position
    knots = np.linspace(0, 1, len(anchors))
    channels = [np.interp(position, knots, anchors[:, channel]) for channel in range(3)]
    return np.rint(np.stack(channels, axis=-1)).astype(np.uint8)
