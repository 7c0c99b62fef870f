"""The canonical encoding: one state, one byte string, one root, on every machine."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from wsi_swarm.errors import IntegrityError, SwarmError
from wsi_swarm.swarm.state.chunks import CHUNK_BYTES, Manifest, manifest_of, root_of, split
from wsi_swarm.swarm.state.encoding import LIMIT, FixedState, Layout, applicable, decode, difference, encode, from_bytes

BITS = st.integers(4, 24)
SMALL = st.floats(-100, 100, width=32)


def states(values: st.SearchStrategy[float] = SMALL) -> st.SearchStrategy[dict[str, Any]]:
    shapes = hnp.array_shapes(min_dims=0, max_dims=3, max_side=5)
    return st.dictionaries(st.text(max_size=8), hnp.arrays(np.float32, shapes, elements=values), min_size=1, max_size=5)


@given(states(), BITS, st.randoms(use_true_random=False))
def test_order_of_names_memory_layout_and_byte_order_do_not_change_the_root(state, bits, random):
    names = list(state)
    random.shuffle(names)
    shuffled = {name: np.array(state[name], ">f4", order="F") for name in names}
    assert encode(shuffled, bits).root == encode(state, bits).root


@given(states(), BITS)
def test_round_trip_error_is_half_a_step_and_a_second_trip_changes_nothing(state, bits):
    fixed = encode(state, bits)
    back = decode(fixed)
    for name, array in state.items():
        assert back[name].shape == array.shape
        assert back[name].dtype == np.float32
        assert np.abs(back[name].astype(np.float64) - array).max(initial=0) <= 2.0 ** -(bits + 1)
    assert encode(back, bits).root == fixed.root


@given(states(), BITS)
def test_bytes_round_trip(state, bits):
    fixed = encode(state, bits)
    again = from_bytes(fixed.to_bytes())
    assert again.layout == fixed.layout
    assert again.values.tolist() == fixed.values.tolist()


@given(states(), st.data())
def test_any_changed_byte_is_another_root_or_refused(state, data):
    blob = bytearray(encode(state, 16).to_bytes())
    at = data.draw(st.integers(0, len(blob) - 1))
    blob[at] ^= data.draw(st.integers(1, 255))
    try:
        parsed = from_bytes(bytes(blob))
    except IntegrityError:
        return
    assert parsed.to_bytes() == bytes(blob)
    assert parsed.root != encode(state, 16).root


@settings(max_examples=300)
@given(st.binary(max_size=200))
def test_garbage_is_refused_with_a_sentence(garbage):
    for blob in (garbage, b"WSISWARM1\n" + len(garbage).to_bytes(4, "little") + garbage):
        with pytest.raises(IntegrityError, match="another peer"):
            from_bytes(blob)


@pytest.mark.parametrize("value", [128.0, -128.0, np.inf, np.nan, 1e30])
def test_saturation_is_refused_not_clipped(value):
    with pytest.raises(SwarmError, match=r"tensor 'w'.*±128"):
        encode({"w": np.array([0.0, value], np.float32)}, 24)


def test_an_update_beyond_the_range_is_not_applicable():
    layout = Layout((("w", (2,)),), 24)
    base = FixedState(layout, np.array([LIMIT, 0], np.int32))
    assert applicable(FixedState(layout, np.array([0, -LIMIT], np.int32)), base)
    assert not applicable(FixedState(layout, np.array([1, 0], np.int32)), base)
    assert not applicable(FixedState(Layout((("v", (2,)),), 24), np.zeros(2, np.int32)), base)


@given(states(st.floats(-1, 1, width=32)), st.integers(0, 2**32 - 1))
def test_base_and_update_give_the_trained_state_back(state, seed):
    noise = np.random.default_rng(seed)
    base = encode(state, 20)
    trained = encode({k: (v + noise.normal(0, 0.01, v.shape)).astype(np.float32) for k, v in state.items()}, 20)
    assert (base.values + difference(trained, base).values).tolist() == trained.values.tolist()


def test_difference_refuses_other_tensors():
    with pytest.raises(SwarmError, match="other tensors"):
        difference(encode({"a": np.zeros(1)}, 8), encode({"b": np.zeros(1)}, 8))


@pytest.mark.parametrize("chunks", [0, 1, 2, 3, 5, 8, 13])
def test_root_is_the_tree_of_rfc_6962(chunks):
    blob = np.random.default_rng(chunks).bytes(CHUNK_BYTES * chunks + 7)

    def tree(leaves):  # the recursive definition of the RFC, written apart from the implementation
        if len(leaves) == 1:
            return hashlib.sha256(b"\0" + leaves[0]).digest()
        k = 1 << ((len(leaves) - 1).bit_length() - 1)
        return hashlib.sha256(b"\1" + tree(leaves[:k]) + tree(leaves[k:])).digest()

    assert root_of(blob) == tree(split(blob))


@given(st.permutations(range(4)))
def test_chunks_are_accepted_in_any_order_and_only_in_their_place(order):
    blob = np.random.default_rng(1).bytes(CHUNK_BYTES * 3 + 11)
    manifest, chunks = manifest_of(blob), split(blob)
    for place, index in enumerate(order):
        assert manifest.accepts(index, chunks[index])
        assert manifest.accepts(place, chunks[index]) == (place == index)
    assert not manifest.accepts(4, b"")
    assert not manifest.accepts(-1, chunks[-1])


@pytest.mark.parametrize(("size", "leaves"), [(1, 0), (1, 2), (CHUNK_BYTES + 1, 1), (-1, 1)])
def test_a_manifest_that_does_not_fit_its_size_is_refused(size, leaves):
    with pytest.raises(IntegrityError, match="manifest"):
        Manifest(size, (bytes(32),) * leaves)
