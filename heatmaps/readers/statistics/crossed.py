"""Scores of readers who all read all cases in every modality, as an array, and their areas with covariances."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
import pandas as pd

from models.evaluation.roc import delong
from pipelines.errors import ConfigError

if TYPE_CHECKING:
    from numpy.typing import NDArray

Covariances = Literal["delong", "jackknife", "unbiased"]


@dataclass(frozen=True)
class Crossed:
    """A fully crossed study.

    Attributes
    ----------
    modalities, readers, cases
        Names, in the order of the array's axes.
    truth
        (cases,) 0 or 1.
    scores
        (modalities, readers, cases), higher for 1.
    """

    modalities: tuple[str, ...]
    readers: tuple[str, ...]
    cases: tuple[str, ...]
    truth: NDArray[np.int_]
    scores: NDArray[np.float64]


@dataclass(frozen=True)
class Figures:
    """Each reader's figure of merit in each modality, and their covariance over cases.

    Attributes
    ----------
    values
        (modalities, readers).
    covariance
        (modalities, readers, modalities, readers).
    name
        Of the figure and of how the covariance was estimated.
    """

    values: NDArray[np.float64]
    covariance: NDArray[np.float64]
    name: str


def crossed(
    frame: pd.DataFrame,
    *,
    reader: str = "reader",
    case: str = "case",
    modality: str = "modality",
    truth: str = "truth",
    score: str = "score",
) -> Crossed:
    """Turn one row per reading into an array.

    Raises
    ------
    ConfigError
        If a column is absent, a reading is missing or double, a score isn't finite, a truth is not 0 or 1 or differs
        between a case's rows, or there are fewer than two cases of a class. The analysis is for complete designs only.
    """
    absent = [c for c in (reader, case, modality, truth, score) if c not in frame.columns]
    if absent:
        msg = f"the table of readings has no column {absent[0]}; it has {', '.join(map(str, frame.columns))}"
        raise ConfigError(msg)
    twice = frame.duplicated([reader, case, modality])
    if twice.any():
        row = frame[twice].iloc[0]
        msg = f"reader {row[reader]} read case {row[case]} in {row[modality]} more than once; keep one reading"
        raise ConfigError(msg)
    truths = frame.groupby(case)[truth].agg(["min", "max"])
    if not (truths["min"].isin([0, 1]) & (truths["min"] == truths["max"])).all():
        bad = truths.index[~(truths["min"].isin([0, 1]) & (truths["min"] == truths["max"]))][0]
        msg = f"the truth of case {bad} must be 0 or 1, and the same in all of its rows"
        raise ConfigError(msg)
    scored = frame.assign(**{score: pd.to_numeric(frame[score], errors="coerce")})
    table = scored.pivot(index=[modality, reader], columns=case, values=score).sort_index()
    modalities, readers = (tuple(sorted(frame[c].unique())) for c in (modality, reader))
    wanted = len(modalities) * len(readers) * table.shape[1]
    scores = table.to_numpy(dtype=float)
    if scores.size != wanted or not np.isfinite(scores).all():
        msg = (
            f"{wanted - int(np.isfinite(scores).sum())} of {wanted} readings are missing or not finite; "
            "this analysis needs every reader's reading of every case in every modality"
        )
        raise ConfigError(msg)
    labels = truths["min"].reindex(table.columns).to_numpy(dtype=int)
    if min((labels == 1).sum(), (labels == 0).sum()) < 2:
        msg = f"an area needs two cases of each class; there are {(labels == 1).sum()} with truth 1 of {len(labels)}"
        raise ConfigError(msg)
    shaped = scores.reshape(len(modalities), len(readers), -1)
    return Crossed(
        tuple(map(str, modalities)), tuple(map(str, readers)), tuple(map(str, table.columns)), labels, shaped
    )


def areas(study: Crossed, covariances: Covariances = "delong") -> Figures:
    """Return the empirical areas under the ROC curves with their covariances over cases.

    DeLong: ``models.evaluation.roc.delong``. Jackknife: cases of both classes are left out one by one, and the
    covariance is ``(n - 1) / n`` times the sum of products of deviations. Unbiased: from the four moments of the wins
    (Gallas, Acad Radiol 2006; 13: 353-362); it can give a negative variance with few cases.
    """
    t, r, n = study.scores.shape
    flat = study.scores.reshape(t * r, n)
    if covariances == "delong":
        found = delong(study.truth, flat)
        values, covariance = found.areas, found.covariance
    else:
        wins = _wins(study.truth, flat)
        values = wins.mean(axis=(1, 2))
        covariance = _jackknife(wins) if covariances == "jackknife" else _unbiased(wins)
    written = {"delong": "DeLong", "jackknife": "jackknife", "unbiased": "unbiased"}[covariances]
    return Figures(values.reshape(t, r), covariance.reshape(t, r, t, r), f"empirical AUC, {written} covariances")


def shares_called(study: Crossed, threshold: float, truth: Literal[0, 1]) -> Figures:
    """Return each reader's sensitivity (``truth`` 1) or specificity (0) at a score, with their covariances over cases.

    A case is called positive if its score is at least ``threshold``, which was fixed before the study. The covariance
    is that of means over the cases of this class.
    """
    chosen = study.truth == truth
    t, r, _ = study.scores.shape
    right = (study.scores[:, :, chosen] >= threshold) == bool(truth)
    flat = right.reshape(t * r, -1).astype(float)
    covariance = np.atleast_2d(np.cov(flat)) / chosen.sum()
    name = f"{'sensitivity' if truth else 'specificity'} at {threshold:g}"
    return Figures(flat.mean(axis=1).reshape(t, r), covariance.reshape(t, r, t, r), name)


def _wins(truth: NDArray[np.int_], flat: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return (readings, positives, negatives) whether the positive case scored higher, 1/2 for ties."""
    positive = truth == 1
    difference = flat[:, positive, None] - flat[:, None, ~positive]
    return (difference > 0) + 0.5 * (difference == 0)


def _jackknife(wins: NDArray[np.float64]) -> NDArray[np.float64]:
    m, n = wins.shape[1:]
    total = wins.sum(axis=(1, 2))
    without_pos = (total[:, None] - wins.sum(axis=2)) / ((m - 1) * n)
    without_neg = (total[:, None] - wins.sum(axis=1)) / (m * (n - 1))
    left = np.concatenate([without_pos, without_neg], axis=1)
    deviation = left - left.mean(axis=1, keepdims=True)
    return (m + n - 1) / (m + n) * deviation @ deviation.T


def _unbiased(wins: NDArray[np.float64]) -> NDArray[np.float64]:
    m, n = wins.shape[1:]
    flat, by_pos, by_neg = wins.reshape(len(wins), -1), wins.sum(axis=2), wins.sum(axis=1)
    both, pos, neg = flat @ flat.T, by_pos @ by_pos.T, by_neg @ by_neg.T
    total = np.outer(flat.sum(axis=1), flat.sum(axis=1))
    neither = (total - pos - neg + both) / (m * (m - 1) * n * (n - 1))
    return total / (m * n) ** 2 - neither
