"""Kind ``drawn_expression``: an expression matrix that a random generator makes up, in log scale.

Nothing in it was measured, and the sizes of all effects are invented. Genes have means and spreads of their own and
move together in modules. Each laboratory shifts and stretches every gene. A part of the genes carries the signature of
the label: each patient has one strength of it, around 1 with AML and around 0 with ALL, and the two overlap, so that
even who knew the signature could not tell all patients apart.

Means, modules and signature follow from the seed alone, patients and laboratories from the seed and the cohort's name:
cohorts of one study have the same disease in other people and other laboratories.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import numpy as np
from pydantic import Field

from wsi_swarm.study.sources.options import Options, Place, Share
from wsi_swarm.study.sources.record import claim, finish
from wsi_swarm.study.types import TableSource

CANCER, LAB = "cancer", "LAB"
AML, ALL = "AML", "ALL"
MODULES = 60

Size = Annotated[float, Field(ge=0, le=100)]


class DrawnExpressionOptions(Options):
    """How many, and how strong; effects are in standard deviations of a gene between patients.

    Attributes
    ----------
    batches
        Laboratories; patients are dealt to them evenly.
    informative
        Share of the genes that carry the signature.
    effect
        Standard deviation, over these genes, of their shift at strength 1.
    overlap
        Standard deviation of patients' strengths around 0 and 1. No model can have an AUROC above
        Phi(1 / (overlap * sqrt 2)) on average: .98 for .35.
    batch_effect
        Standard deviation of a laboratory's shift of a gene, and of its stretch in parts of ten.
    prevalence
        Share of patients with AML; their number is exact.
    """

    patients: int = Field(ge=2, le=100_000)
    genes: int = Field(default=12_708, ge=1, le=100_000)
    batches: int = Field(default=1, ge=1, le=1000)
    informative: Share = 0.1
    effect: Size = 0.5
    overlap: Annotated[float, Field(gt=0, le=10)] = 0.35
    batch_effect: Size = 0.5
    prevalence: Share = 0.4


@dataclass(frozen=True, eq=False)
class _Disease:
    """What all cohorts of a study share; one value for each gene."""

    mean: np.ndarray
    spread: np.ndarray
    module: np.ndarray
    loading: np.ndarray
    signature: np.ndarray


def load_drawn_expression(place: Place, options: DrawnExpressionOptions) -> TableSource:
    """Draw a cohort with the clinical columns cancer (AML, ALL) and LAB; equal settings give equal bytes.

    It takes a few seconds and is not kept: a second call draws it again.
    """
    claim(place, "drawn_expression", options)
    disease = _disease(np.random.default_rng([place.seed, 1]), options)
    rng = np.random.default_rng([place.seed, 2, *place.name.encode()])
    with_aml = rng.permutation(options.patients) < round(options.prevalence * options.patients)
    lab = rng.permutation(options.patients) % options.batches
    strength = with_aml + options.overlap * rng.standard_normal(options.patients)
    values = _values(rng, options, disease, strength.astype(np.float32), lab)
    width = max(4, len(str(options.patients)))
    finish(place, "drawn_expression", options)
    return TableSource(
        place.name,
        tuple(f"{place.name}-{number + 1:0{width}d}" for number in range(options.patients)),
        tuple(f"GENE{number + 1:06d}" for number in range(options.genes)),
        values,
        {
            CANCER: tuple(AML if one else ALL for one in with_aml),
            LAB: tuple(f"{place.name} laboratory {one + 1}" for one in lab),
        },
        drawn=True,
    )


def _disease(rng: np.random.Generator, options: DrawnExpressionOptions) -> _Disease:
    genes = options.genes
    mean = np.clip(rng.normal(7.5, 2.0, genes), 3.0, 15.0)
    spread = 0.5 * np.exp(rng.normal(0.0, 0.4, genes))
    informative = rng.permutation(genes) < max(1, round(options.informative * genes))
    return _Disease(
        mean.astype(np.float32),
        spread.astype(np.float32),
        rng.integers(MODULES, size=genes),
        rng.uniform(0.0, 0.8, genes).astype(np.float32),
        (informative * rng.normal(0.0, options.effect, genes)).astype(np.float32),
    )


def _values(
    rng: np.random.Generator, options: DrawnExpressionOptions, disease: _Disease, strength: np.ndarray, lab: np.ndarray
) -> np.ndarray:
    """Return (patients, genes) float32."""
    shape = (options.patients, options.genes)
    factors = rng.standard_normal((options.patients, MODULES), np.float32)
    values = rng.standard_normal(shape, np.float32)
    values *= np.sqrt(1 - disease.loading**2)
    values += factors[:, disease.module] * disease.loading
    values += strength[:, None] * disease.signature
    for number in range(options.batches):
        rows = np.flatnonzero(lab == number)
        shift = options.batch_effect * rng.standard_normal(options.genes, np.float32)
        stretch = np.exp(0.1 * options.batch_effect * rng.standard_normal(options.genes, np.float32))
        values[rows] = values[rows] * stretch + shift
    values *= disease.spread
    values += disease.mean
    return values
