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


@dataclass(frozen=True)
class Scale:
    """Symmetric colour scale.

    Attributes
    ----------
    clip : float
        Absolute value at which the colours end, in the unit of the values; greater than 0.
    clipped_share : float
        Share of the tiles whose absolute value exceeds ``clip``, 0 to 1.
    rule : str
        How ``clip`` was chosen, in words.
    """

    clip: float
    clipped_share: float
    rule: str


def symmetric_scale(values: NDArray[np.float64], clip: float | None = None) -> Scale:
    """Return a scale that ends at the 99th percentile of the absolute values, or at ``clip`` where given.

    Parameters
    ----------
    values : (N,) float64
    clip : float, optional
        A fixed end, to compare slides with each other.

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
        rule = "fixed by the user"
    else:
        clip = float(np.percentile(magnitude, 99, method="higher"))
        rule = "99th percentile of the absolute values"
        if clip == 0:
            clip, rule = float(magnitude.max()) or 1.0, "largest absolute value"
    return Scale(clip=clip, clipped_share=float((magnitude > clip).mean()), rule=rule)


def colour(values: NDArray[np.float64], clip: float) -> NDArray[np.uint8]:
    """Map values of any shape to RGB (shape + (3,), uint8): ``-clip`` blue, 0 white, ``+clip`` red; NaN white."""
    position = np.clip(np.nan_to_num(values) / clip, -1, 1) * 0.5 + 0.5
    knots = np.linspace(0, 1, len(_ANCHORS))
    channels = [np.interp(position, knots, _ANCHORS[:, channel]) for channel in range(3)]
    return np.rint(np.stack(channels, axis=-1)).astype(np.uint8)
