"""Sums of products beyond what 64 bits hold: exact, as Python's own integers say."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from wsi_swarm.swarm.merge.arithmetic import exact_gram, exact_square_norm, weighted_sum
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


@given(hnp.arrays(np.int64, st.integers(0, 50), elements=st.integers(-(2**33), 2**33)))
def test_square_norms_are_exact(vector):
    assert exact_square_norm(vector) == sum(int(x) ** 2 for x in vector)


@given(
    st.integers(1, 6).flatmap(lambda n: st.tuples(hnp.arrays(np.int32, (n, 5), elements=ANY), st.just(n))), st.data()
)
def test_weighted_sums_are_exact(drawn, data):
    rows, n = drawn
    weights = data.draw(st.lists(st.integers(1, (2**31 - 1) // n), min_size=n, max_size=n))
    expected = [sum(w * int(x) for w, x in zip(weights, column, strict=True)) for column in rows.T]
    assert weighted_sum(list(rows), weights).tolist() == expected
