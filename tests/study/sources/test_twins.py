"""One measurement under two names is found; different people are not taken for one."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.errors import ConfigError
from wsi_swarm.study.sources import refuse_shared_people
from wsi_swarm.study.sources.twins import find_twins
from wsi_swarm.study.types import TableSource


def people(count: int, seed: int = 0) -> np.ndarray:
    """Patients by genes: one factor that all share, and much of their own."""
    rng = np.random.default_rng(seed)
    return (8 + rng.normal(0, 2, 60) + rng.normal(0, 1, (count, 1)) + rng.normal(0, 0.5, (count, 60))).astype("f4")


def cohort(name: str, values: np.ndarray) -> TableSource:
    patients = tuple(f"{name}{number:03d}" for number in range(len(values)))
    return TableSource(name, patients, tuple(f"g{number:03d}" for number in range(60)), values, {})


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.integers(0, 29), st.integers(0, 29))
def test_a_copy_with_a_little_noise_is_found_and_nobody_else(seed: int, of: int, at: int) -> None:
    values = people(30, seed)
    assert find_twins(values) == []
    rng = np.random.default_rng(seed)
    with_copy = np.insert(values, at, values[of] + rng.normal(0, 0.02, 60), axis=0)
    where = of + (of >= at)
    assert find_twins(with_copy) == [(min(at, where), max(at, where))]


def test_too_few_genes_or_samples_tell_nothing() -> None:
    values = people(30)
    assert find_twins(np.concatenate([values, values])[:, :29]) == []
    assert find_twins(np.concatenate([values[:9], values[:9]])) == []


def test_cohorts_that_share_people_are_refused() -> None:
    values = people(60)
    refuse_shared_people([cohort("a", values[:30]), cohort("b", values[30:])])
    with pytest.raises(ConfigError, match=r"'a' and 'b' share 2 persons under two names \(a028 = b000, a029 = b001\)"):
        refuse_shared_people([cohort("a", values[:30]), cohort("b", values[28:])])
