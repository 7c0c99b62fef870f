"""The bytes in which a member's update travels: 32 bits per value, exact, or 16 bits with error feedback.

With 16 bits every tensor has a shift of its own, the smallest that lets its largest value fit. The rounding error of
a value is at most half a step of ``2**shift``: not more than 1/32766 of the largest value of its tensor. It is not
lost: the sender adds it to its next update, so that what all updates of a member add up to is off by the last
rounding only, however many rounds there were (Seide et al., "1-Bit Stochastic Gradient Descent and its Application to
Data-Parallel Distributed Training of Speech DNNs", Interspeech 2014; Karimireddy et al., "Error Feedback Fixes SignSGD
and other Gradient Compression Schemes", ICML 2019, algorithm 2).

Everybody merges what was sent, the sender too: it must unpack its own update.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, cast

import numpy as np

from wsi_swarm.errors import IntegrityError, SwarmError
from wsi_swarm.swarm.state.encoding import (
    DTYPE_TAG,
    FixedState,
    Layout,
    applicable,
    from_bytes,
    header_of,
    read_header,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from wsi_swarm.swarm.state.encoding import Values

SHORT_TAG = "i16-fixed"

_SHORT_LIMIT = 2**15 - 1
_MAX_SHIFT = 16


def pack_update(delta: FixedState, bits: int, residual: Values | None) -> tuple[bytes, Values | None]:
    """Return the canonical bytes of an update and what the rounding left over.

    Parameters
    ----------
    delta
        Trained state minus base.
    bits
        32 or 16, of each value.
    residual
        int32, shape (layout.size,): what the last call left over; None at first. Only used with 16 bits.

    Returns
    -------
    bytes, residual
        The residual belongs to these bytes: keep both or neither. It is None with 32 bits, where nothing is lost.

    Raises
    ------
    SwarmError
        If ``bits`` is another number or ``residual`` belongs to another model.
    """
    if bits == 32:
        return delta.to_bytes(), None
    wide = delta.values.astype(np.int64)
    if bits != 16 or (residual is not None and residual.shape != wide.shape):
        msg = "an update has 16 or 32 bits per value and a residual of its own model; start from the last final model"
        raise SwarmError(msg)
    if residual is not None:
        wide += residual
    shifts: list[int] = []
    sent = np.empty(delta.layout.size, "<i2")
    rest = np.empty(delta.layout.size, np.int32)
    for where in _tensors(delta.layout):
        part = wide[where]
        shifts.append(_smallest_shift(int(np.abs(part).max(initial=0))))
        short = np.clip(np.rint(part * 2.0 ** -shifts[-1]), -_SHORT_LIMIT, _SHORT_LIMIT).astype(np.int64)
        sent[where] = short
        rest[where] = np.clip(part - (short << shifts[-1]), -(2**31), 2**31 - 1)
    return _short_header(delta.layout, shifts) + sent.tobytes(), rest


def unpack_update(blob: bytes, base: FixedState) -> FixedState:
    """Return the update that ``blob`` is: a difference to ``base``, the model without its server tensors.

    Raises
    ------
    IntegrityError
        If ``blob`` is not the one canonical encoding of an update, or the update does not fit the base: other
        tensors, or values that leave the range. Everybody judges this alike.
    """
    fields, layout = read_header(blob)
    delta = from_bytes(blob) if fields["dtype"] == DTYPE_TAG else _from_short(blob, layout, fields.get("shifts"))
    if not applicable(delta, base):
        msg = "an update does not fit the base model: other tensors or values out of range; it is left out"
        raise IntegrityError(msg)
    return delta


def _from_short(blob: bytes, layout: Layout, shifts: object) -> FixedState:
    refusal = f"an update of {len(blob)} bytes is not in canonical form; fetch it from another peer"
    if not isinstance(shifts, list):
        raise IntegrityError(refusal)
    known = [s for s in cast("list[object]", shifts) if type(s) is int and 0 <= s <= _MAX_SHIFT]
    header = _short_header(layout, known)
    if not blob.startswith(header) or len(blob) != len(header) + 2 * layout.size or len(known) != len(layout.tensors):
        raise IntegrityError(refusal)
    short = np.frombuffer(blob, "<i2", offset=len(header)).astype(np.int32)
    values = np.empty_like(short)
    for where, shift in zip(_tensors(layout), known, strict=True):
        largest = int(np.abs(short[where]).max(initial=0))
        if largest > _SHORT_LIMIT or shift != _smallest_shift(largest << shift):
            raise IntegrityError(refusal)
        values[where] = short[where] << shift
    return FixedState(layout, values)


def _short_header(layout: Layout, shifts: Sequence[int]) -> bytes:
    fields = {"dtype": SHORT_TAG, "fraction_bits": layout.fraction_bits, "tensors": layout.tensors}
    return header_of({**fields, "shifts": list(shifts)})


def _smallest_shift(largest: int) -> int:
    fits = (s for s in range(_MAX_SHIFT) if round(largest / 2**s) <= _SHORT_LIMIT)
    return next(fits, _MAX_SHIFT)


def _tensors(layout: Layout) -> Iterator[slice]:
    start = 0
    for _, shape in layout.tensors:
        stop = start + math.prod(shape)
        yield slice(start, stop)
        start = stop
