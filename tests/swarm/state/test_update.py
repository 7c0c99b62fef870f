"""Updates on their way: one byte string for one update, 16 bits within the stated error, nothing lost for ever."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from wsi_swarm.errors import IntegrityError, SwarmError
from wsi_swarm.swarm.state.encoding import LIMIT, FixedState, Layout
from wsi_swarm.swarm.state.update import pack_update, unpack_update

LAYOUT = Layout((("a", (2, 3)), ("empty", (0,)), ("z", (4,))), 24)
BASE = FixedState(LAYOUT, np.zeros(10, np.int32))

VALUES = st.integers(0, 31).flatmap(lambda bits: st.integers(-min(2**bits, LIMIT), min(2**bits, LIMIT)))
DELTAS = hnp.arrays(np.int32, 10, elements=VALUES).map(lambda values: FixedState(LAYOUT, values))


def halves(values: np.ndarray) -> list[np.ndarray]:
    return [values[:6].astype(np.int64), values[6:].astype(np.int64)]


@given(DELTAS)
def test_with_32_bits_an_update_is_its_canonical_bytes(delta):
    blob, residual = pack_update(delta, 32, None)
    assert (blob, residual) == (delta.to_bytes(), None)
    assert unpack_update(blob, BASE).values.tolist() == delta.values.tolist()


@given(DELTAS)
def test_with_16_bits_the_error_is_within_what_is_stated_and_is_the_residual(delta):
    blob, residual = pack_update(delta, 16, None)
    sent = unpack_update(blob, BASE)
    assert (sent.values.astype(np.int64) + residual).tolist() == delta.values.tolist()
    for values, rest in zip(halves(delta.values), halves(residual), strict=True):
        largest = np.abs(values).max()
        # the largest value of the range itself is cut to 32767 steps of 2**16, an error of up to 2**16
        assert np.abs(rest).max() <= (largest / 32766 if largest < 32767 * 2**16 else 2**16)


@given(DELTAS)
def test_small_updates_lose_nothing(delta):
    small = FixedState(LAYOUT, delta.values >> 17)
    blob, residual = pack_update(small, 16, None)
    assert not residual.any()
    assert unpack_update(blob, BASE).values.tolist() == small.values.tolist()


@given(DELTAS)
def test_an_update_packed_again_is_the_same_bytes(delta):
    blob, _ = pack_update(delta, 16, None)
    again, residual = pack_update(unpack_update(blob, BASE), 16, None)
    assert again == blob
    assert not residual.any()


@given(st.lists(hnp.arrays(np.int32, 10, elements=st.integers(-(2**28), 2**28)), min_size=1, max_size=8))
def test_over_many_rounds_only_the_last_rounding_is_missing(rounds):
    residual = None
    arrived = np.zeros(10, np.int64)
    for values in rounds:
        blob, residual = pack_update(FixedState(LAYOUT, values), 16, residual)
        arrived += unpack_update(blob, BASE).values
    assert (arrived + residual).tolist() == np.sum(rounds, axis=0, dtype=np.int64).tolist()
    assert np.abs(residual).max() <= 2**13  # half a step of what fits 2**28 + 2**13 into 15 bits


def test_an_update_of_normal_size_is_half_as_long_and_right_to_four_digits():
    layout = Layout((("w", (300, 400)),), 24)
    values = np.random.default_rng(5).normal(0, 1e-3 * 2**24, 120_000).astype(np.int32)
    blob, residual = pack_update(FixedState(layout, values), 16, None)
    assert len(blob) < 0.51 * len(FixedState(layout, values).to_bytes())
    error = np.linalg.norm(residual.astype(float)) / np.linalg.norm(values.astype(float))
    assert 1e-6 < error < 1e-4


@settings(max_examples=400)
@given(DELTAS, st.sampled_from([16, 32]), st.data())
def test_any_changed_byte_is_another_update_or_refused(delta, bits, data):
    blob = bytearray(pack_update(delta, bits, None)[0])
    at = data.draw(st.integers(0, len(blob) - 1))
    blob[at] ^= data.draw(st.integers(1, 255))
    try:
        found = unpack_update(bytes(blob), BASE)
    except IntegrityError:
        return
    assert pack_update(found, bits, None)[0] == bytes(blob)
    assert found.values.tolist() != unpack_update(pack_update(delta, bits, None)[0], BASE).values.tolist()


@settings(max_examples=300)
@given(st.binary(max_size=200))
def test_garbage_is_refused(garbage):
    for blob in (garbage, b"WSISWARM1\n" + len(garbage).to_bytes(4, "little") + garbage):
        with pytest.raises(IntegrityError, match="another peer"):
            unpack_update(blob, BASE)


def short(change) -> bytes:
    """Return 16-bit bytes whose header or values were changed in a way that a liar may try."""
    blob, _ = pack_update(FixedState(LAYOUT, np.arange(10, dtype=np.int32) << 14), 16, None)
    changed = change(blob)
    assert changed != blob
    return changed


@pytest.mark.parametrize(
    "change",
    [
        lambda blob: blob[:-1],
        lambda blob: blob + b"\0",
        lambda blob: blob[:-2] + b"\0\x80",  # -32768: no update is packed to it
        lambda blob: blob[:-20] + bytes(20),  # zeros need no shift
        lambda blob: blob.replace(b'"shifts":[2,0,3]', b'"shifts":[2,1,3]'),
        lambda blob: blob.replace(b'"shifts":[2,0,3]', b'"shifts":[2,0.0]'),
        lambda blob: blob.replace(b'"shifts":[2,0,3]', b'"shifts":"2,0,3"'),
        lambda blob: blob.replace(b"i16-fixed", b"i17-fixed"),
    ],
)
def test_what_is_not_canonical_is_refused(change):
    with pytest.raises(IntegrityError):
        unpack_update(short(change), BASE)


@pytest.mark.parametrize("bits", [16, 32])
def test_an_update_that_leaves_the_range_or_has_other_tensors_is_refused(bits):
    blob, _ = pack_update(FixedState(LAYOUT, np.full(10, 2**30, np.int32)), bits, None)
    full = FixedState(LAYOUT, np.full(10, LIMIT, np.int32))
    other = FixedState(Layout((("a", (10,)),), 24), np.zeros(10, np.int32))
    for base in (full, other):
        with pytest.raises(IntegrityError, match="does not fit the base model"):
            unpack_update(blob, base)


@pytest.mark.parametrize(("bits", "residual"), [(8, None), (16, np.zeros(3, np.int32))])
def test_misuse_is_refused(bits, residual):
    with pytest.raises(SwarmError, match="16 or 32 bits"):
        pack_update(BASE, bits, residual)
