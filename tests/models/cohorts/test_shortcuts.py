from __future__ import annotations

import numpy as np
import pytest

from models.cohorts.measures import Measure
from models.cohorts.shortcuts import find_shortcuts, findings_of, leave_pair_out


def pairs_by_hand(categories: list[str], y: np.ndarray) -> float:
    """The definition, pair by pair."""
    right = []
    for i in np.flatnonzero(y == 1):
        for j in np.flatnonzero(y == 0):
            rest = [k for k in range(len(y)) if k not in (i, j)]
            rates = []
            for one in (i, j):
                same = [y[k] for k in rest if categories[k] == categories[one]] or [y[k] for k in rest]
                rates.append(np.mean(same))
            right.append(0.5 + 0.5 * np.sign(round(rates[0] - rates[1], 12)))
    return float(np.mean(right))


@pytest.mark.parametrize("seed", range(8))
def test_leaving_out_pairs_is_what_its_definition_says(seed: int) -> None:
    rng = np.random.default_rng(seed)
    y = rng.permutation([1] * 5 + [0] * 11)
    categories = rng.choice(list("abcdef"), 16).tolist()
    assert leave_pair_out(categories, y) == pytest.approx(pairs_by_hand(categories, y))


def test_categories_that_say_nothing_are_at_one_half_on_average() -> None:
    rng = np.random.default_rng(1)
    areas = [
        leave_pair_out(rng.choice(list("abcdef"), 24).tolist(), rng.permutation([1] * 7 + [0] * 17))
        for _ in range(1500)
    ]
    assert np.mean(areas) == pytest.approx(0.5, abs=4 * np.std(areas) / np.sqrt(len(areas)))
    assert leave_pair_out(["a"] * 20, np.array([1] * 4 + [0] * 16)) == 0.5
    assert leave_pair_out(["a"] * 5 + ["b"] * 15, np.array([1] * 5 + [0] * 15)) == 1.0


def number(values, name: str = "the number") -> Measure:
    return Measure(name, "number", np.asarray(values, float), "cap it")


def test_chance_is_rarely_called_a_shortcut() -> None:
    rng = np.random.default_rng(2)
    alarms = 0
    for _ in range(100):
        labels = rng.permutation(["x"] * 12 + ["y"] * 28).tolist()
        measures = [number(rng.normal(size=40)) for _ in range(5)]
        alarms += any(shortcut.suspicious for shortcut in find_shortcuts("T", labels, measures, "x"))
    assert alarms <= 12  # of 100 at a level of 5 %


def test_a_number_is_judged_in_either_direction_and_said_in_words() -> None:
    labels = ["MSIH"] * 12 + ["MSS"] * 20 + [None]
    (low,) = find_shortcuts("MSI", labels, [number([*range(12), *range(100, 120), 5])], "MSIH")
    assert (low.auroc.value, low.direction, low.suspicious) == (1.0, "lower", True)
    assert (low.auroc.n_pos, low.auroc.n_neg) == (12, 20)
    assert "alone tells MSIH from the rest (AUROC 1.00" in low.sentence
    (other,) = find_shortcuts("MSI", labels, [number([*range(12), *range(100, 120), 5])], "MSS")
    assert other.direction == "higher"


def test_of_several_labels_each_is_told_from_the_rest() -> None:
    labels = ["a"] * 10 + ["b"] * 10 + ["c"] * 10
    found = find_shortcuts("T", labels, [number([*range(10), *[50] * 20])])
    assert [s.label for s in found] == ["a", "b", "c"]
    assert found[0].suspicious
    assert found[0].auroc.value == 1.0
    assert found[1].auroc.value == pytest.approx(0.75)


def test_what_is_the_same_for_all_or_unknown_is_not_judged() -> None:
    labels = ["a", "b"] * 10
    assert find_shortcuts("T", labels, [number([3] * 20), number([np.nan] * 20)], "a") == []
    (partly,) = find_shortcuts("T", labels, [number([np.nan, np.nan, *range(18)])], "a")
    assert (partly.auroc.n_pos, partly.auroc.n_neg) == (9, 9)
    assert find_shortcuts("T", ["a"] + ["b"] * 9, [number(range(10))], "a") == []


def test_mean_features_are_judged_by_folds_and_noted_as_possible_biology(tmp_path) -> None:
    rng = np.random.default_rng(3)
    labels = ["a", "b"] * 20
    shift = np.array([2.0 if label == "a" else 0.0 for label in labels])
    told, noise = rng.normal(size=(40, 6)), rng.normal(size=(40, 60))
    told[:, 2] += shift
    vectors = [Measure("the mean", "vector", v, "look", may_be_biology=True) for v in (told, noise)]
    found = find_shortcuts("T", labels, vectors, "a")
    assert found[0].suspicious
    assert not found[1].suspicious  # in sample, 60 numbers would tell 40 patients apart
    (note,) = findings_of(found, tmp_path / "clini.csv")
    assert (note.severity, note.column) == ("note", "T")
