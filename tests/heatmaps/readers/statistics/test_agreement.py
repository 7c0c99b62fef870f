"""What must hold of any coefficient of agreement."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.stats.inter_rater import fleiss_kappa as statsmodels_fleiss

from heatmaps.readers.statistics.agreement import fleiss_kappa, gwet_ac, krippendorff_alpha, percent_agreement
from heatmaps.readers.statistics.answers_table import coded, wide
from heatmaps.readers.statistics.measures import Absent, Interval, Measure
from pipelines.errors import ConfigError

NO = np.nan
GAPS = [[1, 1, NO], [2, 2, 3], [3, 3, 3], [2, NO, 2], [1, 3, 3], [2, 2, 2], [NO, NO, 1]]


def value(found: Measure | Absent) -> float:
    assert isinstance(found, Measure), found
    return found.value


def every(answers: object, q: int, resamples: int = 2) -> dict[str, Measure | Absent]:
    """All coefficients of answers 0 to q - 1."""
    known = list(range(q))
    made: dict[str, Measure | Absent] = {}
    for w in ("nominal", "linear", "quadratic"):
        made[f"fleiss {w}"] = fleiss_kappa(answers, seed=1, categories=known, weighting=w, resamples=resamples)
        made[f"gwet {w}"] = gwet_ac(answers, seed=1, categories=known, weighting=w, resamples=resamples)
    for level in ("nominal", "ordinal", "interval"):
        made[level] = krippendorff_alpha(answers, seed=1, categories=known, level=level, resamples=resamples)
    return made


def tables(readers: int = 4) -> st.SearchStrategy[list[list[int]]]:
    return st.lists(st.lists(st.integers(0, 2), min_size=readers, max_size=readers), min_size=3, max_size=12)


@given(tables(), st.randoms())
@settings(max_examples=40, deadline=None)
def test_order_of_items_and_readers_is_nothing(answers: list[list[int]], random: object) -> None:
    shuffled = [list(row) for row in answers]
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    order = list(range(4))
    random.shuffle(order)  # type: ignore[attr-defined]
    shuffled = [[row[i] for i in order] for row in shuffled]
    for name, plain in every(answers, 3).items():
        other = every(shuffled, 3)[name]
        assert isinstance(plain, Absent) == isinstance(other, Absent)
        if isinstance(plain, Measure):
            assert value(other) == pytest.approx(plain.value, abs=1e-10)


@given(tables(), st.permutations(range(3)))
@settings(max_examples=40, deadline=None)
def test_names_of_categories_are_nothing_to_nominal_coefficients(answers: list[list[int]], names: list[int]) -> None:
    renamed = [[names[x] for x in row] for row in answers]
    for name in ("fleiss nominal", "gwet nominal", "nominal"):
        plain, other = every(answers, 3)[name], every(renamed, 3)[name]
        assert isinstance(plain, Absent) == isinstance(other, Absent)
        if isinstance(plain, Measure):
            assert value(other) == pytest.approx(plain.value, abs=1e-10)


@given(tables())
@settings(max_examples=40, deadline=None)
def test_the_order_reversed_changes_nothing(answers: list[list[int]]) -> None:
    mirrored = [[2 - x for x in row] for row in answers]
    for name, plain in every(answers, 3).items():
        other = every(mirrored, 3)[name]
        if isinstance(plain, Measure):
            assert value(other) == pytest.approx(plain.value, abs=1e-10)


@given(st.lists(st.integers(0, 2), min_size=3, max_size=12).filter(lambda x: len(set(x)) > 1), st.integers(2, 5))
@settings(max_examples=30, deadline=None)
def test_perfect_agreement_is_1(items: list[int], readers: int) -> None:
    for name, found in every([[x] * readers for x in items], 3).items():
        assert isinstance(found, Measure), name
        assert found.value == pytest.approx(1.0, abs=1e-12)
        assert isinstance(found.interval, Absent)


@given(tables())
@settings(max_examples=40, deadline=None)
def test_fleiss_kappa_is_statsmodels(answers: list[list[int]]) -> None:
    found = fleiss_kappa(answers, seed=1, categories=range(3), resamples=2)
    if isinstance(found, Measure):
        assert found.value == pytest.approx(statsmodels_fleiss(coded(answers, range(3)).counts()), abs=1e-10)


def test_two_categories_leave_no_room_for_weights() -> None:
    answers = np.random.default_rng(3).integers(0, 2, (30, 3))
    found = every(answers, 2)
    for kind in ("fleiss", "gwet"):
        assert value(found[f"{kind} linear"]) == pytest.approx(value(found[f"{kind} nominal"]), abs=1e-12)
        assert value(found[f"{kind} quadratic"]) == pytest.approx(value(found[f"{kind} nominal"]), abs=1e-12)
    assert value(found["ordinal"]) == pytest.approx(value(found["nominal"]), abs=1e-12)


def test_answers_by_chance_give_about_0() -> None:
    answers = np.random.default_rng(11).integers(0, 3, (3000, 4))
    for name, found in every(answers, 3).items():
        assert abs(value(found)) < 0.03, name
    assert value(percent_agreement(answers, seed=1, resamples=2)) == pytest.approx(1 / 3, abs=0.02)


def test_kappa_collapses_for_a_rare_feature_and_ac1_does_not() -> None:
    answers = [[0, 0]] * 96 + [[0, 1]] * 2 + [[1, 0]] * 2
    assert value(percent_agreement(answers, seed=1)) == pytest.approx(0.96)
    assert value(fleiss_kappa(answers, seed=1)) < 0
    assert value(gwet_ac(answers, seed=1, categories=(0, 1))) > 0.95


def test_one_answer_everywhere_gets_a_sentence_or_1() -> None:
    found = every([[1, 1]] * 5, 3)
    for name in ("fleiss nominal", "nominal", "ordinal", "interval"):
        absent = found[name]
        assert isinstance(absent, Absent)
        assert "every answer is the same" in absent.reason
    assert value(found["gwet nominal"]) == pytest.approx(1.0)


def test_no_pair_and_no_number_of_categories_get_a_sentence() -> None:
    alone = fleiss_kappa([[1, NO], [NO, 2]], seed=1)
    assert isinstance(alone, Absent)
    assert "answered by two readers" in alone.reason
    assert isinstance(gwet_ac([[1, 1]], seed=1, categories=[1]), Absent)


def test_the_same_seed_gives_the_same_interval_and_another_seed_another() -> None:
    first, again, other = (fleiss_kappa(GAPS, seed=s) for s in (4, 4, 5))
    assert first == again
    assert isinstance(first, Measure)
    assert isinstance(other, Measure)
    assert first.interval != other.interval


def test_tiles_of_one_patient_widen_the_interval() -> None:
    rng = np.random.default_rng(2)
    patients = np.repeat(np.arange(12), 10)
    hard = np.repeat(rng.random(12) < 0.5, 10)
    first = rng.integers(0, 2, 120)
    second = np.where(hard, rng.integers(0, 2, 120), first)
    answers = np.stack([first, second], axis=1)
    by_item = fleiss_kappa(answers, seed=1)
    by_patient = fleiss_kappa(answers, seed=1, clusters=patients)
    assert isinstance(by_item, Measure)
    assert isinstance(by_patient, Measure)
    assert isinstance(by_item.interval, Interval)
    assert isinstance(by_patient.interval, Interval)
    assert by_patient.interval.high - by_patient.interval.low > 1.3 * (by_item.interval.high - by_item.interval.low)


def drawn(rng: np.random.Generator, items: int) -> np.ndarray:
    """Four readers who see the item's class, or answer at random in a quarter of cases."""
    shares = (0.5, 0.3, 0.2)
    answers = np.repeat(rng.choice(3, (items, 1), p=shares), 4, axis=1)
    guessed = rng.random(answers.shape) < 0.25
    answers[guessed] = rng.choice(3, guessed.sum(), p=shares)
    return answers


