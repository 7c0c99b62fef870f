"""The merge: exact, independent of order, equal to a float64 reference within a fixed-point step."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from wsi_swarm.errors import IntegrityError
from wsi_swarm.swarm.merge.mean import Contribution, divide_half_even, weighted_mean
from wsi_swarm.swarm.state.encoding import LIMIT, FixedState, Layout, decode, encode

LAYOUT = Layout((("w", (6,)),), 24)


def fixed(values) -> FixedState:
    return FixedState(LAYOUT, np.array(values, np.int32))


def delta_lists(n: int):
    return st.lists(hnp.arrays(np.int32, 6, elements=st.integers(-(2**25), 2**25)), min_size=n, max_size=n)


@given(st.integers(1, 6).flatmap(lambda n: st.tuples(delta_lists(n), st.permutations(range(n)))), st.data())
def test_any_order_of_members_gives_the_same_root(drawn, data):
    deltas, order = drawn
    weights = [data.draw(st.integers(1, 10_000)) for _ in deltas]
    parts = [Contribution(f"0x{i}", w, fixed(d)) for i, (w, d) in enumerate(zip(weights, deltas, strict=True))]
    base = encode({"w": np.linspace(-3, 3, 6, dtype=np.float32)}, 24)
    assert weighted_mean(base, parts).root == weighted_mean(base, [parts[i] for i in order]).root


@given(st.integers(0, 2**32 - 1), st.integers(1, 9))
def test_agrees_with_a_float64_reference(seed, members):
    draw = np.random.default_rng(seed)
    start = {"w": draw.normal(size=(4, 3)).astype(np.float32), "b": draw.normal(size=3).astype(np.float32)}
    base = encode(start, 24)
    parts: list[Contribution] = []
    reference = {name: np.zeros_like(array, np.float64) for name, array in start.items()}
    weights = draw.integers(1, 2000, members)
    for i, weight in enumerate(weights):
        move = {name: draw.normal(0, 0.1, array.shape).astype(np.float32) for name, array in start.items()}
        parts.append(Contribution(str(i), int(weight), encode(move, 24)))
        for name, array in move.items():
            reference[name] += weight * array.astype(np.float64)
    merged = decode(weighted_mean(base, parts))
    for name, array in start.items():
        expected = array + reference[name] / weights.sum()
        # three roundings to 2**-24 (base, update, quotient) and one to float32 of a value below 8
        assert np.abs(merged[name] - expected).max() <= 1.5 * 2.0**-24 + 2.0**-22


@given(st.lists(st.integers(-(2**60), 2**60), min_size=1), st.integers(1, 2**31 - 1))
def test_division_rounds_half_to_even_like_exact_fractions(numerators, denominator):
    got = divide_half_even(np.array(numerators, np.int64), denominator)
    assert got.tolist() == [round(Fraction(n, denominator)) for n in numerators]


def test_weights_count():
    merged = weighted_mean(fixed([0] * 6), [Contribution("a", 3, fixed([8] * 6)), Contribution("b", 1, fixed([0] * 6))])
    assert merged.values.tolist() == [6] * 6


def test_extremes_stay_in_range():
    base = fixed([LIMIT, -LIMIT, 0, 0, 1, -1])
    still = fixed([0, 0, LIMIT, -LIMIT, LIMIT - 1, 1 - LIMIT])
    merged = weighted_mean(base, [Contribution("a", 2**30, still), Contribution("b", 2**30 - 1, still)])
    assert np.abs(merged.values.astype(np.int64)).max() <= LIMIT


@pytest.mark.parametrize(
    "parts",
    [
        [],
        [Contribution("a", 1, fixed([0] * 6)), Contribution("a", 1, fixed([0] * 6))],
        [Contribution("a", 0, fixed([0] * 6))],
        [Contribution("a", 2**30, fixed([0] * 6)), Contribution("b", 2**30, fixed([0] * 6))],
        [Contribution("a", 1, encode({"v": np.zeros(6, np.float32)}, 24))],
    ],
)
def test_refusals(parts):
    with pytest.raises(IntegrityError):
        weighted_mean(fixed([0] * 6), parts)
