"""Which encoder made a feature file, and whether all files of a cohort come from the same one."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pipelines.errors import InputError
from pipelines.features import describe_any
from pipelines.features.read_any import UNKNOWN_ENCODER

if TYPE_CHECKING:
    from pipelines.features.read_any import Described

SLIDE_SUFFIXES = frozenset(
    {".svs", ".tif", ".tiff", ".ndpi", ".mrxs", ".scn", ".vms", ".vmu", ".bif", ".dcm", ".svslide", ".czi", ".isyntax"}
)


@dataclass(frozen=True)
class FeatureKind:
    """What makes features comparable.

    Attributes
    ----------
    encoder, card_sha256
        Name of the encoder's card and its hash.
    weights_sha256
        Hash of the encoder's weights: one card with two weights files makes two kinds of features.
    dim
        Length D of a feature vector.
    tile_um, mpp
        Side of a tile in µm and the µm per pixel at which it was read; 0 where the files do not say it. What tiled by
        magnification has the values that the magnification stands for.
    """

    encoder: str
    card_sha256: str
    weights_sha256: str
    dim: int
    tile_um: float
    mpp: float

    def __str__(self) -> str:
        card, weights = self.card_sha256[:12] or "unknown", self.weights_sha256[:12] or "unknown"
        tiles = f"{self.tile_um:g} µm at {self.mpp:g} µm/px" if self.tile_um and self.mpp else "a size not stated"
        return f"{self.encoder} (card {card}, weights {weights}, {self.dim} numbers, tiles of {tiles})"


def slide_name(filename: str) -> str:
    """Return a FILENAME cell without folder and suffix of a slide or feature file."""
    relative = Path(filename.replace("\\", "/"))
    return relative.stem if relative.suffix.lower() in {".h5", ".pt"} | SLIDE_SUFFIXES else relative.name


def find_feature_file(folder: Path, filename: str) -> tuple[Path, bool]:
    """Return the feature file that belongs to a FILENAME cell, and whether it is there.

    ``a.h5``, ``a``, ``a.svs`` and ``centre/a.svs`` all name ``<folder>/a.h5``; where that is absent,
    ``<folder>/centre/a.h5`` (STAMP mirrors the folders of the slides) and ``<folder>/a.pt`` (CLAM) are looked for. Only
    slide suffixes are cut off, since names such as ``TCGA-..-DX1.UUID`` hold dots.
    """
    relative = Path(filename.replace("\\", "/"))
    name = slide_name(filename)
    path = folder / f"{name}.h5"
    mirrored = () if relative.is_absolute() or ".." in relative.parts else (folder / relative.parent / f"{name}.h5",)
    for place in (path, *mirrored, folder / f"{name}.pt"):
        if place.is_file():
            return place, True
    return path, False


def read_kind(path: Path) -> FeatureKind:
    """Read the kind from a feature file of any known layout, without its features.

    Raises
    ------
    InputError
        If the file is no feature file, or not whole.
    """
    return kind_of(path, describe_any(path))


def kind_of(path: Path, described: Described) -> FeatureKind:
    """Return the kind of a file that was described; raises as ``read_kind``."""
    attrs = described.attrs
    if described.content.vectors is None:
        msg = f"{path} holds tiles and no features; run 'wsi-swarm extract' and name the folder of the features"
        raise InputError(msg)
    try:
        # Where slides were tiled by magnification, the nominal size is what they have in common.
        tile_um = float(attrs.get("nominal_tile_um", attrs.get("tile_um", 0.0)))
        mpp = float(attrs.get("nominal_mpp", attrs.get("requested_mpp", 0.0)))
    except (TypeError, ValueError) as error:
        msg = f"{path} is not a whole feature file ({error}); delete it and run 'wsi-swarm extract' again"
        raise InputError(msg) from error
    return FeatureKind(
        encoder=str(attrs.get("encoder", UNKNOWN_ENCODER)),
        card_sha256=str(attrs.get("encoder_card_sha256", "")),
        weights_sha256=str(attrs.get("weights_sha256", "")),
        dim=described.content.dim or 0,
        tile_um=tile_um,
        mpp=mpp,
    )


def count_tiles(path: Path) -> int:
    """Return the number of tiles in a feature file; raises as ``read_kind``."""
    return describe_any(path).content.tiles
