from __future__ import annotations

import numpy as np
import pytest

from models.evaluation.estimates import Absent, Estimate
from models.evaluation.forest import Group, Pooled, group_by, pool, pool_effects

# The ten trials of Riley, Higgins and Deeks (BMJ 2011; 342: d549) as the R package pimeta has them.
EFFECTS = [0.00, 0.10, -0.40, -0.80, -0.63, 0.22, -0.34, -0.51, 0.03, -0.81]
ERRORS = [0.423477, 0.219392, 0.025511, 0.198983, 0.301026, 0.301026, 0.071430, 0.102043, 0.122451, 0.301026]


def test_mean_and_prediction_interval_are_those_of_pimeta() -> None:
    """Published output of pimeta::htsdl and pima(method = "HTS"); I2 of its vignette."""
    found = pool_effects(np.array(EFFECTS), np.array(ERRORS) ** 2)
    assert found.mean == pytest.approx(-0.3340597, abs=2e-6)
    assert found.prediction == pytest.approx((-0.7597777, 0.09165839), abs=2e-6)
    assert found.tau2 == pytest.approx(0.02824971, abs=2e-6)
    assert round(100 * found.i2, 1) == 70.5
    assert found.prediction[0] < found.low < found.mean < found.high < found.prediction[1]


def centre(name: str, area: float, variance: float | None = 0.001) -> Group:
    return Group(name, 20, 80, Estimate(area, area - 0.06, min(1.0, area + 0.06), "DeLong 1988"), variance)


def test_pooling_stays_between_the_centres_and_inside_the_scale() -> None:
    found = pool([centre("A", 0.80), centre("B", 0.88), centre("C", 0.97)])
    assert isinstance(found, Pooled)
    assert 0.80 < found.mean.value < 0.97
    assert 0 < found.prediction[0] < found.mean.low < found.mean.high < found.prediction[1] < 1
    assert found.groups == 3
    alike = pool([centre(name, 0.85) for name in "ABCD"])
    assert isinstance(alike, Pooled)
    assert (alike.tau2, alike.i2) == (0.0, 0.0)
    assert alike.q_p == pytest.approx(1.0)


def test_two_centres_or_perfect_ones_are_not_pooled() -> None:
    perfect = centre("C", 1.0, None)
    found = pool([centre("A", 0.8), centre("B", 0.9), perfect])
    assert isinstance(found, Absent)
    assert "2 of 3 groups have an AUROC with a variance, and at least 3 are needed" in found.reason
    assert isinstance(pool([]), Absent)


def test_the_prediction_interval_covers_the_next_centre() -> None:
    """1,000 seeded draws of 8 centres whose true logit AUROCs vary with a variance of 0.15."""
    rng = np.random.default_rng(2009)
    hits = 0
    for _ in range(1000):
        variances = rng.uniform(0.03, 0.09, 8)
        truths = rng.normal(1.5, 0.15**0.5, 9)
        found = pool_effects(rng.normal(truths[:8], variances**0.5), variances)
        hits += found.prediction[0] <= truths[8] <= found.prediction[1]
    assert 0.90 <= hits / 1000 <= 0.98


def test_groups_by_name_and_too_small_ones_as_a_sentence() -> None:
    rng = np.random.default_rng(4)
    labels = np.tile([1, 0, 0], 20)
    names = ["B"] * 36 + [""] * 3 + ["A"] * 21
    found = group_by(names, labels, rng.random(60))
    assert [group.name for group, _ in found] == ["A", "B"]
    (a, a_index), (b, b_index) = found
    assert a.auroc == Absent("no AUROC: too few patients (7 positive, 14 negative; at least 10 of each are needed)")
    assert isinstance(b.auroc, Estimate)
    assert (b.n_pos, b.n_neg) == (12, 24)
    assert list(a_index) == list(range(39, 60))
    assert list(b_index) == list(range(36))
    one_class = group_by(["A"] * 30, np.ones(30, int), rng.random(30))[0][0].auroc
    assert one_class == Absent("no AUROC: only positive patients (30), and two classes are needed")


def test_a_perfectly_separated_group_keeps_an_honest_interval() -> None:
    labels = np.repeat([0, 1], 12)
    ((group, _),) = group_by(["A"] * 24, labels, labels + 0.0)
    assert isinstance(group.auroc, Estimate)
    assert (group.auroc.value, group.variance) == (1.0, None)
    assert group.auroc.low < 0.95
