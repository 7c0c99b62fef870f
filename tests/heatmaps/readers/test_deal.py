"""Dealing items: which readers see what, in which order, and which twice."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from heatmaps.readers.blinding.prediction import predictions
from heatmaps.readers.kit.deal import deal
from heatmaps.readers.kit.study_file import Design
from pipelines.errors import ConfigError


def groups_of(count: int) -> dict[str, str]:
    return {f"i{number:03d}": ("top", "low", "other")[number % 3] for number in range(count)}


@given(
    count=st.integers(12, 90),
    seed=st.integers(0, 10**6),
    shared=st.sampled_from([0.0, 0.2, 0.5, 1.0]),
    repeats=st.sampled_from([0.0, 0.1, 0.3]),
    apart=st.integers(2, 3),
)
@settings(max_examples=150, deadline=None)
def test_whatever_the_study_every_item_is_dealt_and_repeats_lie_apart(count, seed, shared, repeats, apart):
    groups = groups_of(count)
    design = Design(shared=shared, repeats=repeats, apart=apart)
    dealt = deal(groups, ["A", "B"], design, seed)
    firsts = {reader: [turn.item for turn in turns if not turn.again] for reader, turns in dealt.items()}
    readers_of = Counter(item for items in firsts.values() for item in items)
    assert set(readers_of) == set(groups)
    together = sum(round(shared * size) for size in Counter(groups.values()).values())
    assert sum(readers == 2 for readers in readers_of.values()) == together
    for reader, turns in dealt.items():
        assert len(set(firsts[reader])) == len(firsts[reader])
        places = {turn: place for place, turn in enumerate(turns)}
        second = [turn for turn in turns if turn.again]
        assert len(second) == (max(round(repeats * len(firsts[reader])), 1) if repeats else 0)
        first_place = {turn.item: places[turn] for turn in turns if not turn.again}
        assert all(places[turn] - first_place[turn.item] >= apart for turn in second)
        assert not any(one.again and next_.again for one, next_ in pairwise(turns))


def test_one_seed_gives_one_order_and_each_reader_another():
    one, again = (deal(groups_of(40), ["A", "B"], Design(), 7) for _ in range(2))
    assert one == again
    assert one["A"] != one["B"]
    assert {turn.item for turn in one["A"]} == {turn.item for turn in one["B"]}
    assert deal(groups_of(40), ["A", "B"], Design(), 8) != one
    # Another reader more changes nobody's order where all see all.
    assert deal(groups_of(40), ["A", "B", "C"], Design(), 7)["A"] == one["A"]


@pytest.mark.parametrize("seed", range(40))
def test_a_place_in_the_order_never_tells_the_group(seed):
    groups = groups_of(60)
    turns = deal(groups, ["A"], Design(), seed)["A"]
    told = predictions("order", list(range(len(turns))), [groups[turn.item] for turn in turns])
    assert len(told) == 3
    assert not any(one.tells for one in told)


def test_too_many_repeats_for_so_few_items_are_refused_with_the_way_out():
    with pytest.raises(ConfigError, match=r"reader A has 6 items, too few for 3 repeats at least 5 places apart"):
        deal(groups_of(6), ["A"], Design(repeats=0.5, apart=5), 0)
