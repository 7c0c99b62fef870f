"""Halves are exact: for every reader within every stratum, and for every item over the readers."""

from __future__ import annotations

from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from heatmaps.readers.kit.balance import halves_of_items, halves_of_readers
from heatmaps.readers.kit.showings import make_showings
from heatmaps.readers.kit.study_file import read_study_file
from tests.heatmaps.readers.template_studies import make_assistance, make_preference


@given(sizes=st.lists(st.integers(1, 15), min_size=1, max_size=5), seed=st.integers(0, 10**6))
@settings(max_examples=200, deadline=None)
def test_halves_of_items_are_equal_in_every_stratum_and_in_all(sizes, seed):
    strata = {f"i{s}-{n}": f"s{s}" for s, size in enumerate(sizes) for n in range(size)}
    halves = halves_of_items(strata, seed)
    assert set(halves) == set(strata)
    assert abs(sum(1 if half else -1 for half in halves.values())) <= 1
    for stratum in set(strata.values()):
        assert abs(sum(1 if halves[item] else -1 for item in strata if strata[item] == stratum)) <= 1


@given(count=st.integers(1, 12), seed=st.integers(0, 10**6))
def test_readers_alternate_whatever_their_number(count, seed):
    readers = [f"R{n}" for n in range(count)]
    flipped = halves_of_readers(readers, seed)
    assert abs(sum(1 if half else -1 for half in flipped.values())) <= 1
    assert halves_of_readers([*readers, "another"], seed) == flipped | {"another": 1 - flipped[readers[-1]]}


def lefts(study, items):
    """Reader to item to the method that stands left at the first showing."""
    showings = make_showings(study, items, bytes(32))
    known = {item.item: item for item in items}
    return {
        reader: {
            one.item: getattr(known[one.item], f"method_{one.left}")
            for one in order
            if not one.training and not one.again
        }
        for reader, order in showings.items()
    }


def study_of(folder, readers, shared="1.0"):
    from heatmaps.readers.kit.item_table import read_items

    codes = "".join(f'[[readers]]\ncode = "R{n}"\n' for n in range(3, readers + 1))
    folder.change("[design]\n", f"{codes}[design]\nshared = {shared}\n")
    study = read_study_file(folder.file)
    return study, read_items(folder.folder / "items.csv", study.template)


def test_each_method_stands_left_in_half_of_a_readers_pairs_and_for_half_of_a_pairs_readers(tmp_path):
    study, items = study_of(make_preference(tmp_path / "study", 10), 4)
    found = lefts(study, items)
    for own in found.values():
        assert Counter(own.values()) == {"heron-method": 5, "zebra-method": 5}
    for item in found["R1"]:
        assert Counter(own[item] for own in found.values()) == {"heron-method": 2, "zebra-method": 2}


def test_sides_stay_balanced_where_readers_share_only_some_pairs(tmp_path):
    study, items = study_of(make_preference(tmp_path / "study", 23), 3, "0.3")
    for own in lefts(study, items).values():
        heron = Counter(own.values())["heron-method"]
        assert abs(2 * heron - len(own)) <= 1


def test_a_second_showing_of_a_pair_has_its_sides_changed(tmp_path):
    study, items = study_of(make_preference(tmp_path / "study", 10), 2)
    for order in make_showings(study, items, bytes(32)).values():
        side = {one.item: one.left for one in order if not one.again}
        again = [one for one in order if one.again]
        assert len(again) == 2
        assert all(one.left != side[one.item] for one in again)


def test_in_a_crossover_half_of_each_truth_has_the_ai_first_and_every_case_both_readings(tmp_path):
    study, items = study_of(make_assistance(tmp_path / "study", 12, crossover=True), 4)
    truth = {item.item: item.truth for item in items}
    first: dict[str, Counter[str]] = {}
    orders = []
    for reader, showings in make_showings(study, items, bytes(32)).items():
        judged = [one for one in showings if not one.training]
        sessions = {session: [one for one in judged if one.session == session] for session in "12"}
        assert [one.session for one in judged] == ["1"] * 12 + ["2"] * 12
        readings = {session: {one.item: one.reading for one in its} for session, its in sessions.items()}
        assert all({readings["1"][item], readings["2"][item]} == {"with", "without"} for item in readings["1"])
        for value in "01":
            assert Counter(readings["1"][item] for item in readings["1"] if truth[item] == value)["with"] == 3
        orders += [[one.item for one in its] for its in sessions.values()]
        for item, reading in readings["1"].items():
            first.setdefault(item, Counter())[reading] += 1
        assert len({reader, *(one.opaque for one in showings)}) == len(showings) + 1
    assert all(counted == {"with": 2, "without": 2} for counted in first.values())
    assert len({tuple(order) for order in orders}) == len(orders)
