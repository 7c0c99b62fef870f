"""Canonical fixed-point encoding of a model state: equal states are equal bytes on every machine.

A value ``x`` is kept as ``round_half_even(x * 2**fraction_bits)`` in 32 bits. Integers add up to the same sum in any
order, which floats do not; and every value is held to what a float32 can represent, so that the model file that a
person keeps encodes to exactly the root that stands on the chain.
"""

from __future__ import annotations

import json
import math
import struct
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from wsi_swarm.errors import IntegrityError, SwarmError
from wsi_swarm.swarm.state.chunks import root_of

if TYPE_CHECKING:
    from collections.abc import Mapping

Values = NDArray[np.int32]

DTYPE_TAG = "i32-fixed"
LIMIT = 2**31 - 128
"""Largest magnitude of a fixed-point value: the greatest float32 below 2**31, so that rounding never overflows."""

_MAGIC = b"WSISWARM1\n"
_LENGTH = struct.Struct("<I")
_MAX_HEADER = 1 << 20


@dataclass(frozen=True)
class Layout:
    """Names and shapes of the tensors in canonical order (names by their UTF-8 bytes), and the fixed-point scale."""

    tensors: tuple[tuple[str, tuple[int, ...]], ...]
    fraction_bits: int

    def __post_init__(self) -> None:
        names = [name.encode() for name, _ in self.tensors]
        if names != sorted(set(names)) or any(side < 0 for _, shape in self.tensors for side in shape):
            msg = "a model layout must name each tensor once, in the order of the UTF-8 bytes, with whole shapes"
            raise IntegrityError(msg)
        if not 0 <= self.fraction_bits <= 30:
            msg = f"fraction_bits is {self.fraction_bits}; it must lie in 0..30"
            raise IntegrityError(msg)

    @cached_property
    def size(self) -> int:
        """Number of values in all tensors together."""
        return sum(math.prod(shape) for _, shape in self.tensors)

    @cached_property
    def header(self) -> bytes:
        """Bytes that come before the values in the canonical encoding."""
        fields = {"dtype": DTYPE_TAG, "fraction_bits": self.fraction_bits, "tensors": self.tensors}
        return header_of(fields)


@dataclass(frozen=True, eq=False)
class FixedState:
    """A model state, or the difference of two, in fixed point.

    Attributes
    ----------
    layout
        What the values are.
    values
        int32, shape (layout.size,): all tensors, flattened in C order, one after another.
    """

    layout: Layout
    values: Values

    def to_bytes(self) -> bytes:
        """Return the canonical bytes: magic, header length, header, little-endian values."""
        return self.layout.header + self.values.astype("<i4", copy=False).tobytes()

    @cached_property
    def root(self) -> bytes:
        """Merkle root of the canonical bytes."""
        return root_of(self.to_bytes())


def encode(state: Mapping[str, NDArray[np.generic]], fraction_bits: int) -> FixedState:
    """Turn a float state into fixed point.

    The error of a value is at most half a step, ``2**-(fraction_bits + 1)``: with 24 bits 3e-6 of a weight of 0.01.

    Parameters
    ----------
    state
        Tensor by name; float32 in any byte order and memory layout.
    fraction_bits
        Bits behind the point; the range is ``±2**(31 - fraction_bits)``.

    Raises
    ------
    SwarmError
        If a value is not finite or lies outside the range; it is never clipped in silence.
    """
    names = sorted(state, key=lambda name: name.encode())
    layout = Layout(tuple((name, tuple(state[name].shape)) for name in names), fraction_bits)
    parts = [_fix(name, state[name], fraction_bits) for name in names]
    return FixedState(layout, np.concatenate(parts) if parts else np.zeros(0, np.int32))


def decode(fixed: FixedState) -> dict[str, NDArray[np.float32]]:
    """Return the float32 state; the inverse of ``encode`` for every value that a float32 holds."""
    floats = (fixed.values / np.float64(2.0**fixed.layout.fraction_bits)).astype(np.float32)
    state: dict[str, NDArray[np.float32]] = {}
    start = 0
    for name, shape in fixed.layout.tensors:
        stop = start + math.prod(shape)
        state[name] = floats[start:stop].reshape(shape)
        start = stop
    return state


