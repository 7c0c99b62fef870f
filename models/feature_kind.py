"""Which encoder made a feature file, and whether all files of a cohort come from the same one."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import h5py

from pipelines.errors import ConfigError, InputError
from pipelines.features import read_attrs

if TYPE_CHECKING:
    from collections.abc import Sequence

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
        Side of a tile in µm and the µm per pixel at which it was read.
    """

    encoder: str
    card_sha256: str
    weights_sha256: str
    dim: int
    tile_um: float
    mpp: float

    def __str__(self) -> str:
        card, weights = self.card_sha256[:12] or "unknown", self.weights_sha256[:12] or "unknown"
        return (
            f"{self.encoder} (card {card}, weights {weights}, {self.dim} numbers, "
            f"tiles of {self.tile_um:g} µm at {self.mpp:g} µm/px)"
        )


def find_feature_file(folder: Path, filename: str) -> tuple[Path, bool]:
    """Return the feature file that belongs to a FILENAME cell, and whether it is there.

    ``a.h5``, ``a``, ``a.svs`` and ``centre/a.svs`` all name ``<folder>/a.h5``. Only slide suffixes are cut off, since
    names such as ``TCGA-..-DX1.UUID`` hold dots.
    """
    name = Path(filename.replace("\\", "/")).name
    if name.lower().endswith(".h5"):
        name = name[: -len(".h5")]
    elif Path(name).suffix.lower() in SLIDE_SUFFIXES:
        name = Path(name).stem
    path = folder / f"{name}.h5"
    return path, path.is_file()


def read_kind(path: Path) -> FeatureKind:
    """Read the kind from a feature file's attributes, without its features.

    Raises
    ------
    InputError
        If the file is not a feature file of this software.
    """
    try:
        with h5py.File(path, "r") as handle:
            attrs = read_attrs(handle)
            return FeatureKind(
                encoder=str(attrs["encoder"]),
                card_sha256=str(attrs["encoder_card_sha256"]),
                weights_sha256=str(attrs["weights_sha256"]),
                dim=int(handle["features"].shape[1]),
                tile_um=float(attrs["tile_um"]),
                mpp=float(attrs["requested_mpp"]),
            )
    except (OSError, KeyError, IndexError, ValueError) as error:
        msg = f"{path} is not a whole feature file ({error}); delete it and run 'wsi-swarm extract' again"
        raise InputError(msg) from error


def count_tiles(path: Path) -> int:
    """Return the number of tiles in a feature file; raises as ``read_kind``."""
    try:
        with h5py.File(path, "r") as handle:
            return len(handle["features"])
    except (OSError, KeyError, TypeError) as error:
        msg = f"{path} is not a whole feature file ({error}); delete it and run 'wsi-swarm extract' again"
        raise InputError(msg) from error


def common_kind(paths: Sequence[Path]) -> FeatureKind:
    """Return the kind of all files.

    Raises
    ------
    ConfigError
        If two files differ.
    """
    first = read_kind(paths[0])
    for path in paths[1:]:
        kind = read_kind(path)
        if kind != first:
            msg = (
                f"{path} holds features of {kind} and {paths[0]} of {first}; they can't be mixed, tile and extract "
                "all slides in one way"
            )
            raise ConfigError(msg)
    return first
