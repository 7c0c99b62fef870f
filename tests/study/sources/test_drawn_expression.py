"""The drawn expression matrix: one disease, other people; learnable, and not at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from models.tabular.scaling import scale
from wsi_swarm.study.sources import load_source
from wsi_swarm.study.types import TableSource

if TYPE_CHECKING:
    from pathlib import Path


def draw(folder: Path, name: str = "north", seed: int = 1, **options: Any) -> TableSource:
    source = load_source(
        name, "drawn_expression", {"genes": 50, **options}, folder, folder / f"{name}{seed}{options}", seed
    )
    assert isinstance(source, TableSource)
    return source


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    patients=st.integers(2, 120),
    genes=st.integers(1, 60),
    batches=st.integers(1, 5),
    prevalence=st.floats(0.05, 0.95),
    seed=st.integers(0, 2**31 - 1),
)
def test_a_cohort_is_what_was_asked_for(
    tmp_path: Path, patients: int, genes: int, batches: int, prevalence: float, seed: int
) -> None:
    asked = {"patients": patients, "genes": genes, "batches": batches, "prevalence": prevalence}
    source = draw(tmp_path, seed=seed, **asked)
    assert source.drawn
    assert list(source.patients) == sorted(set(source.patients))
    assert list(source.columns) == sorted(set(source.columns))
    assert source.values.shape == (patients, genes) == (len(source.patients), len(source.columns))
    assert source.values.dtype == np.float32
    assert np.isfinite(source.values).all()
    assert source.clinical["cancer"].count("AML") == round(prevalence * patients)
    sizes = [source.clinical["LAB"].count(lab) for lab in set(source.clinical["LAB"])]
    assert len(sizes) == min(batches, patients)
    assert max(sizes) - min(sizes) <= 1
    again = draw(tmp_path, seed=seed, **asked)
    assert again.values.tobytes() == source.values.tobytes()
    assert again.clinical == source.clinical


def test_cohorts_of_one_study_share_the_disease_and_nothing_else(tmp_path: Path) -> None:
    """The signature learned in one cohort holds in another; its people and laboratories are others."""
    strong = {"patients": 400, "genes": 400, "effect": 1.0, "batch_effect": 0.2}
    one, other, elsewhere = (draw(tmp_path, n, s, **strong) for n, s in (("a", 1), ("b", 1), ("c", 2)))
    assert not set(one.patients) & set(other.patients)
    assert not set(one.clinical["LAB"]) & set(other.clinical["LAB"])
    assert np.abs(one.values[:100] - other.values[:100]).min() > 0

    def signature(source: TableSource) -> np.ndarray:
        aml = np.array(source.clinical["cancer"]) == "AML"
        return source.values[aml].mean(0) - source.values[~aml].mean(0)

    assert np.corrcoef(signature(one), signature(other))[0, 1] > 0.7
    assert abs(np.corrcoef(signature(one), signature(elsewhere))[0, 1]) < 0.3


def test_laboratories_shift_and_stretch_genes(tmp_path: Path) -> None:
    source = draw(tmp_path, patients=600, genes=60, batches=2, batch_effect=2.0)
    labs = np.array(source.clinical["LAB"])
    one, other = (source.values[labs == lab] for lab in sorted(set(labs)))
    spread = one.std(0)
    assert np.abs((one.mean(0) - other.mean(0)) / spread).mean() > 1
    assert np.abs(np.log(spread / other.std(0))).mean() > 0.1


def test_more_patients_teach_more_and_a_hundred_are_neither_trivial_nor_hopeless(tmp_path: Path) -> None:
    """At the paper's number of genes and the default effects."""
    source = draw(tmp_path, patients=600, genes=12_708, batches=3)
    truth = np.array(source.clinical["cancer"]) == "AML"
    values = scale(source.values, "rank")
    found = [
        roc_auc_score(truth[300:], model.decision_function(values[300:]))
        for size in (25, 100, 300)
        for model in [LogisticRegression(max_iter=200).fit(values[:size], truth[:size])]
    ]
    assert found == sorted(found)
    assert found[1] == pytest.approx(0.9, abs=0.07)
    assert found[2] < 0.99
