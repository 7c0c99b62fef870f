"""Bradley-Terry against R's BradleyTerry2, and what must hold of preferences."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from heatmaps.readers.statistics.measures import Absent, Interval, Measure, Test
from heatmaps.readers.statistics.preferences import Preferences, bradley_terry
from models.evaluation.estimates import Proportion
from pipelines.errors import ConfigError

# Citations between four statistics journals (Stigler, Statistical Science 1994; 9: 94-108), the example of
# BradleyTerry2: row cited ("won"), column citing.
JOURNALS = ("Biometrika", "Comm Statist", "JASA", "JRSS-B")
CITED = [[0, 730, 498, 221], [33, 0, 68, 17], [320, 813, 0, 142], [284, 276, 325, 0]]


def citations() -> pd.DataFrame:
    """The winner now on the left and now on the right."""
    rows = []
    for i, winner in enumerate(JOURNALS):
        for j, loser in enumerate(JOURNALS):
            for k in range(CITED[i][j]):
                shown = (winner, loser, "left") if k % 2 else (loser, winner, "right")
                rows.append(("reader", len(rows), *shown))
    return pd.DataFrame(rows, columns=["reader", "case", "left", "right", "choice"])


def drawn(
    rng: np.random.Generator, strengths: dict[str, float], readers: int = 6, cases: int = 40, ties: float = 0.0
) -> pd.DataFrame:
    rows = []
    for reader in range(readers):
        for case in range(cases):
            left, right = rng.permutation(sorted(strengths))[:2]
            p = 1.0 / (1.0 + np.exp(strengths[right] - strengths[left]))
            choice = rng.choice(["left", "right", "equal"], p=[(1 - ties) * p, (1 - ties) * (1 - p), ties])
            rows.append((reader, case, left, right, choice))
    return pd.DataFrame(rows, columns=["reader", "case", "left", "right", "choice"])


def fitted(frame: pd.DataFrame, reference: str, **options: object) -> Preferences:
    found = bradley_terry(frame, reference, **{"ties": "excluded", **options})  # type: ignore[arg-type]
    assert isinstance(found, Preferences)
    return found


def test_strengths_are_those_of_r() -> None:
    """BTm of BradleyTerry2 (Turner and Firth, J Stat Softw 2012; 48 (9)) on its data set citations."""
    found = fitted(citations(), "Biometrika")
    assert [m.value for m in found.strengths] == pytest.approx([-2.9491, -0.4796, 0.2690], abs=5e-5)
    assert found.equal.df == (3,)


def test_the_reference_only_moves_the_zero() -> None:
    frame = drawn(np.random.default_rng(1), {"a": 0, "b": 1, "c": 2})
    by_a = {m.name.split()[1]: m.value for m in fitted(frame, "a").strengths}
    by_b = {m.name.split()[1]: m.value for m in fitted(frame, "b").strengths}
    assert by_b["a"] == pytest.approx(-by_a["b"], abs=1e-8)
    assert by_b["c"] == pytest.approx(by_a["c"] - by_a["b"], abs=1e-8)
    assert fitted(frame, "a").equal.statistic == pytest.approx(fitted(frame, "b").equal.statistic, abs=1e-8)


def test_two_methods_are_the_log_odds_of_the_wins() -> None:
    rows = [(0, i, "a", "b", "left") for i in range(30)] + [(0, 30 + i, "b", "a", "left") for i in range(10)]
    frame = pd.DataFrame(rows, columns=["reader", "case", "left", "right", "choice"])
    (strength,) = fitted(frame, "b").strengths
    assert strength.value == pytest.approx(np.log(3), abs=1e-8)
    assert isinstance(strength.interval, Interval)
    half = 1.959964 * (1 / 30 + 1 / 10) ** 0.5
    assert strength.interval.high - strength.interval.low == pytest.approx(2 * half, rel=1e-4)


def test_ties_pull_to_0_when_halved_and_are_counted() -> None:
    frame = drawn(np.random.default_rng(2), {"a": 0, "b": 1.5}, ties=0.4)
    out, half = fitted(frame, "a"), fitted(frame, "a", ties="half")
    assert 0 < half.strengths[0].value < out.strengths[0].value
    assert out.ties == half.ties == (frame["choice"] == "equal").sum()
    unjudged = pd.concat([frame, frame.iloc[:7].assign(choice="cannot judge")])
    again = fitted(unjudged, "a")
    assert again.not_judged == 7
    assert again.strengths[0].value == pytest.approx(out.strengths[0].value, abs=1e-12)


def test_a_liking_for_the_left_is_found() -> None:
    frame = drawn(np.random.default_rng(3), {"a": 0, "b": 0})
    fair = fitted(frame, "a")
    assert isinstance(fair.left_test, Test)
    assert fair.left_test.p > 0.05
    always = frame.assign(choice=np.where(np.arange(len(frame)) % 10, "left", "right"))
    biased = fitted(always, "a")
    assert isinstance(biased.left, Proportion)
    assert biased.left.value == pytest.approx(0.9)
    assert isinstance(biased.left_test, Test)
    assert biased.left_test.p < 1e-6


def test_equal_methods_are_rarely_called_different_and_wald_covers() -> None:
    rng = np.random.default_rng(4)
    rejected, hits = 0, 0
    for _ in range(200):
        found = fitted(drawn(rng, {"a": 0, "b": 0, "c": 0}, readers=1, cases=80), "a")
        rejected += found.equal.p < 0.05
        interval = found.strengths[0].interval
        assert isinstance(interval, Interval)
        hits += interval.low <= 0 <= interval.high
    assert rejected <= 20
    assert 180 <= hits < 200


def test_readers_with_tastes_of_their_own_widen_the_clustered_interval() -> None:
    rng = np.random.default_rng(5)
    parts = [drawn(rng, {"a": 0, "b": taste}, 1, 40).assign(reader=i) for i, taste in enumerate((-2, -1, 0, 1, 2, 3))]
    frame = pd.concat(parts, ignore_index=True)
    wald, clustered = fitted(frame, "a").strengths[0], fitted(frame, "a", seed=1).strengths[0]
    assert clustered.value == wald.value
    assert isinstance(wald.interval, Interval)
    assert isinstance(clustered.interval, Interval)
    assert "seed 1" in clustered.interval.method
    assert clustered.interval.high - clustered.interval.low > 2 * (wald.interval.high - wald.interval.low)
    assert fitted(frame, "a", seed=1) == fitted(frame, "a", seed=1)


def test_infinite_strengths_and_a_lone_reader_get_a_sentence() -> None:
    frame = drawn(np.random.default_rng(6), {"a": 0, "b": 0})
    won = frame.assign(choice=np.where(frame["left"] == "a", "left", "right"))
    absent = bradley_terry(won, "a", "excluded")
    assert isinstance(absent, Absent)
    assert "infinite" in absent.reason
    lone = fitted(frame[frame["reader"] == 0], "a", seed=1).strengths[0]
    assert isinstance(lone, Measure)
    assert isinstance(lone.interval, Absent)
    ties = bradley_terry(frame.assign(choice="equal"), "a", "excluded")
    assert isinstance(ties, Absent)


def test_bad_tables_are_refused() -> None:
    frame = drawn(np.random.default_rng(7), {"a": 0, "b": 0})
    with pytest.raises(ConfigError, match="the reference c was never shown"):
        bradley_terry(frame, "c", "excluded")
    with pytest.raises(ConfigError, match="row 0 has the choice 'both'"):
        bradley_terry(frame.assign(choice="both"), "a", "excluded")
    with pytest.raises(ConfigError, match="same method on both sides"):
        bradley_terry(frame.assign(left="a", right="a"), "a", "excluded")
