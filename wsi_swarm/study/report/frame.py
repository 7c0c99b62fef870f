"""The results table, checked and cut into panels: one per scenario, learner, target and test set."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from pipelines.errors import InputError
from wsi_swarm.study.report.looks import LOCAL
from wsi_swarm.study.types import ARMS

if TYPE_CHECKING:
    from collections.abc import Sequence

Table = Any
"""A pandas table. Its own annotations take every part of one for any of five types, so that no checker helps here."""

Column = Any
"""A column of such a table, by repeat or by node."""

METRICS = ("auroc", "auprc", "accuracy", "sensitivity", "specificity", "f1")
SHOWN = {
    "auroc": "AUROC",
    "auprc": "AUPRC",
    "accuracy": "Accuracy",
    "sensitivity": "Sensitivity",
    "specificity": "Specificity",
    "f1": "F1",
}
_TEXTS = ("scenario", "learner", "arm", "node", "target", "test", "group")
_NUMBERS = ("repeat", "nodes", "n_train", "n_test", "test_positive", *METRICS, "x")
_KEY = ("scenario", "learner", "target", "test")


@dataclass(frozen=True)
class Model:
    """One model of a panel: its arm, and its node where the arm is ``local``."""

    arm: str
    node: str

    @property
    def name(self) -> str:
        """As verdicts call it."""
        return f"{self.arm} {self.node}".rstrip()


@dataclass(frozen=True, eq=False)
class Panel:
    """All repeats of all models that were judged on one test set.

    Attributes
    ----------
    scenario, learner, target, test
        Which.
    rows
        The part of the results table.
    models
        Nodes in the order of the table, then merged, swarm basic, swarm weighted.
    """

    scenario: str
    learner: str
    target: str
    test: str
    rows: Table
    models: tuple[Model, ...]

    @property
    def local(self) -> tuple[Model, ...]:
        """The nodes' own models."""
        return tuple(model for model in self.models if model.arm == LOCAL)

    @property
    def together(self) -> tuple[Model, ...]:
        """The models that learnt from all nodes."""
        return tuple(model for model in self.models if model.arm != LOCAL)

    def of(self, model: Model) -> Table:
        """Return one model's rows, one per repeat."""
        return self.rows[(self.rows["arm"] == model.arm) & (self.rows["node"] == model.node)]

    def values(self, model: Model, metric: str) -> Column:
        """Return one model's values by repeat; where a metric is not defined, the repeat is left out."""
        return self.of(model).set_index("repeat")[metric].dropna().sort_index()

    def node_means(self, metric: str) -> Column:
        """Return each node's mean over the repeats, by the node's name."""
        means = {model.node: self.values(model, metric).mean() for model in self.local}
        return pd.Series(means, dtype=float).dropna()


def checked(rows: Table) -> Table:
    """Return the table with texts as text and numbers as numbers.

    Raises
    ------
    InputError
        If it is empty, a column is missing, an arm is unknown or a model stands there twice.
    """
    lacking = [name for name in (*_TEXTS, *_NUMBERS) if name not in rows.columns]
    if lacking:
        msg = f"the results table has no column {', '.join(lacking)}; run the study again with this version"
        raise InputError(msg)
    if rows.empty:
        msg = "the results table has no row, so there is nothing to report; run the study's arms first"
        raise InputError(msg)
    table: Table = rows.reset_index(drop=True).copy()
    for name in _TEXTS:
        table[name] = table[name].fillna("").astype(str)
    for name in _NUMBERS:
        try:
            table[name] = table[name].replace("", np.nan).astype(float)
        except (TypeError, ValueError) as error:
            msg = f"column {name} of the results table holds something else than numbers ({error}); mend results.csv"
            raise InputError(msg) from error
    unknown = sorted(set(table["arm"]) - set(ARMS))
    if unknown:
        msg = f"the results table names an arm {unknown[0]!r}; arms are {', '.join(ARMS)}"
        raise InputError(msg)
    if table["repeat"].isna().any():
        msg = f"row {int(table['repeat'].isna().idxmax()) + 2} of the results table names no repeat; mend results.csv"
        raise InputError(msg)
    twice = table.duplicated([*_KEY, "arm", "node", "repeat"])
    if twice.any():
        row = table[twice].iloc[0]
        msg = (
            f"the results table holds two rows for {row['arm']} {row['node']} of scenario {row['scenario']}, "
            f"{row['learner']}, {row['target']}, repeat {row['repeat']:g}; start the study in a new folder"
        )
        raise InputError(msg)
    return table


def panels_of(table: Table) -> tuple[Panel, ...]:
    """Cut a checked table into panels, in the order of its rows."""
    found = []
    for (scenario, learner, target, test), rows in table.groupby(list(_KEY), sort=False):
        pairs = list(dict.fromkeys(zip(rows["arm"], rows["node"], strict=True)))
        models = [Model(arm, node) for wanted in ARMS for arm, node in pairs if arm == wanted]
        found.append(Panel(str(scenario), str(learner), str(target), str(test), rows, tuple(models)))
    return tuple(found)


def limits(panels: Sequence[Panel], metric: str) -> tuple[float, float]:
    """Return the ends of the axis that all panels of a metric share, so that they can be compared by eye."""
    values: Column = pd.concat([panel.rows[metric] for panel in panels]).dropna()
    lowest = min([1.0, *values, *(level for panel in panels if (level := knows_nothing(panel, metric)) is not None)])
    return max(0.0, float(np.floor(20 * (lowest - 0.02)) / 20)), 1.0


def knows_nothing(panel: Panel, metric: str) -> float | None:
    """Return what a model reaches that knows nothing; None where no single number says it."""
    if metric == "auroc":
        return 0.5
    share = (panel.rows["test_positive"] / panel.rows["n_test"]).dropna()
    if metric != "accuracy" or share.empty:
        return None
    return float(np.maximum(share, 1 - share).mean())


def best_local(panel: Panel, metric: str) -> Model | None:
    """Return the node whose own model is best on the mean over the repeats."""
    means = panel.node_means(metric)
    return None if means.empty else Model(LOCAL, str(means.idxmax()))


def why_undefined(rows: Table, metric: str) -> str:
    """Say why a metric has no value in these rows."""
    positive, everybody = rows["test_positive"], rows["n_test"]
    if (everybody == 0).all():
        return "nobody was in the test set"
    if (positive == 0).all() and metric != "specificity":
        return "the test set has no positive patient"
    if (positive == everybody).all() and metric in {"auroc", "auprc", "specificity"}:
        return "the test set has no negative patient"
    return "the results table gives no value"
