"""From the run configuration and a centre's tables to its learner; from the final weights to the model file."""

from __future__ import annotations

from dataclasses import fields
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from models.abmil import initial_state
from models.cohort import load_cohort
from models.feature_kind import FeatureKind
from models.mil_learner import Hyperparameters, MilLearner
from models.model_file import Model, ModelSpec
from models.targets import Target, spelling
from wsi_swarm.errors import ConfigError
from wsi_swarm.swarm.state.encoding import encode

if TYPE_CHECKING:
    from pathlib import Path

    from models.cohort import Cohort
    from models.learner import State
    from wsi_swarm.swarm.config import RunConfig
    from wsi_swarm.swarm.state.encoding import FixedState

_WIDTHS = ("hidden", "attention")


def make_learner(config: RunConfig, clini: Path, slides: Path, features: Path) -> MilLearner:
    """Read a centre's cohort and make the learner that the run agrees on.

    Raises
    ------
    ConfigError
        If tables or features are not what the run is about: another encoder, a label that it does not name.
    InputError
        If a table or feature file is missing or unreadable.
    """
    positive = {target.name: target.positive for target in config.targets}
    cohort = load_cohort(clini, slides, features, list(positive), positive)
    _check_features(config, cohort)
    _check_labels(config, cohort, clini)
    return MilLearner(cohort, model_spec(config), hyperparameters(config))


def model_spec(config: RunConfig) -> ModelSpec:
    """Return the model's description as the run configuration alone gives it: the same at every centre."""
    widths: dict[str, Any] = {name: config.learner[name] for name in _WIDTHS if name in config.learner}
    targets = tuple(Target(target.name, target.positive, target.negative) for target in config.targets)
    return ModelSpec(targets, FeatureKind(**config.features.model_dump()), **widths)


def hyperparameters(config: RunConfig) -> Hyperparameters:
    """Return the learner's hyperparameters.

    Raises
    ------
    ConfigError
        If ``[learner]`` has an entry that the learner does not know.
    """
    known = {field.name for field in fields(Hyperparameters)}
    values: dict[str, Any] = {name: value for name, value in config.learner.items() if name not in _WIDTHS}
    unknown = sorted(values.keys() - known)
    if unknown:
        msg = f"run.toml [learner] does not know {', '.join(unknown)}; it knows {', '.join(sorted([*known, *_WIDTHS]))}"
        raise ConfigError(msg)
    defaults = Hyperparameters()
    for name, value in values.items():
        default = getattr(defaults, name)
        if isinstance(default, bool) or isinstance(value, bool):
            fits = isinstance(default, bool) and isinstance(value, bool)
        else:
            fits = isinstance(value, int | float) if isinstance(default, float) else isinstance(value, int)
        if not fits:
            wanted = "true or false" if isinstance(default, bool) else f"a number like {default!r}"
            msg = f"run.toml [learner]: {name} is {value!r} and must be {wanted}"
            raise ConfigError(msg)
    return Hyperparameters(**values)


def initial_model(config: RunConfig) -> FixedState:
    """Return the first weights: a function of the configuration alone, so that nobody has to send them."""
    spec = model_spec(config)
    first = initial_state(spec.features.dim, spec.hidden, spec.attention, len(spec.targets), config.seed)
    return encode(first, config.fraction_bits)


def final_model(config: RunConfig, state: State, chain_id: int, contract: str, run: int, root: bytes) -> Model:
    """Return the model of a finished run. Its bytes are the same at every centre: nothing local goes in."""
    spec = model_spec(config)
    provenance = {
        "software": f"wsi-swarm {version('wsi-swarm')}",
        "arm": f"swarm, {config.weighting} weights",
        "run": {
            "name": config.name,
            "chain_id": chain_id,
            "contract": contract,
            "number": run,
            "config_sha256": config.hash.hex(),
            "final_root": root.hex(),
            "rounds": config.rounds,
            "steps": config.sync_steps,
            "seed": config.seed,
            "fraction_bits": config.fraction_bits,
        },
    }
    spec.provenance.update(provenance)
    return Model(state, spec)


def _check_features(config: RunConfig, cohort: Cohort) -> None:
    wanted = FeatureKind(**config.features.model_dump())
    if cohort.kind != wanted:
        msg = f"this centre's features are {cohort.kind}, the run is about {wanted}; tile and extract them anew"
        raise ConfigError(msg)


def _check_labels(config: RunConfig, cohort: Cohort, clini: Path) -> None:
    for agreed, found in zip(config.targets, cohort.targets, strict=True):
        known = {spelling(label) for label in agreed.negative}
        strange = [label for label in found.negative if spelling(label) not in known]
        if strange:
            msg = (
                f"{clini}: column {agreed.name} holds {', '.join(map(repr, strange))}, which run.toml names neither "
                f"positive ({agreed.positive!r}) nor negative ({', '.join(map(repr, agreed.negative))}); "
                "correct the table or agree on another run"
            )
            raise ConfigError(msg)
