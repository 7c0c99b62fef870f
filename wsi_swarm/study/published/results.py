"""The published results of the swarm paper, calculated again from their counts, with the tests between swarm and nodes.

Warnat-Herresthal et al., Nature 2021; 594: 265-270: one row per figure, model and permutation.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from scipy.stats import wilcoxon

from models.evaluation.counts import rates
from pipelines.damage import TABLE_DAMAGE
from pipelines.errors import ConfigError, InputError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import ArrayLike

COUNTS = ("P", "N", "TP", "TN", "FP", "FN")
NAMES = {
    "Precision": "precision",
    "Recall": "sensitivity",
    "Fscore": "f1",
    "Sensitivity": "sensitivity",
    "Specificity": "specificity",
    "Accuracy": "accuracy",
}
"""Published columns and what they are called here."""
KEY = ("figure", "part")
SWARM = "swarm"
LEVEL = 0.05
TOLERANCE = 1e-9
EXACT = 50
"""Pairs from which on the distribution of ranks is approximated."""


@dataclass(frozen=True)
class Agreement:
    """How published values of one metric stand to those calculated from the published counts.

    Attributes
    ----------
    metric
        Published name.
    agree
        Rows with the same value, or without one on both sides.
    only_here, only_there
        Rows where only we, or only they, have a value.
    differ
        Rows whose values differ, by figure and part.
    """

    metric: str
    agree: int
    only_here: int
    only_there: int
    differ: Mapping[str, int]


def read_frame(path: Path, **options: Any) -> pd.DataFrame:
    """Read a CSV or .csv.gz with pandas' options; ``InputError`` if it is missing or unreadable."""
    try:
        return pd.read_csv(path, **options)
    except (*TABLE_DAMAGE, OSError, ValueError) as error:
        msg = f"{path} cannot be read as a table ({error}); name a CSV or .csv.gz of the paper's repository"
        raise InputError(msg) from error


def read_results(path: Path) -> pd.DataFrame:
    """Read the table and add our metrics; ``other_spec`` becomes ``part``, and nodes lose their underscores.

    Raises
    ------
    InputError
        If the file is missing or unreadable.
    ConfigError
        If a column is missing, a count is none, or a model stands twice in a permutation of a figure.
    """
    table = read_frame(path)
    lacking = [name for name in ("perm", "node", "figure", "other_spec", "AUC", *COUNTS, *NAMES) if name not in table]
    if lacking:
        msg = f"{path} has no column {lacking[0]}; name the table of the published results"
        raise ConfigError(msg)
    table = table.rename(columns={"other_spec": "part"})
    counts = table[list(COUNTS)].apply(pd.to_numeric, errors="coerce").to_numpy(float)
    wrong = np.flatnonzero(~(counts >= 0).all(axis=1) | (counts % 1 != 0).any(axis=1))
    if len(wrong):
        msg = f"{path} row {wrong[0] + 2}: one of {', '.join(COUNTS)} is no count of patients"
        raise ConfigError(msg)
    table["node"] = table["node"].str.strip("_").str.replace("_", " ")
    twice = table.duplicated([*KEY, "node", "perm"])
    if twice.any():
        msg = f"{path} row {int(np.argmax(twice)) + 2}: this model stands twice in its permutation of the figure"
        raise ConfigError(msg)
    return table.assign(**rates(table["TP"], table["TN"], table["FP"], table["FN"]))


def uneven(table: pd.DataFrame) -> dict[str, int]:
    """Return by figure and part the rows whose cases are not TP + FN or whose controls are not TN + FP."""
    return _by_figure(table, (table["TP"] + table["FN"] != table["P"]) | (table["TN"] + table["FP"] != table["N"]))


def agreements(table: pd.DataFrame) -> tuple[Agreement, ...]:
    """Compare each published metric with ours."""
    found = []
    for name, ours in NAMES.items():
        there, here = table[name].to_numpy(float), table[ours].to_numpy(float)
        differ = np.abs(here - there) > TOLERANCE
        only_here, only_there = np.isnan(there) & ~np.isnan(here), np.isnan(here) & ~np.isnan(there)
        agree = int((~differ & ~only_here & ~only_there).sum())
        found.append(Agreement(name, agree, int(only_here.sum()), int(only_there.sum()), _by_figure(table, differ)))
    return tuple(found)


