"""What a round starts from and ends with, as one state: the model, and what the members must remember alike.

Beside the model's tensors stand tensors named ``server.*``: the memory of the merge rule (``server.momentum``, …,
flattened as the model is) and the adaptive sync interval (``server.sync``). They lie under the same root, so that a
member that joins late continues exactly as the others do. The mean at a fixed interval remembers nothing: there the
whole is the model.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from wsi_swarm.errors import IntegrityError, SwarmError
from wsi_swarm.swarm.merge.contribution import Contribution, ordered
from wsi_swarm.swarm.merge.mean import Mean
from wsi_swarm.swarm.merge.sync import SYNC_VALUES, SyncPlan, next_sync, pack_loss, unpack_loss
from wsi_swarm.swarm.state.encoding import FixedState, Layout

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from wsi_swarm.swarm.merge.rules import Memory, Rule
    from wsi_swarm.swarm.state.encoding import Values

__all__ = [
    "Contribution",
    "MergePlan",
    "SyncPlan",
    "merge",
    "model_of",
    "pack_loss",
    "start",
    "steps_of",
    "unpack_loss",
]

PREFIX = "server."
"""Begins the names that are not the model's."""

_SYNC = "sync"


@dataclass(frozen=True)
class MergePlan:
    """How updates become the next state; follows from the run configuration.

    Attributes
    ----------
    rule
        The merge rule with its parameters.
    weighted
        Whether the weights of the contributions count; if not, all count the same.
    sync
        Training steps between two merges.
    """

    rule: Rule = field(default_factory=Mean)
    weighted: bool = True
    sync: SyncPlan = field(default_factory=SyncPlan)

    @property
    def memory(self) -> tuple[str, ...]:
        """Names of the server tensors that the plan needs, without the prefix."""
        return (*self.rule.memory, _SYNC) if self.sync.longest is not None else self.rule.memory


def start(model: FixedState, plan: MergePlan) -> FixedState:
    """Return the state of a run's first round: the model, and an empty memory.

    Raises
    ------
    SwarmError
        If a tensor of the model has a name that begins with ``server.``.
    """
    if any(name.startswith(PREFIX) for name, _ in model.layout.tensors):
        msg = f"the model has a tensor whose name begins with '{PREFIX}', which is for the merge; rename it"
        raise SwarmError(msg)
    return _join(model, {name: np.zeros(_size(name, model), np.int32) for name in plan.memory})


def model_of(whole: FixedState) -> FixedState:
    """Return the model alone: what a learner trains, and what an update is a difference to."""
    return _split(whole)[0]


def steps_of(whole: FixedState, plan: MergePlan) -> int:
    """Return the training steps until the next merge."""
    if plan.sync.longest is None:
        return plan.sync.steps
    return int(_remembered(whole, plan)[1][_SYNC][0]) or plan.sync.steps


def merge(whole: FixedState, contributions: Sequence[Contribution], plan: MergePlan) -> FixedState:
    """Return the next state.

    Parameters
    ----------
    whole
        The last final state.
    contributions
        In any order; their updates are differences to ``model_of(whole)``.

    Raises
    ------
    IntegrityError
        If ``whole`` is no state of this plan, or the contributions are not what the rule can merge (see
        ``contribution.ordered``).
    """
    model, memory = _remembered(whole, plan)
    members = ordered(model, contributions, plan.rule.fewest)
    if not plan.weighted:
        members = [replace(one, weight=1) for one in members]
    kept = {name: memory[name] for name in plan.rule.memory}
    merged, kept = plan.rule.merge(model, members, kept)
    if _SYNC in memory:
        kept[_SYNC] = next_sync(memory[_SYNC], plan.sync, [(one.weight, one.loss) for one in members])
    return _join(merged, kept)


def _remembered(whole: FixedState, plan: MergePlan) -> tuple[FixedState, Memory]:
    model, memory = _split(whole)
    wanted = {name: _size(name, model) for name in plan.memory}
    if {name: values.size for name, values in memory.items()} != wanted:
        msg = f"the state remembers {sorted(memory)}, this run's merge {sorted(wanted)}; fetch the state of this run"
        raise IntegrityError(msg)
    return model, memory


def _size(name: str, model: FixedState) -> int:
    return SYNC_VALUES if name == _SYNC else model.layout.size


def _join(model: FixedState, memory: Mapping[str, Values]) -> FixedState:
    if not memory:
        return model
    parts = {name: (shape, values) for name, shape, values in _tensors(model)}
    parts |= {PREFIX + name: ((values.size,), values) for name, values in memory.items()}
    names = sorted(parts, key=lambda name: name.encode())
    layout = Layout(tuple((name, parts[name][0]) for name in names), model.layout.fraction_bits)
    return FixedState(layout, np.concatenate([parts[name][1] for name in names]))


def _split(whole: FixedState) -> tuple[FixedState, Memory]:
    memory = {name.removeprefix(PREFIX): values for name, _, values in _tensors(whole) if name.startswith(PREFIX)}
    if not memory:
        return whole, {}
    tensors = [(name, shape, values) for name, shape, values in _tensors(whole) if not name.startswith(PREFIX)]
    layout = Layout(tuple((name, shape) for name, shape, _ in tensors), whole.layout.fraction_bits)
    return FixedState(layout, np.concatenate([np.zeros(0, np.int32), *(values for _, _, values in tensors)])), memory


def _tensors(state: FixedState) -> list[tuple[str, tuple[int, ...], Values]]:
    ends = np.cumsum([0, *(math.prod(shape) for _, shape in state.layout.tensors)]).tolist()
    return [
        (name, shape, state.values[begin:end])
        for (name, shape), begin, end in zip(state.layout.tensors, ends, ends[1:], strict=False)
    ]
