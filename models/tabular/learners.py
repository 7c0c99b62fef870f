"""From a cohort of tables and settings to a learner, and from its weights to a model."""

from __future__ import annotations

import hashlib
import tomllib
from dataclasses import asdict, fields
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from models.tabular.lasso import LassoHyperparameters, LassoLearner
from models.tabular.mlp import MlpHyperparameters, MlpLearner
from models.tabular.model import TableModel, TableSpec
from models.tabular.table import columns_sha256
from models.train import train_model
from pipelines.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from models.learner import State, TrainResult
    from models.tabular.cohort import TableCentre, TableCohort
    from models.targets import Target

TableHyperparameters = MlpHyperparameters | LassoHyperparameters
TableLearner = MlpLearner | LassoLearner

HYPERPARAMETERS: dict[str, type[TableHyperparameters]] = {"mlp": MlpHyperparameters, "lasso": LassoHyperparameters}
"""Settings by kind of learner."""


def table_hyperparameters(kind: str, settings: Mapping[str, Any]) -> TableHyperparameters:
    """Return a kind's settings, the defaults (of ``preset``, for an MLP) changed by ``settings``.

    Raises
    ------
    ConfigError
        If kind or preset are unknown, or a setting is unknown, of another type or out of its range.
    """
    if kind not in HYPERPARAMETERS:
        msg = f"there is no learner {kind!r} for tables; choose {' or '.join(HYPERPARAMETERS)}"
        raise ConfigError(msg)
    settings = dict(settings)
    if type(settings.get("hidden")) is int:  # one layer is written as a number, several as a text
        settings["hidden"] = str(settings["hidden"])
    defaults = HYPERPARAMETERS[kind]()
    if isinstance(defaults, MlpHyperparameters) and "preset" in settings:
        defaults = MlpHyperparameters.preset(str(settings.pop("preset")))
    return HYPERPARAMETERS[kind](**{**asdict(defaults), **fitting(defaults, settings)})


def fitting(defaults: Any, settings: Mapping[str, Any], also: Sequence[str] = ()) -> dict[str, Any]:
    """Return ``settings`` if each names a field of ``defaults`` (a dataclass) and has the type of its value.

    Raises
    ------
    ConfigError
        Naming the first that does not; ``also`` are further names for that sentence.
    """
    known = {field.name for field in fields(defaults)}
    unknown = sorted(settings.keys() - known)
    if unknown:
        msg = f"the learner does not know {', '.join(unknown)}; it knows {', '.join(sorted([*known, *also]))}"
        raise ConfigError(msg)
    for name, value in settings.items():
        default = getattr(defaults, name)
        allowed = (int, float) if isinstance(default, float) else type(default)
        if isinstance(value, bool) != isinstance(default, bool) or not isinstance(value, allowed):
            words = {bool: "true or false", str: f"a text like {default!r}"}
            wanted = words.get(type(default), f"a number like {default!r}")
            msg = f"the learner's setting {name} is {value!r} and must be {wanted}"
            raise ConfigError(msg)
    return dict(settings)


def parse_settings(options: Sequence[str]) -> dict[str, Any]:
    """Read ``NAME=VALUE`` options; numbers, true and false as in TOML, everything else is text.

    Raises
    ------
    ConfigError
        If one has no ``=``, or a setting is named twice.
    """
    settings: dict[str, Any] = {}
    for option in options:
        name, sign, text = (part.strip() for part in option.partition("="))
        if not sign or not name or name in settings:
            msg = f"--set {option!r} is not of the form NAME=VALUE, or names the setting for the second time"
            raise ConfigError(msg)
        try:
            settings[name] = tomllib.loads(f"value = {text}")["value"]
        except tomllib.TOMLDecodeError:
            settings[name] = text
    return settings


def default_steps(learner: TableLearner) -> int:
    """Return the steps per round when nobody says: two epochs and at least 20 of an MLP, 100 of LASSO."""
    return 100 if isinstance(learner, LassoLearner) else max(20, 2 * learner.steps_per_epoch)


def make_table_learner(cohort: TableCohort, hyperparameters: TableHyperparameters) -> TableLearner:
    """Return the learner that these settings belong to; ``ConfigError`` if the cohort is scaled otherwise."""
    if cohort.scaling != hyperparameters.scaling:
        msg = f"the table is scaled by {cohort.scaling!r} and the learner agreed on {hyperparameters.scaling!r}"
        raise ConfigError(msg)
    if isinstance(hyperparameters, MlpHyperparameters):
        return MlpLearner(cohort, hyperparameters)
    return LassoLearner(cohort, hyperparameters)


def table_spec(
    targets: Sequence[Target],
    columns: Sequence[str],
    hyperparameters: TableHyperparameters,
    provenance: Mapping[str, Any] | None = None,
) -> TableSpec:
    """Return the description of a model trained with these settings."""
    common: dict[str, Any] = {
        "targets": tuple(targets),
        "columns": tuple(columns),
        "scaling": hyperparameters.scaling,
        "provenance": dict(provenance or {}),
    }
    if isinstance(hyperparameters, MlpHyperparameters):
        return TableSpec("mlp", hidden=hyperparameters.widths, **common)
    return TableSpec("lasso", **common)


def table_model(learner: TableLearner, state: State, provenance: Mapping[str, Any]) -> TableModel:
    """Return weights that a learner trained as a model."""
    return TableModel(
        state, table_spec(learner.cohort.targets, learner.cohort.columns, learner.hyperparameters, provenance)
    )


def train_table_cohort(
    learner: TableLearner,
    centres: Sequence[TableCentre],
    rounds: int,
    steps: int,
    seed: int,
    on_round: Callable[[int, TrainResult], None] | None = None,
) -> TableModel:
    """Train on one centre's or several centres' tables and return the model with its provenance."""
    state = train_model(learner, rounds, steps, seed, on_round)
    provenance = {
        "software": f"wsi-swarm {version('wsi-swarm')}",
        "torch": version("torch"),
        "arm": "local" if len(centres) == 1 else "merged",
        "training": {"rounds": rounds, "steps": steps, "seed": seed, **asdict(learner.hyperparameters)},
        "data": {
            "tables_sha256": [{"table": _sha256(c.table), "clini": _sha256(c.clini)} for c in centres],
            **data_facts(learner.cohort),
        },
    }
    return table_model(learner, state, provenance)


def data_facts(cohort: TableCohort) -> dict[str, Any]:
    """Say which data a model saw, by hashes and counts; no name of a patient and no path."""
    counts = {target.name: cohort.counts(target.name) for target in cohort.targets}
    return {
        "columns_sha256": columns_sha256(cohort.columns),
        "values_and_labels_sha256": hashlib.sha256(cohort.values.tobytes() + cohort.labels.tobytes()).hexdigest(),
        "patients": len(cohort.patients),
        "by_target": {
            name: {"positive": positive, "negative": negative, "unknown": unknown}
            for name, (positive, negative, unknown) in counts.items()
        },
    }


def _sha256(path: Any) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
