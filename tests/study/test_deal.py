"""Properties of dealing: nobody twice, shares as asked, nested, and a function of the seed."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from wsi_swarm.study.dealing.arithmetic import of_equal_prevalence, of_given_prevalence
from wsi_swarm.study.dealing.deal import Deal, DealPlan, deal

COHORTS = ("north", "south", "west")
SEEDS = st.integers(0, 2**32)


def table(size: int, prevalence: float = 0.4, unknown: float = 0.0, seed: int = 0) -> tuple[np.ndarray, Any, Any]:
    """Labels, cohorts and batches of ``size`` rows; batches lie within a cohort."""
    rng = np.random.default_rng(seed)
    labels = (rng.random(size) < prevalence).astype(float)
    labels[rng.random(size) < unknown] = np.nan
    cohorts = rng.choice(COHORTS, size)
    batches = np.char.add(cohorts, rng.integers(0, 12, size).astype(str))
    return labels, cohorts, batches


def plan(**given: Any) -> DealPlan:
    return DealPlan(**{"train": COHORTS, "test": 0.2, "how": "even", "nodes": 4, **given})


def dealt(result: Deal) -> list[tuple[str, list[int]]]:
    return [(name, rows.tolist()) for name, rows in result.nodes.items()] + [("test", result.test.tolist())]


PLANS = st.sampled_from(
    [
        plan(),
        plan(nodes=32),
        plan(how="cohorts", nodes=0),
        plan(how="cohorts", nodes=2, train=COHORTS[:2], test=("west",)),
        plan(how="sizes", nodes=3, sizes=(0.1, 0.3, 0.6)),
        plan(how="prevalence", nodes=3, prevalence=(0.5, 0.01, 0.7)),
        plan(how="shape", nodes=3, sizes=(0.1, 0.3, 0.6), prevalence=(0.5, 0.01, 0.7)),
        plan(how="batch", nodes=3, test=0.3, test_prevalence=0.05),
        plan(patients=50, test=("south",), train=("north", "west")),
    ]
)


@settings(max_examples=50, deadline=None)
@given(PLANS, SEEDS, st.integers(600, 900), st.floats(0.25, 0.6))
def test_nobody_is_dealt_twice_and_everybody_is_accounted_for(
    one: DealPlan, seed: int, size: int, prevalence: float
) -> None:
    labels, cohorts, batches = table(size, prevalence, unknown=0.1)
    result = deal(labels, cohorts, batches, one, seed)
    rows = np.concatenate([*result.nodes.values(), result.test])
    assert len(set(rows.tolist())) == len(rows) == size - result.unused
    assert not np.isnan(labels[result.test]).any()
    for node in result.nodes.values():
        assert (np.diff(node) > 0).all()
        assert {0.0, 1.0} <= set(labels[node].tolist())
        assert set(cohorts[node]) <= set(one.train)
        assert np.isnan(labels[node]).any() == (one.how == "cohorts")
    assert (np.diff(result.test) > 0).all()
    if isinstance(one.test, tuple):
        assert set(cohorts[result.test]) == set(one.test)


@settings(max_examples=50, deadline=None)
@given(PLANS, SEEDS)
def test_a_deal_is_a_function_of_its_seed(one: DealPlan, seed: int) -> None:
    data = table(700)
    assert dealt(deal(*data, one, seed)) == dealt(deal(*data, one, seed))
    if one.how != "cohorts" or not isinstance(one.test, tuple):
        assert dealt(deal(*data, one, seed)) != dealt(deal(*data, one, seed + 1))


@settings(max_examples=50, deadline=None)
@given(PLANS, SEEDS, st.integers(2, 60), st.integers(0, 60))
def test_the_smaller_set_of_a_seed_is_part_of_the_larger(one: DealPlan, seed: int, cap: int, more: int) -> None:
    labels, cohorts, batches = table(700, unknown=0.1)
    small, large = (deal(labels, cohorts, batches, replace(one, patients=n), seed) for n in (cap, cap + more))
    whole = deal(labels, cohorts, batches, replace(one, patients=None), seed)
    for name, rows in small.nodes.items():
        assert set(rows) <= set(large.nodes[name]) <= set(whole.nodes[name])
        assert len(rows) == min(cap, len(whole.nodes[name]))
        known = labels[whole.nodes[name]]
        assert {0.0, 1.0} <= set(labels[rows].tolist())
        assert abs(np.nansum(labels[rows]) - cap * np.nansum(known) / len(known)) <= 1.5 or len(rows) < cap
    assert small.test.tolist() == large.test.tolist() == whole.test.tolist()


@settings(max_examples=50, deadline=None)
@given(st.integers(40, 500), st.integers(40, 500), st.lists(st.floats(0.05, 1), min_size=2, max_size=8))
def test_sizes_and_prevalence_come_out_within_one_patient(cases: int, controls: int, sizes: list[float]) -> None:
    found = np.array(of_equal_prevalence(cases, controls, sizes))
    shares = np.array(sizes) / sum(sizes)
    assert found.sum(axis=0).tolist() == [cases, controls]
    assert np.abs(found - np.stack([cases * shares, controls * shares], axis=1)).max() <= 1.001
    assert np.abs(found.sum(axis=1) - (cases + controls) * shares).max() <= 1.001


@settings(max_examples=50, deadline=None)
@given(
    st.integers(100, 500),
    st.integers(100, 500),
    st.lists(st.tuples(st.floats(0.2, 1), st.floats(0.005, 0.995)), min_size=2, max_size=5),
)
def test_given_prevalences_come_out_within_one_patient(
    cases: int, controls: int, nodes: list[tuple[float, float]]
) -> None:
    sizes, prevalence = map(np.array, zip(*nodes, strict=True))
    found = np.array(of_given_prevalence(cases, controls, sizes.tolist(), prevalence.tolist()))
    total, each = found.sum(), found.sum(axis=1)
    assert (found.sum(axis=0) <= (cases, controls)).all()
    assert found.min() >= 1
    assert np.abs(each - total * sizes / sizes.sum()).max() <= 1.001
    assert np.abs(found[:, 0] - each * prevalence).max() <= 1.001
    # As many as fit: with one more patient by node a class would run short.
    assert (cases - found[:, 0].sum() <= 2 * len(nodes)) or (controls - found[:, 1].sum() <= 2 * len(nodes))


def test_the_papers_shape() -> None:
    """Fig. 2b of Warnat-Herresthal et al. 2021: 10 % (50:50), 30 % (1:99), 60 % (70:30)."""
    found = of_given_prevalence(2588, 2883, (0.1, 0.3, 0.6), (0.5, 0.01, 0.7))
    sizes = np.array(found).sum(axis=1)
    np.testing.assert_allclose(sizes / sizes.sum(), (0.1, 0.3, 0.6), atol=1e-3)
    np.testing.assert_allclose(np.array(found)[:, 0] / sizes, (0.5, 0.01, 0.7), atol=1e-2)


@settings(max_examples=50, deadline=None)
@given(SEEDS)
def test_a_batch_is_in_one_node(seed: int) -> None:
    labels, cohorts, batches = table(800)
    result = deal(labels, cohorts, batches, plan(how="batch", nodes=5), seed)
    sets = [set(batches[rows]) for rows in result.nodes.values()]
    assert sum(map(len, sets)) == len(set.union(*sets))
    sizes = [len(rows) for rows in result.nodes.values()]
    assert max(sizes) - min(sizes) <= max(np.unique(batches, return_counts=True)[1])


def test_batches_of_one_class_are_paired() -> None:
    """Four batches of cases and four of controls: each of four nodes gets one of both."""
    labels, batches = np.repeat([0.0, 1.0] * 4, 10), np.repeat(list("abcdefgh"), 10)
    result = deal(labels, ["x"] * 80, batches.tolist(), plan(train=("x",), how="batch"), 3)
    assert [len(set(batches[rows])) for rows in result.nodes.values()] == [2] * 4


@settings(max_examples=50, deadline=None)
@given(SEEDS, st.sampled_from([0.05, 0.2, 0.5, 0.9]))
def test_a_test_set_is_thinned_out(seed: int, share: float) -> None:
    data = table(800)
    whole, thin = (deal(*data, plan(test_prevalence=p), seed) for p in (None, share))
    assert set(thin.test) <= set(whole.test)
    assert dealt(thin)[:-1] == dealt(whole)[:-1]
    cases = data[0][thin.test].sum()
    assert cases >= 1
    assert abs(cases - share * len(thin.test)) <= 1
    full = data[0][whole.test]
    assert (share < full.mean() and (1 - full).sum() == len(thin.test) - cases) or full.sum() == cases


@settings(max_examples=50, deadline=None)
@given(SEEDS, st.floats(0.1, 0.5))
def test_the_held_out_share_is_stratified(seed: int, share: float) -> None:
    labels, cohorts, batches = table(600)
    test = deal(labels, cohorts, batches, plan(test=share), seed).test
    for cohort in COHORTS:
        for label in (0, 1):
            stratum = (cohorts == cohort) & (labels == label)
            assert abs(stratum[test].sum() - share * stratum.sum()) <= 0.5


@settings(max_examples=50, deadline=None)
@given(SEEDS)
def test_nodes_hold_cohorts_in_proportion(seed: int) -> None:
    labels, cohorts, batches = table(900)
    for rows in deal(labels, cohorts, batches, plan(patients=60), seed).nodes.values():
        found = np.array([(cohorts[rows] == name).mean() for name in COHORTS])
        np.testing.assert_allclose(found, 1 / 3, atol=0.12)


def test_the_test_set_does_not_depend_on_the_way_of_dealing() -> None:
    data = table(700)
    ways = (plan(), plan(nodes=8), plan(how="cohorts", nodes=0), plan(how="batch"), plan(patients=5))
    assert len({tuple(deal(*data, one, 11).test.tolist()) for one in ways}) == 1