@pytest.mark.parametrize("kind", ["fleiss nominal", "gwet nominal"])
def test_intervals_cover_the_truth(kind: str) -> None:
    rng = np.random.default_rng(8)
    truth = value(every(drawn(rng, 100_000), 3)[kind])
    hits = 0
    for _ in range(100):
        answers = drawn(rng, 50)
        found = (
            fleiss_kappa(answers, seed=1, categories=range(3), resamples=200)
            if kind.startswith("fleiss")
            else gwet_ac(answers, seed=1, categories=range(3), resamples=200)
        )
        assert isinstance(found, Measure)
        assert isinstance(found.interval, Interval)
        hits += found.interval.low <= truth <= found.interval.high
    assert hits >= 88


def test_answers_are_checked() -> None:
    with pytest.raises(ConfigError, match="'often' is an answer, but not one of the categories never, always"):
        coded([["never", "often"]], ["never", "always"])
    with pytest.raises(ConfigError, match="dimensions"):
        coded([1, 2, 3])
    with pytest.raises(ConfigError, match="'x' is an answer, but not a number"):
        krippendorff_alpha([["x", "y"]], seed=1, level="interval")
    with pytest.raises(ConfigError, match="there are 7 items and clusters of shape"):
        fleiss_kappa(GAPS, seed=1, clusters=[1, 2])
    assert isinstance(percent_agreement([[NO, NO]], seed=1), Absent)
    frame = pd.DataFrame({"item": [1, 1], "reader": ["a", "a"], "answer": [1, 2]})
    with pytest.raises(ConfigError, match="reader a answered item 1 more than once"):
        wide(frame, "item", "reader", "answer")
    with pytest.raises(ConfigError, match="no column rater"):
        wide(frame, "item", "rater", "answer")


def test_long_answers_become_a_table_with_gaps() -> None:
    frame = pd.DataFrame({"item": [1, 1, 2], "reader": ["a", "b", "a"], "answer": ["x", "y", "x"]})
    table = coded(wide(frame, "item", "reader", "answer"), ["x", "y"])
    assert table.codes.tolist() == [[0, 1], [0, -1]]