def from_bytes(data: bytes) -> FixedState:
    """Read canonical bytes.

    Raises
    ------
    IntegrityError
        If ``data`` is not the canonical encoding of anything: a state has exactly one.
    """
    fields, layout = read_header(data)
    header = layout.header
    if fields["dtype"] != DTYPE_TAG or not data.startswith(header) or len(data) != len(header) + 4 * layout.size:
        msg = f"an encoded model state of {len(data)} bytes is not in canonical form; fetch it from another peer"
        raise IntegrityError(msg)
    values = np.frombuffer(data, "<i4", offset=len(header)).astype(np.int32)
    return FixedState(layout, values)


def header_of(fields: Mapping[str, object]) -> bytes:
    """Return magic, length and canonical JSON of ``fields``: what stands before the values of an encoding."""
    text = json.dumps(fields, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    return _MAGIC + _LENGTH.pack(len(text)) + text


def read_header(data: bytes) -> tuple[dict[str, Any], Layout]:
    """Read the header of an encoding; whether it is canonical is for the caller to check by writing it anew.

    Raises
    ------
    IntegrityError
        If ``data`` does not begin with a header that names its ``dtype`` and describes tensors.
    """
    try:
        (length,) = _LENGTH.unpack_from(data, len(_MAGIC))
        start = len(_MAGIC) + _LENGTH.size
        fields: Any = json.loads(data[start : start + min(length, _MAX_HEADER)])
        _text(fields["dtype"])
        return fields, _layout_of(fields)
    except (struct.error, ValueError, TypeError, KeyError, RecursionError) as error:
        msg = f"these {len(data)} bytes are not an encoded model state; fetch them from another peer"
        raise IntegrityError(msg) from error


def difference(state: FixedState, base: FixedState) -> FixedState:
    """Return ``state - base``, the update of a member; see ``applicable`` for its range."""
    if state.layout != base.layout:
        msg = "the learner returned other tensors than it was given; the names and shapes must stay"
        raise SwarmError(msg)
    wide = np.subtract(state.values, base.values, dtype=np.int64)
    if _largest(wide) > LIMIT:
        limit = 2.0 ** (31 - base.layout.fraction_bits)
        msg = f"a value moved by {limit:g} or more in one round; lower the learning rate"
        raise SwarmError(msg)
    return FixedState(base.layout, wide.astype(np.int32))


def applicable(delta: FixedState, base: FixedState) -> bool:
    """Whether ``base + delta`` is a state: the same tensors, each value in range. Everybody judges this alike."""
    if delta.layout != base.layout:
        return False
    if _largest(base.values) + _largest(delta.values) <= LIMIT:  # as good as always, and ten times faster to see
        return True
    return _largest(np.add(base.values, delta.values, dtype=np.int64)) <= LIMIT


def saturated(values: NDArray[np.int64]) -> Values:
    """Round fixed-point values to what a float32 holds (24 significant bits, ties to even), within the range."""
    return np.clip(values.astype(np.float32), -LIMIT, LIMIT).astype(np.int32)


def _largest(values: NDArray[np.signedinteger]) -> int:
    return max(int(values.max(initial=0)), -int(values.min(initial=0)))


def _fix(name: str, array: NDArray[np.generic], fraction_bits: int) -> Values:
    scaled = np.rint(np.asarray(array, np.float64).ravel() * 2.0**fraction_bits)
    if not np.isfinite(scaled).all() or (scaled.size and float(np.abs(scaled).max()) > LIMIT):
        limit = 2.0 ** (31 - fraction_bits)
        msg = (
            f"tensor '{name}' holds a value that is not finite or not within ±{limit:g}; "
            "the training diverged (lower the learning rate) or fraction_bits is too large"
        )
        raise SwarmError(msg)
    return scaled.astype(np.int64).astype(np.int32)


def _layout_of(fields: dict[str, Any]) -> Layout:
    tensors = tuple((_text(name), tuple(_whole(side) for side in shape)) for name, shape in fields["tensors"])
    return Layout(tensors, _whole(fields["fraction_bits"]))


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(value)
    return value


def _whole(value: object) -> int:
    if type(value) is not int:
        raise TypeError(value)
    return value
