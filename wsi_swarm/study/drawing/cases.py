"""Who is in the drawn cohort: centres, patients, labels, and the morphology that carries the labels.

Direction and rough strength of the associations follow the literature on sporadic colorectal cancer: MSI goes with
tumour-infiltrating lymphocytes, a Crohn-like reaction, mucin and poor differentiation; BRAF mutation goes with serrated
and mucinous growth and with MSI. Their sizes are invented. A share of patients looks like the other group.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

MSI = "MSI"
BRAF = "BRAF"
POSITIVE = {MSI: "MSIH", BRAF: "MUT"}
NEGATIVE = {MSI: "MSS", BRAF: "WT"}


@dataclass(frozen=True)
class CentrePlan:
    """One centre's part of the cohort.

    Attributes
    ----------
    name : folder and prefix of patient identifiers.
    patients : number of patients, one slide each.
    msi_share : share of patients with MSI, exact after rounding.
    mucin_shift, lymphocyte_shift : case mix, added to the fractions of tumour that are mucinous or lymphocyte-rich
        whatever the label.
    atypical_msi : share of patients whose lymphocytes, mucin, differentiation, follicles look like those of the
        other MSI status, each feature for itself: a patient whose lymphocytes mislead may have mucin that does not.
    atypical_braf : the same of serration and mucin for BRAF.
    missing : share of patients who lack one of the two results.
    trains : whether the centre takes part in training.
    """

    name: str
    patients: int
    msi_share: float
    mucin_shift: float = 0.0
    lymphocyte_shift: float = 0.0
    atypical_msi: tuple[float, float, float, float] = (0.12, 0.12, 0.12, 0.20)
    atypical_braf: tuple[float, float] = (0.10, 0.15)
    missing: float = 0.0
    trains: bool = True


CENTRES: tuple[CentrePlan, ...] = (
    CentrePlan("north", 22, 0.32, 0.00, 0.00, (0.05, 0.15, 0.25, 0.40), (0.25, 0.10), missing=0.09),
    CentrePlan("harbour", 14, 0.71, 0.06, 0.00, (0.40, 0.10, 0.20, 0.40), (0.10, 0.35), missing=0.07),
    CentrePlan("valley", 10, 0.50, 0.00, 0.08, (0.20, 0.15, 0.10, 0.20), (0.20, 0.20), missing=0.10),
    CentrePlan("coast", 28, 0.43, 0.03, 0.04, missing=0.07, trains=False),
)
"""The demo's centres: unequal in size, prevalence and case mix; nobody trains on coast.

In each training centre another feature misleads, so that a model trained there alone leans on the wrong one.
"""


@dataclass(frozen=True)
class Morphology:
    """What a slide shows; fractions are of the tumour's area, 0 to 1."""

    lymphocyte_rich: float
    mucinous: float
    solid: float
    serrated: float
    lymphoid_follicles: int


@dataclass(frozen=True)
class Case:
    """One patient with one slide. ``known`` names the targets whose result is in the centre's table."""

    patient: str
    centre: str
    msi: bool
    braf: bool
    known: tuple[str, ...]
    morphology: Morphology
    seed: int

    def label(self, target: str) -> str:
        """Return the word in the table, or an empty string when the result is missing."""
        if target not in self.known:
            return ""
        return (POSITIVE if {MSI: self.msi, BRAF: self.braf}[target] else NEGATIVE)[target]


def plan_cases(seed: int, centres: Sequence[CentrePlan] = CENTRES) -> list[Case]:
    """Draw the patients of all centres; the same seed gives the same patients.

    A centre's patients do not depend on which other centres are planned.
    """
    cases: list[Case] = []
    for centre in centres:
        rng = np.random.default_rng([seed, *centre.name.encode()])
        with_msi = rng.permutation(centre.patients) < round(centre.msi_share * centre.patients)
        with_braf = np.zeros(centre.patients, bool)
        for has_msi, share in ((True, 0.65), (False, 0.25)):
            group = rng.permutation(np.flatnonzero(with_msi == has_msi))
            with_braf[group[: round(share * len(group))]] = True
        lacks = rng.permutation(centre.patients) < round(centre.missing * centre.patients)
        looks_msi = np.stack([with_msi ^ _atypical(rng, with_msi, share) for share in centre.atypical_msi], 1)
        looks_braf = np.stack([with_braf ^ _atypical(rng, with_braf, share) for share in centre.atypical_braf], 1)
        digits = max(2, len(str(centre.patients)))  # as many for all of a centre: sorted as text, sorted as numbers
        for number in range(centre.patients):
            lacking = (MSI, BRAF)[int(rng.integers(2))] if lacks[number] else None
            cases.append(
                Case(
                    patient=f"{centre.name}-{number + 1:0{digits}d}",
                    centre=centre.name,
                    msi=bool(with_msi[number]),
                    braf=bool(with_braf[number]),
                    known=tuple(target for target in (MSI, BRAF) if target != lacking),
                    morphology=_morphology(rng, centre, looks_msi[number].tolist(), looks_braf[number].tolist()),
                    seed=int(rng.integers(2**31)),
                )
            )
    return cases


def _atypical(rng: np.random.Generator, label: np.ndarray, share: float) -> np.ndarray:
    """Choose a share of the patients of each class who look like the other class; the number is exact, not the who."""
    chosen = np.zeros(len(label), bool)
    for group in (np.flatnonzero(label), np.flatnonzero(~label)):
        chosen[rng.permutation(group)[: round(share * len(group))]] = True
    return chosen


def _morphology(
    rng: np.random.Generator, centre: CentrePlan, looks_msi: list[bool], looks_braf: list[bool]
) -> Morphology:
    def fraction(present: bool, low: float, high: float) -> float:
        return float(np.clip(rng.normal(high, 0.08) if present else rng.normal(low, 0.02), 0.0, 0.9))

    mucinous = fraction(looks_msi[1], 0.01, 0.18) + (0.08 if looks_braf[1] else 0.0) + centre.mucin_shift
    return Morphology(
        lymphocyte_rich=float(np.clip(fraction(looks_msi[0], 0.02, 0.42) + centre.lymphocyte_shift, 0.0, 0.9)),
        mucinous=float(np.clip(mucinous, 0.0, 0.45)),
        solid=fraction(looks_msi[2], 0.01, 0.22),
        serrated=fraction(looks_braf[0], 0.02, 0.32),
        lymphoid_follicles=int(rng.poisson(1.8 if looks_msi[3] else 1.0)),
    )
