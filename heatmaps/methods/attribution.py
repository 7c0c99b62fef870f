"""How much each tile speaks for or against the positive class: exact shares of the slide's logit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from heatmaps.methods.relevance import Measure, class_label
from models.aggregators import AGGREGATORS
from models.predict import predict_bag
from pipelines.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from numpy.typing import NDArray

    from models.model_file import Model
    from pipelines.features import Features

METHOD = "class contribution"
"""Name of the method as figures and tables state it."""

EXACT_TO = 1e-5
"""Largest difference between the logit and the sum of bias and contributions that is accepted."""

_FLOAT32_SLACK = 1e-3
"""Logit units: ``predict`` runs in float32, the shares in float64."""


@dataclass(frozen=True)
class Scores:
    """What one model says of each of a slide's N tiles for one target.

    Attributes
    ----------
    target, positive : str
        Column of the clinical table and its positive label.
    contribution : (N,) float64
        Signed share of the logit (log-odds): above 0 speaks for ``positive``, below 0 against.
        ``bias + contribution.sum() == logit``.
    attention : (N,) float64
        Attention weights; they sum to 1.
    bias, logit : float
        Log-odds without any tile, and of the slide.
    probability : float
        Exactly the one that ``models.predict`` gives.
    """

    target: str
    positive: str
    contribution: NDArray[np.float64]
    attention: NDArray[np.float64]
    bias: float
    logit: float
    probability: float

    @property
    def attention_x_uniform(self) -> NDArray[np.float64]:
        """Attention as a multiple of what each tile would get if all got the same, (N,)."""
        return self.attention * len(self.attention)

    @property
    def label(self) -> str:
        """The positive class in words that say which target it belongs to: ``MSIH``, ``BRAF MUT``."""
        return class_label(self.target, self.positive)

    @property
    def values(self) -> NDArray[np.float64]:
        """The contributions, as a ``heatmaps.methods.relevance.Relevance`` names them."""
        return self.contribution

    @property
    def measures(self) -> tuple[Measure, ...]:
        """Contribution and attention, for tables."""
        return (
            Measure("contribution", "contribution (log-odds)", self.contribution, ".12e"),
            Measure("attention_x_uniform", "attention (x uniform)", self.attention_x_uniform, ".6e"),
        )

    @property
    def details(self) -> dict[str, Any]:
        """Nothing: the shares are exact, and what proves it stands beside them."""
        return {}


def contributions(model: Model, features: Features, target: str) -> Scores:
    """Split the logit of one target into its tiles' shares; see ``all_contributions``."""
    return all_contributions(model, features, [target])[0]


def all_contributions(model: Model, features: Features, targets: Sequence[str] | None = None) -> list[Scores]:
    """Split each target's logit into its tiles' shares.

    With attention ``a_i``, embedded tile ``h_i``, head ``w`` and bias ``b``, the default network's logit is
    ``b + sum_i a_i (w . h_i)`` (Ilse, Tomczak, Welling, ICML 2018, with a linear head). The share of tile i is
    ``a_i (w . h_i)``; other aggregators say theirs. Nothing is approximated. Computed in float64.

    Parameters
    ----------
    model : Model
    features : Features
        N tiles of one slide.
    targets : sequence of str, optional
        Names of targets; all of the model's by default.

    Raises
    ------
    InputError
        If the model doesn't know a target, or its aggregator has no exact shares.
    ArithmeticError
        If shares and bias miss the logit by more than 1e-5, or the logit contradicts ``predict``.
    """
    names = targets or [target.name for target in model.spec.targets]
    wanted = [model.spec.target(name) for name in dict.fromkeys(names)]
    network = model.network().double()
    if not network.explains:
        able = ", ".join(name for name, made in AGGREGATORS.items() if made.explains)
        msg = (
            f"the model's aggregator {model.spec.aggregator!r} mixes the tiles, so no tile has an exact share of its "
            f"result; a heatmap needs a model trained with --aggregator {able}"
        )
        raise InputError(msg)
    probabilities = predict_bag(model, features.features)
    with torch.inference_mode():
        output = network(torch.from_numpy(features.features.astype(np.float64)))
        shares = network.contributions(output).numpy()
    result = []
    for index, target in wanted:
        scores = Scores(
            target=target.name,
            positive=target.positive,
            contribution=shares[index],
            attention=output.attention[index].numpy(),
            bias=float(network.bias[index]),
            logit=float(output.logits[index]),
            probability=float(probabilities[target.name]),
        )
        assert_exact(scores)
        result.append(scores)
    return result


def assert_exact(scores: Scores) -> None:
    """Raise ``ArithmeticError`` unless shares and bias give the logit, and the logit the probability."""
    gap = abs(scores.bias + float(scores.contribution.sum()) - scores.logit)
    if not gap <= EXACT_TO:
        raise ArithmeticError(f"{scores.target}: contributions and bias miss the logit by {gap:.2e}")
    expected = 1.0 / (1.0 + np.exp(-scores.logit))
    if not abs(expected - scores.probability) <= _FLOAT32_SLACK:
        raise ArithmeticError(
            f"{scores.target}: the logit {scores.logit:.6f} means probability {expected:.6f}, "
            f"but predict gives {scores.probability:.6f}"
        )
