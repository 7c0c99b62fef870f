"""The families of learners, by ``[learner] kind``: what each reads, its settings, first weights and model file."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol, cast

from models.aggregators import DEFAULT, aggregator_class
from models.cohort import load_cohort
from models.feature_kind import FeatureKind
from models.hyperparameters import Hyperparameters, default_hyperparameters
from models.mil_learner import MilLearner
from models.model_file import Model, ModelSpec, load_model
from models.tabular.cohort import TableCentre, load_table_cohort
from models.tabular.lasso import LassoHyperparameters
from models.tabular.learners import HYPERPARAMETERS, fitting, make_table_learner, table_hyperparameters, table_model
from models.tabular.model import load_table_model
from models.tabular.table import columns_sha256, read_column_list
from models.targets import Target, spelling
from wsi_swarm.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from models.learner import Learner, State
    from models.model_file import AnyModel
    from models.tabular.learners import TableHyperparameters, TableLearner
    from models.tabular.model import TableModel
    from wsi_swarm.swarm.config import RunConfig, TableConfig

ATTENTION_MIL = "attention_mil"
_NETWORK = ("hidden", "attention", "aggregator")


@dataclass(frozen=True)
class Sources:
    """Where a centre's data lie: a clinical table, and either slides and features or a table of measurements.

    Attributes
    ----------
    columns
        List of the columns to use, one name per line; None: the table has exactly the run's columns.
    """

    clini: Path
    slides: Path | None = None
    features: Path | None = None
    table: Path | None = None
    columns: Path | None = None


class Family(Protocol):
    """Kinds of learners that read the same sources and share a model file."""

    def settings(self, config: RunConfig) -> Hyperparameters | TableHyperparameters:
        """Return the hyperparameters; ``ConfigError`` for an entry that is unknown, ill-typed or out of range."""
        ...

    def learner(self, config: RunConfig, sources: Sources) -> Learner:
        """Read a centre's data and make its learner; raises as ``learning.make_learner``."""
        ...

    def first_state(self, config: RunConfig) -> State:
        """Return fresh weights, a function of the configuration alone."""
        ...

    def load(self, path: Path) -> AnyModel:
        """Read a model file of this family; raises ``InputError``."""
        ...

    def reads_alike(self, config: RunConfig, model: AnyModel) -> bool:
        """Whether a model reads the data and says the targets that the run is about."""
        ...

    def model(self, config: RunConfig, state: State, provenance: dict[str, Any], learner: Learner | None) -> AnyModel:
        """Return weights as a model."""
        ...


def family(config: RunConfig) -> Family:
    """Return the family of ``[learner] kind``.

    Raises
    ------
    ConfigError
        If there is no such kind, or it reads other data than the run is about.
    """
    kind = _kind(config)
    if kind not in _FAMILIES:
        msg = f"run.toml [learner]: kind is {kind!r}; choose one of {', '.join(_FAMILIES)}"
        raise ConfigError(msg)
    if (config.table is None) != (kind == ATTENTION_MIL):
        reads, section = ("slides", "[features]") if kind == ATTENTION_MIL else ("a table", "a [table]")
        msg = f"run.toml [learner]: {kind} reads {reads} and needs {section}; choose the learner's kind or the section"
        raise ConfigError(msg)
    return _FAMILIES[kind]


def model_spec(config: RunConfig) -> ModelSpec:
    """Return the description of a model of slides as the run configuration alone gives it, the same at every centre."""
    network: dict[str, Any] = {name: config.learner[name] for name in _NETWORK if name in config.learner}
    return ModelSpec(_targets(config), _feature_kind(config), **network)


class _Slides:
    def settings(self, config: RunConfig) -> Hyperparameters:
        entries = {name: value for name, value in _entries(config).items() if name not in _NETWORK}
        try:
            aggregator = str(config.learner.get("aggregator", DEFAULT))
            aggregator_class(aggregator)
            return replace(default_hyperparameters(aggregator), **fitting(Hyperparameters(), entries, _NETWORK))
        except ConfigError as error:
            msg = f"run.toml [learner]: {error}"
            raise ConfigError(msg) from error

    def learner(self, config: RunConfig, sources: Sources) -> Learner:
        if sources.slides is None or sources.features is None or sources.table is not None:
            msg = "run.toml has [features]: this run reads slides; name --slides and --features, and no --table"
            raise ConfigError(msg)
        positive = {target.name: target.positive for target in config.targets}
        cohort = load_cohort(sources.clini, sources.slides, sources.features, list(positive), positive)
        wanted = _feature_kind(config)
        if cohort.kind != wanted:
            msg = f"this centre's features are {cohort.kind}, the run is about {wanted}; tile and extract them anew"
            raise ConfigError(msg)
        _check_labels(config, cohort.targets, sources.clini)
        return MilLearner(cohort, model_spec(config), self.settings(config))

    def first_state(self, config: RunConfig) -> State:
        return model_spec(config).first_state(config.seed)

    def load(self, path: Path) -> AnyModel:
        return load_model(path)

    def reads_alike(self, config: RunConfig, model: AnyModel) -> bool:
        found, agreed = cast("Model", model).spec, model_spec(config)
        alike = (found.features, found.aggregator, found.members) == (agreed.features, agreed.aggregator, 1)
        return alike and _same_targets(config, model)

    def model(self, config: RunConfig, state: State, provenance: dict[str, Any], learner: Learner | None) -> AnyModel:
        return Model(state, replace(model_spec(config), provenance=provenance))


