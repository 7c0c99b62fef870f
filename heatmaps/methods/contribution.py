"""Class contribution: exact shares of the slide's log-odds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from heatmaps.methods.attribution import METHOD, all_contributions
from heatmaps.methods.base import Method, refuse_unsupported

if TYPE_CHECKING:
    from collections.abc import Sequence

    from heatmaps.methods.attribution import Scores
    from models.aggregators import Aggregator
    from models.model_file import Model
    from pipelines.features import Features


class Contribution(Method):
    """``a_i (w . h_i)``: what the tile adds to the slide's log-odds; see ``heatmaps.methods.attribution``."""

    name = "contribution"
    title = METHOD
    unit = "log-odds per tile"
    exact = True
    adds_up_to = "with the bias, the log-odds of the slide"
    shows = "what each tile added to the result, for or against, given all the others"
    misleads = "it shares what is there: of many alike tiles each gets little, though together they decide"

    @classmethod
    def supports(cls, aggregator: type[Aggregator]) -> bool:
        """Return whether its log-odds are a sum over the tiles."""
        return aggregator.explains

    def explain(self, model: Model, features: Features, targets: Sequence[str] = ()) -> list[Scores]:
        """Return the exact shares; see ``heatmaps.methods.attribution.all_contributions``."""
        refuse_unsupported(self, model)
        return all_contributions(model, features, targets)