def summarise(table: pd.DataFrame) -> pd.DataFrame:
    """Return one row per figure, part and model: repeats, mean accuracy and AUROC, and the swarm's tests against it.

    Accuracy is ours, from the counts; the AUROC is the published one, as counts do not tell it, over the
    ``auroc_repeats`` that have one. The tests are Wilcoxon's signed-rank tests of swarm against model on the same
    permutations, with continuity correction where they are not exact: two-sided, and one-sided for a better swarm as
    the paper did. Holm's correction is over the models of a figure and part.
    """
    rows = table.groupby([*KEY, "node"], sort=False).agg(
        repeats=("perm", "size"), accuracy=("accuracy", "mean"), auroc=("AUC", "mean"), auroc_repeats=("AUC", "count")
    )
    found: Any = rows.reset_index()
    index = pd.MultiIndex.from_frame(found[[*KEY, "node"]])
    for metric, column in (("accuracy", "accuracy"), ("auroc", "AUC")):
        gaps = _gaps(table, column)
        found[f"{metric}_pairs"] = (
            pd.Series({key: len(values) for key, values in gaps.items()}).reindex(index).to_numpy()
        )
        mean = {key: values.mean() if len(values) else np.nan for key, values in gaps.items()}
        found[f"{metric}_difference"] = pd.Series(mean).reindex(index).to_numpy()
        for name, alternative in (("two_sided", "two-sided"), ("one_sided", "greater")):
            p = pd.Series(_signed_rank(gaps, alternative)).reindex(index)
            found[f"{metric}_p_{name}"] = p.to_numpy()
            found[f"{metric}_holm_{name}"] = p.groupby(level=[0, 1], sort=False).transform(_holm).to_numpy()
    return found


def verdict(row: Mapping[str, Any], metric: str) -> str:
    """Return ``better``, ``worse`` or ``open``: how the swarm stands to this model, two-sided after Holm at 5 %.

    ``not published`` where no permutation has a value of both.
    """
    if not row[f"{metric}_pairs"] > 0:
        return "not published"
    if not row[f"{metric}_holm_two_sided"] < LEVEL:
        return "open"
    return "better" if row[f"{metric}_difference"] > 0 else "worse"


def _gaps(table: pd.DataFrame, column: str) -> dict[tuple[str, ...], np.ndarray]:
    """Return swarm minus model by figure, part and model, of the permutations that have both."""
    found: dict[tuple[str, ...], np.ndarray] = {}
    parts: Any = table.groupby(list(KEY), sort=False)
    for key, part in parts:
        wide = part.pivot(index="perm", columns="node", values=column)
        if SWARM in wide:
            # Differences by the same number of patients may part in the last bit, and tie all the same.
            others = {name: wide[SWARM] - wide[name] for name in wide if name != SWARM}
            found |= {(*key, name): np.round(gaps.dropna().to_numpy(float), 12) for name, gaps in others.items()}
    return found


def _signed_rank(gaps: Mapping[tuple[str, ...], np.ndarray], alternative: str) -> dict[tuple[str, ...], float]:
    """Return Wilcoxon's p as R's ``wilcox.test`` gives it by default: exact below 50 pairs without ties or zeros."""
    alike: dict[tuple[int, bool], list[tuple[str, ...]]] = {}
    for key, values in gaps.items():
        if values.any():
            exact = bool(len(np.unique(np.abs(values))) == len(values) < EXACT and values.all())
            alike.setdefault((len(values), exact), []).append(key)
    found = dict.fromkeys(gaps, np.nan)
    for (_, exact), keys in alike.items():
        method = "exact" if exact else "asymptotic"
        rows = np.stack([gaps[key] for key in keys])
        tested: Any = wilcoxon(rows, correction=not exact, alternative=alternative, method=method, axis=1)
        found |= dict(zip(keys, tested.pvalue.tolist(), strict=True))
    return found


def _holm(values: pd.Series) -> pd.Series:
    """Correct the p that there are for their number; statsmodels' does, but it collects all garbage at each call."""
    ordered = values.sort_values()
    steps = ordered * (values.notna().sum() - np.arange(len(ordered)))
    return steps.cummax().clip(upper=1.0).reindex(values.index)


def _by_figure(table: pd.DataFrame, chosen: ArrayLike) -> dict[str, int]:
    counts: Any = table.assign(chosen=chosen).groupby(list(KEY), sort=False)["chosen"].sum()
    return {", ".join(key): int(count) for key, count in counts.items() if count}
