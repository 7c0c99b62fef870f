"""From the options of ``extract`` to what happens to each tile: first one look for all slides, then the variations."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipelines.errors import ConfigError
from pipelines.preparation import AsRead

if TYPE_CHECKING:
    from pathlib import Path

    from pipelines.preparation import Preparation

NORMALISERS = ("none", "macenko", "reinhard")
"""Values of ``--stain-norm``."""


def preparation(normalise: str = "none", augment: int = 0, seed: int = 0, reference: Path | None = None) -> Preparation:
    """Return what prepares tiles; ``AsRead`` where nothing is asked for.

    Parameters
    ----------
    normalise : one of ``NORMALISERS``.
    augment : number of further feature sets, "augment-1" to "augment-N"; the set "" is never augmented.
    seed : of every random choice of the augmentation.
    reference : picture whose stain all slides get; None for the constants of the normaliser.

    Raises
    ------
    ConfigError
        If a value is out of its range, or a reference is given without a normaliser.
    InputError
        If the reference can't be read or shows no haematoxylin and eosin.
    """
    if normalise not in NORMALISERS:
        msg = f"--stain-norm {normalise} is unknown; choose one of {', '.join(NORMALISERS)}"
        raise ConfigError(msg)
    if augment < 0 or seed < 0:
        msg = f"--augment ({augment}) and --seed ({seed}) must be at least 0"
        raise ConfigError(msg)
    if reference is not None and normalise == "none":
        msg = "--stain-reference needs --stain-norm macenko or reinhard"
        raise ConfigError(msg)
    return AsRead()
