"""From the options of ``extract`` to what happens to each tile: first one look for all slides, then the variations."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from pipelines.errors import ConfigError
from pipelines.preparation import AUGMENTED, AsRead, Preparation, Variant
from pipelines.stain import macenko, reinhard, sample
from pipelines.stain.augment import Augmentation

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np

    from pipelines.features import Tiles
    from pipelines.slides import Slide

NORMALISERS = ("none", "macenko", "reinhard")
"""Values of ``--stain-norm``."""
VERSION = 1
"""Number of the algorithms of normalisation; a change that alters any pixel raises it."""


def preparation(normalise: str = "none", augment: int = 0, seed: int = 0, reference: Path | None = None) -> Preparation:
    """Return what prepares tiles; ``AsRead`` where nothing is asked for.

    Its ``parameters`` hold "normaliser" where tiles are normalised, which is what makes another kind of features, and
    "augmentation" where further sets are made.

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
    augmentation = Augmentation(augment, seed) if augment else None
    if normalise == "none":
        return StainPreparation("", None, augmentation) if augmentation else AsRead()
    method = _METHODS[normalise]
    target = method.REFERENCE if reference is None else method.estimate(sample.picture_pixels(reference), reference)
    return StainPreparation(normalise, target, augmentation)


@dataclass(frozen=True)
class PrepareStain:
    """Prepares the tiles of one slide; see ``pipelines.preparation.PrepareTile``.

    Attributes
    ----------
    slide_id : the slide.
    normaliser : what brings its tiles to the reference, or None.
    augmentation : what varies them, or None.
    """

    slide_id: str
    normaliser: macenko.Macenko | reinhard.Reinhard | None
    augmentation: Augmentation | None

    def __call__(self, tile: np.ndarray, x: int, y: int) -> tuple[np.ndarray, ...]:
        """Return the normalised tile and its variations, each (H, W, 3) uint8."""
        plain = tile if self.normaliser is None else self.normaliser(tile)
        varied = self.augmentation
        if varied is None:
            return (plain,)
        return (plain, *(varied(plain, self.slide_id, x, y, number + 1) for number in range(varied.sets)))


@dataclass(frozen=True)
class StainPreparation:
    """Normalises and augments; see ``pipelines.preparation.Preparation``.

    Attributes
    ----------
    name : name of the normaliser, or "".
    target : the look that the normaliser gives to all slides.
    augmentation : what varies tiles, or None.
    """

    name: str
    target: macenko.Stain | reinhard.Look | None
    augmentation: Augmentation | None

    @property
    def parameters(self) -> dict[str, Any]:
        """What the results depend on, as JSON values."""
        described = self._described()
        if self.augmentation is not None:
            described["augmentation"]["sets"] = self.augmentation.sets
        return described

    @property
    def variants(self) -> tuple[Variant, ...]:
        """The set itself and the augmented ones, each with what was done to it."""
        described = self._described()
        common = {"stain_normalisation": described["normaliser"]} if self.name else {}
        sets = [Variant("", common)]
        if self.augmentation is not None:
            for number in range(1, self.augmentation.sets + 1):
                attrs = {**common, "augmentation_set": number, "augmentation": described["augmentation"]}
                sets.append(Variant(f"{AUGMENTED}{number}", attrs))
        return tuple(sets)

    def for_slide(self, slide: Slide, tiles: Tiles) -> PrepareStain:
        """Estimate the stain of the slide from a sample of its tiles; ``InputError`` if it can't be told."""
        if not self.name:
            return PrepareStain(tiles.slide_id, None, self.augmentation)
        method = _METHODS[self.name]
        own = method.estimate(sample.slide_pixels(slide, tiles), slide.path)
        return PrepareStain(tiles.slide_id, method.between(own, self.target), self.augmentation)

    def _described(self) -> dict[str, Any]:
        described: dict[str, Any] = {}
        if self.name:
            method = _METHODS[self.name]
            reference = {quantity: list(values) for quantity, values in asdict(self.target).items()}
            described["normaliser"] = {
                "name": self.name,
                "version": VERSION,
                "reference": reference,
                **method.PARAMETERS,
                "sample": sample.PARAMETERS,
            }
        if self.augmentation is not None:
            described["augmentation"] = self.augmentation.describe()
        return described


_METHODS: dict[str, Any] = {"macenko": macenko, "reinhard": reinhard}
