"""Explanation methods: which tiles made the model say what it says, one file each, behind one interface."""

from __future__ import annotations

from typing import TYPE_CHECKING

from heatmaps.methods.attention import Attention
from heatmaps.methods.base import Method
from heatmaps.methods.contribution import Contribution
from heatmaps.methods.integrated_gradients import IntegratedGradients
from heatmaps.methods.occlusion import Occlusion
from heatmaps.methods.single import Single
from models.aggregators import AGGREGATORS
from pipelines.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["DEFAULT", "METHODS", "Method", "method_named", "methods_for"]

METHODS: Mapping[str, type[Method]] = {
    made.name: made for made in (Contribution, Attention, Single, IntegratedGradients, Occlusion)
}
"""By the names that ``--method`` uses."""

DEFAULT = Contribution.name


def method_named(name: str, occlude: int | None = None) -> Method:
    """Return the method of this name.

    Parameters
    ----------
    name : str
    occlude : int, optional
        Side in tiles of the squares that occlusion takes away; only for occlusion.

    Raises
    ------
    ConfigError
        If there is none, or a setting is given that it does not have.
    """
    if name not in METHODS:
        msg = f"there is no method {name!r}; choose one of {', '.join(METHODS)}"
        raise ConfigError(msg)
    if occlude is not None and name != Occlusion.name:
        msg = f"--occlude is a setting of --method {Occlusion.name}, and the method is {name}; leave it out"
        raise ConfigError(msg)
    return Occlusion(occlude) if name == Occlusion.name else METHODS[name]()


def methods_for(aggregator: str) -> tuple[str, ...]:
    """Return names of the methods that support the aggregator of this name."""
    made = AGGREGATORS[aggregator]
    return tuple(name for name, method in METHODS.items() if method.supports(made))
