"""Training that is played: new weights as a pure function of its arguments, as a ``Learner`` promises."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from wsi_swarm.swarm.protocol.events import Train, Trained
from wsi_swarm.swarm.state.encoding import decode, encode

if TYPE_CHECKING:
    from wsi_swarm.swarm.state.encoding import FixedState

FRACTION_BITS = 24


def first_model(size: int) -> FixedState:
    """Return a model of ``size`` values, all zero."""
    return encode({"w": np.zeros(size, np.float32)}, FRACTION_BITS)


def trained(job: Train, size: int, *seed: int) -> Trained:
    """Return what a training with these seeds ends with; the loss falls from round to round."""
    move = np.random.default_rng(seed).normal(0, 0.05, size).astype(np.float32)
    state = encode({"w": decode(job.model)["w"] + move}, FRACTION_BITS)
    return Trained(job.base_root, job.finals, state, 1 / (1 + job.finals))
