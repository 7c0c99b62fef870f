"""What must hold of areas, their covariances and Obuchowski and Rockette's analysis."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from heatmaps.readers.statistics.crossed import Crossed, areas, crossed, shares_called
from heatmaps.readers.statistics.measures import Absent, Test
from heatmaps.readers.statistics.mrmc import Mrmc, obuchowski_rockette
from pipelines.errors import ConfigError
from tests.heatmaps.readers.statistics.analysing import analysed, ends

if TYPE_CHECKING:
    from heatmaps.readers.statistics.mrmc import Generalise


def drawn(rng: np.random.Generator, readers: int = 5, cases: int = 60, gain: float = 0.0) -> Crossed:
    """Scores with variance of readers, cases and their interactions; the second modality shifted by ``gain``."""
    truth = np.arange(cases) % 2
    noise = (
        rng.normal(0, 0.5, (1, 1, cases))
        + rng.normal(0, 0.4, (1, readers, cases))
        + rng.normal(0, 0.4, (2, 1, cases))
        + rng.normal(0, 0.6, (2, readers, cases))
        + truth * (rng.normal(0, 0.3, (1, readers, 1)) + rng.normal(0, 0.2, (2, readers, 1)))
    )
    scores = truth * (1.2 + gain * np.arange(2)[:, None, None]) + noise
    names = tuple(f"reader {i}" for i in range(readers))
    return Crossed(("a", "b"), names, tuple(f"case {i}" for i in range(cases)), truth, scores)


def test_three_covariances_agree_on_many_cases_and_areas_are_scikit_learns() -> None:
    study = drawn(np.random.default_rng(1), readers=3, cases=400)
    delong, jackknife, unbiased = (areas(study, c) for c in ("delong", "jackknife", "unbiased"))  # type: ignore[arg-type]
    for i in range(2):
        for j in range(3):
            expected = roc_auc_score(study.truth, study.scores[i, j])
            for figures in (delong, jackknife, unbiased):
                assert figures.values[i, j] == pytest.approx(expected, abs=1e-12)
    assert jackknife.covariance == pytest.approx(delong.covariance, rel=0.02, abs=2e-6)
    assert unbiased.covariance == pytest.approx(delong.covariance, rel=0.03, abs=2e-6)


def test_a_jackknife_is_one_area_per_case_left_out() -> None:
    study = drawn(np.random.default_rng(2), readers=2, cases=20)
    flat = study.scores.reshape(4, -1)
    left = np.array([[roc_auc_score(np.delete(study.truth, k), np.delete(s, k)) for k in range(20)] for s in flat])
    expected = np.cov(left) * 19 * 19 / 20
    assert areas(study, "jackknife").covariance.reshape(4, 4) == pytest.approx(expected, abs=1e-12)


def test_names_of_readers_and_cases_are_nothing(van_dyke: pd.DataFrame) -> None:
    mixed = van_dyke.sample(frac=1.0, random_state=1)
    mixed["reader"] = mixed["reader"].map({f"reader {i}": f"r{9 - i}" for i in range(5)})
    mixed["case"] = mixed["case"].str[::-1]
    plain, other = analysed(crossed(van_dyke), "delong"), analysed(crossed(mixed), "delong")
    assert isinstance(plain.test, Test)
    assert isinstance(other.test, Test)
    assert other.test.p == pytest.approx(plain.test.p, abs=1e-10)
    assert ends(other.differences[0]) == pytest.approx(ends(plain.differences[0]), abs=1e-10)


@pytest.mark.parametrize("generalise", ["readers and cases", "cases"])
def test_equal_modalities_are_rarely_called_different(generalise: Generalise) -> None:
    rng = np.random.default_rng(6)
    p = []
    for _ in range(250):
        test = analysed(drawn(rng), "delong", generalise).test
        assert isinstance(test, Test)
        p.append(test.p)
    rejected = np.mean(np.array(p) < 0.05)
    # Fixed readers: each study's own readers differ a little between modalities, so a little over 5 % is right.
    assert rejected <= (0.08 if generalise == "readers and cases" else 0.13)


def test_a_better_modality_is_found() -> None:
    rng = np.random.default_rng(7)
    found = analysed(drawn(rng, readers=8, cases=200, gain=1.0), "delong")
    assert isinstance(found.test, Test)
    assert found.test.p < 0.01
    assert ends(found.differences[0])[1] < 0


def test_sensitivity_and_specificity_are_shares(van_dyke: pd.DataFrame) -> None:
    study = crossed(van_dyke)
    for truth, name in ((1, "sensitivity"), (0, "specificity")):
        figures = shares_called(study, 3, truth)  # type: ignore[arg-type]
        mine = van_dyke[(van_dyke["truth"] == truth) & (van_dyke["reader"] == "reader 2")]
        right = (mine["score"] >= 3) == bool(truth)
        expected = right.groupby(mine["modality"]).mean().to_numpy()
        assert figures.values[:, 2] == pytest.approx(expected, abs=1e-12)
        share = expected[0]
        n = (study.truth == truth).sum()
        assert figures.covariance[0, 2, 0, 2] == pytest.approx(share * (1 - share) / (n - 1), abs=1e-12)
        assert figures.name == f"{name} at 3"
        assert isinstance(obuchowski_rockette(study, figures), Mrmc)


def test_what_is_undefined_gets_a_sentence(van_dyke: pd.DataFrame) -> None:
    alone = crossed(van_dyke[van_dyke["reader"] == "reader 0"])
    absent = obuchowski_rockette(alone, areas(alone))
    assert isinstance(absent, Absent)
    assert "one reader can't speak for others" in absent.reason
    fixed = obuchowski_rockette(alone, areas(alone), "cases")
    assert isinstance(fixed, Mrmc)
    assert isinstance(fixed.test, Test)
    single = crossed(van_dyke[van_dyke["modality"] == "2 cine"])
    one = obuchowski_rockette(single, areas(single))
    assert isinstance(one, Mrmc)
    assert isinstance(one.test, Absent)
    assert one.differences == ()
    same = crossed(van_dyke.assign(score=van_dyke["case"].str[-3:].astype(int)))
    alike = obuchowski_rockette(same, areas(same))
    assert isinstance(alike, Mrmc)
    assert isinstance(alike.test, Absent)
    assert isinstance(alike.differences[0].interval, Absent)


def test_incomplete_or_odd_readings_are_refused(van_dyke: pd.DataFrame) -> None:
    with pytest.raises(ConfigError, match="1 of 1140 readings are missing"):
        crossed(van_dyke.iloc[1:])
    with pytest.raises(ConfigError, match="more than once"):
        crossed(pd.concat([van_dyke, van_dyke.iloc[:1]]))
    with pytest.raises(ConfigError, match="1140 of 1140 readings are missing or not finite"):
        crossed(van_dyke.assign(score="high"))
    odd = van_dyke.copy()
    odd.loc[3, "truth"] = 1
    with pytest.raises(ConfigError, match="case case 003 must be 0 or 1, and the same"):
        crossed(odd)
    with pytest.raises(ConfigError, match="two cases of each class"):
        crossed(van_dyke[van_dyke["truth"] == 0])
    with pytest.raises(ConfigError, match="no column score"):
        crossed(van_dyke.drop(columns="score"))