class _Tables:
    def settings(self, config: RunConfig) -> TableHyperparameters:
        try:
            return table_hyperparameters(_kind(config), _entries(config))
        except ConfigError as error:
            msg = f"run.toml [learner]: {error}"
            raise ConfigError(msg) from error

    def learner(self, config: RunConfig, sources: Sources) -> Learner:
        if sources.table is None or sources.slides is not None or sources.features is not None:
            msg = "run.toml has a [table]: name this centre's with --table, and neither --slides nor --features"
            raise ConfigError(msg)
        settings = self.settings(config)
        columns = read_column_list(sources.columns) if sources.columns is not None else None
        positive = {target.name: target.positive for target in config.targets}
        centre = TableCentre(sources.table, sources.clini)
        cohort = load_table_cohort([centre], list(positive), settings.scaling, positive, columns)
        _check_columns(config, cohort.columns, sources)
        _check_labels(config, cohort.targets, sources.clini)
        return make_table_learner(replace(cohort, targets=_targets(config)), settings)

    def first_state(self, config: RunConfig) -> State:
        settings, steps = self.settings(config), config.local_steps(config.sync_steps, 1)
        if isinstance(settings, LassoHyperparameters) and config.sync_longest and config.merge_plan.rule.memory:
            # The threshold that travels with a LASSO's weights would change, and a server's optimiser overshoot it.
            rule = config.merge_plan.rule.name
            msg = f"run.toml: lasso with the merge rule '{rule}' needs a fixed interval; leave sync_longest out"
            raise ConfigError(msg)
        return settings.first_state(_table(config).n_features, len(config.targets), config.seed, steps)

    def load(self, path: Path) -> AnyModel:
        return load_table_model(path)

    def reads_alike(self, config: RunConfig, model: AnyModel) -> bool:
        spec = cast("TableModel", model).spec
        agreed = (_table(config).columns_sha256, self.settings(config).scaling)
        return (columns_sha256(spec.columns), spec.scaling) == agreed and _same_targets(config, model)

    def model(self, config: RunConfig, state: State, provenance: dict[str, Any], learner: Learner | None) -> AnyModel:
        if learner is None:
            msg = "a model of tables has the names of its columns from the learner; give it to final_model"
            raise ConfigError(msg)
        return table_model(cast("TableLearner", learner), state, provenance)


_FAMILIES: dict[str, Family] = {ATTENTION_MIL: _Slides(), **dict.fromkeys(HYPERPARAMETERS, _Tables())}


def _kind(config: RunConfig) -> str:
    return str(config.learner.get("kind", ATTENTION_MIL))


def _entries(config: RunConfig) -> dict[str, Any]:
    return {name: value for name, value in config.learner.items() if name != "kind"}


def _targets(config: RunConfig) -> tuple[Target, ...]:
    return tuple(Target(target.name, target.positive, target.negative) for target in config.targets)


def _same_targets(config: RunConfig, model: AnyModel) -> bool:
    wanted = [(target.name, spelling(target.positive)) for target in config.targets]
    return [(target.name, spelling(target.positive)) for target in model.spec.targets] == wanted


def _feature_kind(config: RunConfig) -> FeatureKind:
    if config.features is None:
        msg = "run.toml has no [features]; this run reads no slides"
        raise ConfigError(msg)
    return FeatureKind(**config.features.model_dump())


def _table(config: RunConfig) -> TableConfig:
    if config.table is None:
        msg = "run.toml has no [table]; this run reads no table"
        raise ConfigError(msg)
    return config.table


def _check_columns(config: RunConfig, columns: Sequence[str], sources: Sources) -> None:
    agreed, found = _table(config), columns_sha256(columns)
    if (found, len(columns)) != (agreed.columns_sha256, agreed.n_features):
        mend = "name the list that all centres agreed on" if sources.columns else "name the agreed list with --columns"
        msg = (
            f"{sources.columns or sources.table} names {len(columns)} columns of sha256 {found}, the run is about "
            f"{agreed.n_features} of {agreed.columns_sha256}; {mend}"
        )
        raise ConfigError(msg)


def _check_labels(config: RunConfig, targets: Sequence[Target], clini: Path) -> None:
    for agreed, found in zip(config.targets, targets, strict=True):
        known = {spelling(label) for label in agreed.negative}
        strange = [label for label in found.negative if spelling(label) not in known]
        if strange:
            msg = (
                f"{clini}: column {agreed.name} holds {', '.join(map(repr, strange))}, which run.toml names neither "
                f"positive ({agreed.positive!r}) nor negative ({', '.join(map(repr, agreed.negative))}); "
                "correct the table or agree on another run"
            )
            raise ConfigError(msg)
