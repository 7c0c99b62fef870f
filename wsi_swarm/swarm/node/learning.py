"""From the run configuration and a centre's tables to its learner; from the final weights to the model file.

Node, merge and protocol know nothing of any kind of learner; what a kind is stands in ``node/families.py``.
"""

from __future__ import annotations

from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from wsi_swarm.errors import ConfigError
from wsi_swarm.swarm.merge import whole
from wsi_swarm.swarm.node.families import Sources, family, model_spec
from wsi_swarm.swarm.state.encoding import encode

if TYPE_CHECKING:
    from pathlib import Path

    from models.learner import Learner, State
    from models.mil_learner import Hyperparameters
    from models.model_file import AnyModel
    from models.tabular.learners import TableHyperparameters
    from wsi_swarm.swarm.config import RunConfig
    from wsi_swarm.swarm.state.encoding import FixedState

__all__ = ["final_model", "hyperparameters", "initial_model", "make_learner", "model_spec"]


def make_learner(
    config: RunConfig,
    clini: Path,
    slides: Path | None = None,
    features: Path | None = None,
    table: Path | None = None,
    columns: Path | None = None,
) -> Learner:
    """Read a centre's cohort and make the learner that the run agrees on.

    Raises
    ------
    ConfigError
        If tables or features are not what the run is about: another encoder, other columns, a label that it does not
        name; or if the run reads a table and none is named, and the reverse.
    InputError
        If a table or feature file is missing or unreadable.
    """
    return family(config).learner(config, Sources(clini, slides, features, table, columns))


def hyperparameters(config: RunConfig) -> Hyperparameters | TableHyperparameters:
    """Return the learner's hyperparameters.

    Raises
    ------
    ConfigError
        If ``[learner]`` names no known kind, or has an entry that the learner does not know.
    """
    return family(config).settings(config)


def initial_model(config: RunConfig, start_model: Path | None = None) -> FixedState | None:
    """Return the whole state of the first round (``merge.whole``).

    Without ``start_root`` it is a function of the configuration alone, so that nobody has to send it. With it, the
    run starts from an old run's final model.

    Parameters
    ----------
    start_model
        That model's file; None at a centre that does not have it and fetches the first state from the others.

    Returns
    -------
    state
        None if the run starts from a model and the file is not here.

    Raises
    ------
    ConfigError
        If the file is not the model that the run agreed on, or the run starts from none.
    InputError
        If the file cannot be read.
    """
    kind = family(config)
    fresh = encode(kind.first_state(config), config.fraction_bits)
    if not config.start_root:
        if start_model is not None:
            msg = f"--start-model {start_model}: run.toml has no start_root, so this run starts from a fresh model"
            raise ConfigError(msg)
        return whole.start(fresh, config.merge_plan)
    if start_model is None:
        return None
    model = kind.load(start_model)
    state = encode(model.state, config.fraction_bits)
    if state.layout != fresh.layout or not kind.reads_alike(config, model):
        msg = f"{start_model} has other weights, data or targets than run.toml describes; set [learner] as in its run"
        raise ConfigError(msg)
    if state.root.hex() != config.start_root:
        msg = (
            f"{start_model} has the root {state.root.hex()}, run.toml starts from {config.start_root}; name that model"
        )
        raise ConfigError(msg)
    return whole.start(state, config.merge_plan)


def final_model(
    config: RunConfig,
    state: State,
    chain_id: int,
    contract: str,
    run: int,
    root: bytes,
    learner: Learner | None = None,
) -> AnyModel:
    """Return the model of a finished run. Its bytes are the same at every centre: nothing local goes in.

    Parameters
    ----------
    state
        The model's weights, without what the merge remembers.
    root
        Of the last final state.
    learner
        This centre's, which a model of tables has the names of its columns from.
    """
    provenance: dict[str, Any] = {
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
    if config.start_root:
        provenance["run"]["start_root"] = config.start_root
    return family(config).model(config, state, provenance, learner)
