"""How a MIL learner trains."""

from __future__ import annotations

import math
from dataclasses import dataclass

from models.training import check_ranges, learning_rate
from pipelines.errors import ConfigError

SCHEDULES = ("cosine", "one_cycle", "constant")
PRECISIONS = ("float32", "bfloat16")


@dataclass(frozen=True)
class Hyperparameters:
    """How a MIL learner trains; the members of a swarm agree on them.

    Attributes
    ----------
    learning_rate
        Highest rate of AdamW, reached after the warm-up.
    weight_decay
        Decoupled weight decay of the matrices; biases are not decayed. 0 makes it Adam.
    batch_patients
        Patients per step.
    bag_tiles
        Tiles per patient and step, the same cap for everyone: the number of tiles can betray the label.
    input_dropout, dropout
        Shares of input features and hidden units left out per bag.
    warm_up
        Share of the whole training over which the rate rises.
    max_class_weight
        Cap of the weight of the rarer class.
    augmented
        Draw each bag, at every step, from the slides' own features or one of their augmented sets.
    proximal
        FedProx's mu: how strongly a round's training is held to the weights that the round began with; 0 = not.
    schedule
        Course of the rate: ``cosine`` (linear warm-up, half a cosine), ``one_cycle`` (Smith and Topin 2019: cosine from
        a 25th up over 30 % of the training, cosine down to nearly nothing) or ``constant``.
    balanced
        Weigh the classes by their rarity; without it every patient counts the same.
    precision
        ``float32``, or ``bfloat16`` for the products: faster where the processor has it, about three digits.
    batch_tiles
        Tiles per step of an aggregator that learns single tiles (``saldanha2022``), in place of ``batch_patients``.

    Raises
    ------
    ConfigError
        If a value is out of its range.
    """

    learning_rate: float = 1e-3
    weight_decay: float = 0.1
    batch_patients: int = 8
    bag_tiles: int = 256
    input_dropout: float = 0.3
    dropout: float = 0.25
    warm_up: float = 0.05
    max_class_weight: float = 10.0
    augmented: bool = False
    proximal: float = 0.0
    schedule: str = "cosine"
    balanced: bool = True
    precision: str = "float32"
    batch_tiles: int = 124

    def __post_init__(self) -> None:
        ranges = (
            ("learning_rate", 1e-8, 1.0),
            ("weight_decay", 0.0, 10.0),
            ("batch_patients", 1, 100_000),
            ("bag_tiles", 1, 10_000_000),
            ("input_dropout", 0.0, 0.95),
            ("dropout", 0.0, 0.95),
            ("warm_up", 0.0, 0.9),
            ("max_class_weight", 1.0, 1e6),
            ("proximal", 0.0, 1e6),
            ("batch_tiles", 1, 1_000_000),
        )
        check_ranges(self, ranges)
        for name, known in (("schedule", SCHEDULES), ("precision", PRECISIONS)):
            if getattr(self, name) not in known:
                msg = f"{name} is {getattr(self, name)!r}; choose one of {', '.join(known)}"
                raise ConfigError(msg)

    def rate(self, done: float) -> float:
        """Learning rate when the share ``done`` (0 to 1) of the whole training is over."""
        if self.schedule == "constant":
            return self.learning_rate
        if self.schedule == "cosine":
            return learning_rate(self, done)
        low, end, rise = 1 / 25, 1 / 250_000, 0.3
        if done < rise:
            return self.learning_rate * _between(low, 1.0, done / rise)
        return self.learning_rate * _between(1.0, end, (done - rise) / (1.0 - rise))


def default_hyperparameters(aggregator: str) -> Hyperparameters:
    """Return what an aggregator trains with when nobody says otherwise.

    For ``saldanha2022`` as in Saldanha et al. 2022 (Nature Medicine 28:1232): Adam at 1e-4, batches of 124 tiles, up to
    150 tiles per patient. There a swarm merges every 4 batches and training takes 5 epochs.
    """
    if aggregator == "saldanha2022":
        return Hyperparameters(
            learning_rate=1e-4,
            weight_decay=0.0,
            bag_tiles=150,
            batch_tiles=124,
            input_dropout=0.0,
            dropout=0.0,
            schedule="constant",
            balanced=False,
        )
    return Hyperparameters()


def _between(start: float, end: float, done: float) -> float:
    return end + (start - end) * 0.5 * (1.0 + math.cos(math.pi * done))
