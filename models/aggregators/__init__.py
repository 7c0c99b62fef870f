"""Aggregators: from a bag of tiles to the patient's logits, one file each, behind one interface."""

from __future__ import annotations

from typing import TYPE_CHECKING

from models.aggregators.attention import AttentionMIL
from models.aggregators.base import Aggregator, MilOutput
from models.aggregators.clam import ClamSB
from models.aggregators.dsmil import DSMIL
from models.aggregators.ensemble import Ensemble
from models.aggregators.gated_attention import GatedAttentionMIL
from models.aggregators.max import MaxMIL
from models.aggregators.mean import MeanMIL
from models.aggregators.tile_mlp import TileMLP
from models.aggregators.transformer import TransformerMIL
from models.aggregators.transmil import TransMIL
from pipelines.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["AGGREGATORS", "DEFAULT", "Aggregator", "Ensemble", "MilOutput", "aggregator_class"]

DEFAULT = "gated_attention"
"""Also what a model file means that names none: the first ones did not."""

AGGREGATORS: Mapping[str, type[Aggregator]] = {
    "mean": MeanMIL,
    "max": MaxMIL,
    "attention": AttentionMIL,
    DEFAULT: GatedAttentionMIL,
    "clam_sb": ClamSB,
    "dsmil": DSMIL,
    "transmil": TransMIL,
    "transformer": TransformerMIL,
    "saldanha2022": TileMLP,
}
"""By the names that ``--aggregator`` and model files use."""


def aggregator_class(name: str) -> type[Aggregator]:
    """Return the aggregator of this name; ``ConfigError`` if there is none."""
    if name not in AGGREGATORS:
        msg = f"there is no aggregator {name!r}; choose one of {', '.join(AGGREGATORS)}"
        raise ConfigError(msg)
    return AGGREGATORS[name]
