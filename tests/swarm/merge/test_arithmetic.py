"""Sums of products beyond what 64 bits hold: exact, as Python's own integers say."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from wsi_swarm.swarm.merge.arithmetic import exact_gram, exact_square_distance, weighted_sum
from wsi_swarm.swarm.state.encoding import LIMIT

ANY = st.integers(-(2**31), 2**31 - 1)


@given(st.integers(1, 40).flatmap(lambda n: hnp.arrays(np.int32, (3, n), elements=ANY)))
def test_dot_products_are_exact(rows):
    expected = [[sum(int(x) * int(y) for x, y in zip(a, b, strict=True)) for b in rows] for a in rows]
    assert exact_gram(list(rows)) == expected


@pytest.mark.parametrize("value", [LIMIT, -LIMIT, -(2**31), 0xFFFF, 2**31 - 1])
def test_they_are_exact_over_several_blocks_of_extremes(value):
    pair = (value, value // -3)
    gram = exact_gram([np.full(200_003, one, np.int32) for one in pair])
    assert gram == [[200_003 * a * b for b in pair] for a in pair]


@given(st.integers(0, 50).flatmap(lambda n: hnp.arrays(np.int32, (2, n), elements=ANY)))
def test_square_distances_are_exact(rows):
    assert exact_square_distance(*rows) == sum((int(x) - int(y)) ** 2 for x, y in rows.T)


def test_a_square_distance_is_exact_over_several_blocks_of_extremes():
    ends = np.full(200_003, LIMIT, np.int32)
    assert exact_square_distance(ends, -ends) == 200_003 * (2 * LIMIT) ** 2


@given(
    st.integers(1, 6).flatmap(lambda n: st.tuples(hnp.arrays(np.int32, (n, 5), elements=ANY), st.just(n))), st.data()
)
def test_weighted_sums_are_exact(drawn, data):
    rows, n = drawn
    weights = data.draw(st.lists(st.integers(1, (2**31 - 1) // n), min_size=n, max_size=n))
    expected = [sum(w * int(x) for w, x in zip(weights, column, strict=True)) for column in rows.T]
    assert weighted_sum(list(rows), weights).tolist() == expected
