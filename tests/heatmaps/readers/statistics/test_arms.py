"""Arms against each other: the closed form against statsmodels, and coverage where readers and cases come back."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import ttest_1samp
from statsmodels.regression.mixed_linear_model import MixedLM
from statsmodels.stats.multitest import multipletests

from heatmaps.readers.statistics.arms import ArmDifference, compare_all, compare_bootstrap, compare_crossed, holm_p
from heatmaps.readers.statistics.arms_over_cases import compare_over_cases
from heatmaps.readers.statistics.measures import Absent, Interval, Measure, Test
from pipelines.errors import ConfigError


def drawn(
    rng: np.random.Generator, readers: int, cases: int, by_reader: float = 0.3, by_case: float = 0.3, gain: float = 0.0
) -> pd.DataFrame:
    """Ratings with random readers and cases, each with an own leaning towards an arm; ``a`` is better by ``gain``."""
    shape = (readers, cases, 2)
    ratings = (
        3.0
        + rng.normal(0, 0.3, (readers, 1, 1))
        + rng.normal(0, 0.7, (1, cases, 1))
        + rng.normal(0, by_reader, (readers, 1, 2))
        + rng.normal(0, by_case, (1, cases, 2))
        + rng.normal(0, 0.6, shape)
        + gain * np.array([1, 0])
    )
    reader, case, arm = np.indices(shape).reshape(3, -1)
    return pd.DataFrame({"reader": reader, "case": case, "arm": np.array(["a", "b"])[arm], "rating": ratings.ravel()})


def ends(found: ArmDifference) -> tuple[float, float]:
    assert isinstance(found.difference, Measure)
    assert isinstance(found.difference.interval, Interval)
    return found.difference.interval.low, found.difference.interval.high


@pytest.mark.parametrize("seed", [3, 7])
def test_the_standard_error_is_that_of_statsmodels_mixed_model(seed: int) -> None:
    """REML with readers, cases, their pairs, and each within arms, on seeds where no component lies at 0."""
    rng = np.random.default_rng(seed)
    frame = drawn(rng, readers=4, cases=10, by_reader=0.6, by_case=0.6)
    frame["pair"] = frame["reader"].astype(str) + "/" + frame["case"].astype(str)
    frame["rating"] += np.random.default_rng(seed).normal(0, 0.5, 40)[frame["reader"] * 10 + frame["case"]]
    found = compare_crossed(frame, "a", "b")
    frame["is_a"] = (frame["arm"] == "a").astype(float)
    for factor in ("reader", "case"):
        frame[f"{factor}_arm"] = frame[factor].astype(str) + frame["arm"]
    terms = {name: f"0 + C({name})" for name in ("reader", "case", "reader_arm", "case_arm", "pair")}
    model = MixedLM.from_formula(
        "rating ~ is_a", groups=np.ones(len(frame)), vc_formula=terms, data=frame, use_sparse=True
    )
    fitted = model.fit(reml=True)
    assert fitted.converged
    assert min(fitted.vcomp) > 1e-3
    assert isinstance(found.difference, Measure)
    assert isinstance(found.test, Test)
    assert found.difference.value == pytest.approx(fitted.fe_params["is_a"], abs=1e-9)
    assert found.test.statistic == pytest.approx(fitted.tvalues["is_a"], rel=1e-4)


def test_fixed_readers_are_a_paired_t_test_over_cases() -> None:
    frame = drawn(np.random.default_rng(2), readers=3, cases=12)
    found = compare_crossed(frame, "a", "b", readers="fixed")
    means = frame.groupby(["case", "arm"])["rating"].mean().unstack("arm")
    expected = ttest_1samp(means["a"] - means["b"], 0.0)
    assert isinstance(found.test, Test)
    assert (found.test.statistic, found.test.p) == pytest.approx((expected.statistic, expected.pvalue), rel=1e-9)
    assert found.test.df == (11,)
    low, high = expected.confidence_interval()
    assert ends(found) == pytest.approx((low, high), rel=1e-9)


def test_arms_changed_over_turn_the_sign() -> None:
    frame = drawn(np.random.default_rng(3), readers=4, cases=20)
    one, other = compare_crossed(frame, "a", "b"), compare_crossed(frame, "b", "a")
    low, high = ends(one)
    assert ends(other) == pytest.approx((-high, -low), abs=1e-12)
    assert one.means == other.means[::-1]


@pytest.mark.parametrize(("readers", "cases"), [(3, 20), (5, 20)])
def test_the_closed_form_covers_no_difference(readers: int, cases: int) -> None:
    rng = np.random.default_rng(4)
    hits = 0
    for _ in range(200):
        low, high = ends(compare_crossed(drawn(rng, readers, cases), "a", "b"))
        hits += low <= 0 <= high
    # 93.5 to 95 % in 600 studies of each size; 200 studies may fall 2.5 standard errors below.
    assert hits >= 0.895 * 200


def test_the_bootstrap_covers_with_ten_readers_and_is_too_narrow_with_three() -> None:
    rng = np.random.default_rng(5)
    hits = {3: 0, 10: 0}
    for readers in hits:
        for i in range(120):
            low, high = ends(compare_bootstrap(drawn(rng, readers, 30), "a", "b", seed=i, resamples=200))
            hits[readers] += low <= 0 <= high
    # 92 % and 86 % in 400 studies of each size.
    assert hits[10] >= 0.86 * 120
    assert hits[3] < hits[10]


def test_answers_as_independent_would_be_wrong() -> None:
    """Readers with leanings of their own make an interval much wider than that of a t test over all answers."""
    frame = drawn(np.random.default_rng(6), readers=5, cases=60, by_reader=0.5)
    naive = 2 * 1.96 * (2 * frame["rating"].var() / (len(frame) / 2)) ** 0.5
    for found in (compare_crossed(frame, "a", "b"), compare_bootstrap(frame, "a", "b", seed=1)):
        low, high = ends(found)
        assert high - low > 2 * naive


def test_a_difference_is_found_by_both() -> None:
    frame = drawn(np.random.default_rng(7), readers=8, cases=40, gain=1.5)
    for found in (compare_crossed(frame, "a", "b"), compare_bootstrap(frame, "a", "b", seed=1)):
        assert isinstance(found.test, Test)
        assert found.test.p < 0.01
        low, high = ends(found)
        assert low < 1.5 < high
        assert low > 0


def test_shares_and_incomplete_tables_go_through_the_bootstrap() -> None:
    rng = np.random.default_rng(8)
    frame = drawn(rng, readers=6, cases=30, gain=1.0).sample(frac=0.8, random_state=1)
    frame["rating"] = (frame["rating"] > 3.5).astype(float)
    found = compare_bootstrap(frame, "a", "b", seed=3)
    expected = frame.groupby("arm")["rating"].mean()
    assert found.means == pytest.approx((expected["a"], expected["b"]), abs=1e-12)
    assert compare_bootstrap(frame, "a", "b", seed=3) == found
    assert compare_bootstrap(frame, "a", "b", seed=4) != found


def test_holm_raises_every_p_but_the_largest() -> None:
    rng = np.random.default_rng(9)
    frame = pd.concat([drawn(rng, 5, 30), drawn(rng, 5, 30, gain=1).replace({"arm": {"a": "c", "b": "d"}})])
    found = compare_all(frame, ["a", "b", "c"], seed=1, resamples=500)
    assert [(f.first, f.second) for f in found] == [("a", "b"), ("a", "c"), ("b", "c")]
    raw = [f.test.p for f in found if isinstance(f.test, Test)]
    holm = [f.p_holm for f in found]
    assert min(holm) == pytest.approx(min(1.0, 3 * min(raw)))
    assert max(holm) >= max(raw)


def test_cases_without_all_ratings_are_counted() -> None:
    frame = drawn(np.random.default_rng(10), readers=3, cases=10).iloc[1:]
    found = compare_crossed(frame, "a", "b")
    assert isinstance(found.difference, Measure)
    assert found.difference.items == 9
    assert found.difference.note.startswith("1 cases")


def test_what_is_undefined_gets_a_sentence() -> None:
    frame = drawn(np.random.default_rng(11), readers=3, cases=10)
    alone = frame[frame["reader"] == 0]
    one = compare_crossed(alone, "a", "b").difference
    assert isinstance(one, Absent)
    assert "one reader" in one.reason
    assert isinstance(compare_crossed(alone, "a", "b", readers="fixed").difference, Measure)
    two = compare_crossed(frame[frame["case"] < 2], "a", "b").difference
    assert isinstance(two, Absent)
    flat = compare_crossed(frame.assign(rating=(frame["arm"] == "a") * 1.0), "a", "b")
    assert isinstance(flat.difference, Measure)
    assert isinstance(flat.difference.interval, Absent)
    few = compare_bootstrap(alone, "a", "b", seed=1)
    assert isinstance(few.test, Absent)
    assert "too few readers" in few.test.reason


def test_bad_tables_are_refused() -> None:
    frame = drawn(np.random.default_rng(12), readers=3, cases=5)
    with pytest.raises(ConfigError, match="no rating is of arm c; arms are a, b"):
        compare_crossed(frame, "a", "c")
    with pytest.raises(ConfigError, match="no column arm"):
        compare_crossed(frame.drop(columns="arm"), "a", "b")
    frame.loc[4, "rating"] = np.nan
    with pytest.raises(ConfigError, match="no number in row 4"):
        compare_bootstrap(frame, "a", "b", seed=1)


def test_over_cases_speaks_of_these_readers_only() -> None:
    """With readers who lean differently the interval over cases is the narrower, and one reader is enough for it."""
    frame = drawn(np.random.default_rng(2), readers=4, cases=40, by_reader=0.8, by_case=0.3)
    both, cases = compare_bootstrap(frame, "a", "b", 1), compare_over_cases(frame, "a", "b", 1)
    assert both.means == cases.means
    assert ends(cases)[1] - ends(cases)[0] < 0.6 * (ends(both)[1] - ends(both)[0])
    # On complete tables it is the ordinary bootstrap of paired means, whose width is that of the paired t test.
    paired = frame.groupby(["case", "arm"])["rating"].mean().unstack()
    spread = 2 * 1.96 * (paired["a"] - paired["b"]).sem()
    assert ends(cases)[1] - ends(cases)[0] == pytest.approx(spread, rel=0.08)
    alone = frame[frame["reader"] == 0]
    assert isinstance(compare_bootstrap(alone, "a", "b", 1).test, Absent)
    assert isinstance(compare_over_cases(alone, "a", "b", 1).test, Test)


def test_over_cases_holds_the_truth_of_these_readers_where_cases_are_in_one_arm_only() -> None:
    """Controls come from other patients than top tiles; 40 cases an arm, 300 studies."""
    held = 0
    for seed in range(300):
        frame = drawn(np.random.default_rng(seed), readers=2, cases=80, by_reader=0.0, by_case=0.3, gain=0.5)
        frame = frame[(frame["arm"] == "a") == (frame["case"] < 40)]
        low, high = ends(compare_over_cases(frame, "a", "b", seed, 1000))
        held += low < 0.5 < high
    assert 0.90 < held / 300 < 0.98


@settings(max_examples=10, deadline=None)
@given(st.lists(st.floats(0.0, 1.0), min_size=1, max_size=12))
def test_holm_is_that_of_statsmodels(tested: list[float]) -> None:
    assert holm_p(tested) == pytest.approx(list(multipletests(tested, method="holm")[1]), abs=1e-12)
