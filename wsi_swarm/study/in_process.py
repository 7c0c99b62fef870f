"""A swarm inside this process: the encoding, the merge and the steps of real nodes, without network and chain."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wsi_swarm.errors import ConfigError
from wsi_swarm.swarm.merge import whole
from wsi_swarm.swarm.merge.whole import Contribution, pack_loss, unpack_loss
from wsi_swarm.swarm.node.learning import initial_model
from wsi_swarm.swarm.state.encoding import decode, difference, encode

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from models.learner import Learner
    from wsi_swarm.swarm.config import RunConfig
    from wsi_swarm.swarm.state.encoding import FixedState


def swarm_states(
    config: RunConfig, learners: Mapping[str, Learner], joins: Mapping[str, int] | None = None
) -> Iterator[FixedState]:
    """Yield the whole state after each round; the last one has the root that real nodes of this run end with.

    Parameters
    ----------
    config
        The run. Every node trains in every round, as on a network without faults.
    learners
        By node.
    joins
        For nodes that are not there from the start: the round, from 0, in which they first train.

    Raises
    ------
    ConfigError
        If updates would travel in 16 bits or the run starts from an old model, which this does not do.
    """
    first = initial_model(config)
    if first is None or config.update_bits != 32:
        msg = "a swarm in one process starts from a fresh model and merges updates of 32 bits; use real nodes"
        raise ConfigError(msg)
    state, plan, joins = first, config.merge_plan, joins or {}
    for index in range(config.rounds):
        base, steps = whole.model_of(state), whole.steps_of(state, plan)
        contributions: list[Contribution] = []
        for name, learner in learners.items():
            if joins.get(name, 0) > index:
                continue
            own_steps = config.local_steps(steps, learner.steps_per_epoch)
            result = learner.train(decode(base), index, config.rounds, own_steps, config.seed)
            update = difference(encode(result.state, config.fraction_bits), base)
            loss = unpack_loss(pack_loss(result.loss))
            contributions.append(Contribution(name, config.weight_of(learner.n_patients), update, loss))
        state = whole.merge(state, contributions, plan)
        yield state
