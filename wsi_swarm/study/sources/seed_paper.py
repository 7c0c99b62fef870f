"""Kind ``seed_paper``: one TCGA site of the seed paper's example features, written as a centre keeps its data.

In these files the number of tiles per patient alone betrays the label (150 for every positive, at most 43 for the
others), so every patient gets the same number of tiles.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np
import pandas as pd
from pydantic import Field

from pipelines.features import Features, describe, write_features
from wsi_swarm.errors import ConfigError, InputError
from wsi_swarm.study.sources.csv_file import write_csv
from wsi_swarm.study.sources.options import Options, Place
from wsi_swarm.study.sources.record import claim, finish
from wsi_swarm.study.types import SlideSource

if TYPE_CHECKING:
    from pathlib import Path

TARGETS = {"MSI": ("isMSIH", {0: "MSIH", 1: "nonMSIH"}), "BRAF": ("BRAF", {0: "MUT", 1: "WT"})}
"""Target -> folder and what its numbers mean."""
ENCODER = "resnet18-saldanha2022"
TILE_PX = 1024
"""Side of a tile in px of level 0: 512 px at 0.5 um, of slides at 0.25."""


class SeedPaperOptions(Options):
    """Folder of the features, which of its two sites, and how many tiles every patient gets."""

    folder: str
    site: Literal["A", "B"]
    tiles: int = Field(default=16, ge=1)


def load_seed_paper(place: Place, options: SeedPaperOptions) -> SlideSource:
    """Write tables and feature files of one site, unless they are there; both targets, MSI and BRAF.

    Raises
    ------
    ConfigError
        If a patient has fewer tiles than asked for.
    InputError
        If the features are missing or damaged.
    """
    source = SlideSource(place.name, place.work / "clini.csv", place.work / "slides.csv", place.work / "features")
    if not claim(place, "seed_paper", options):
        _write(place, options, source)
        finish(place, "seed_paper", options)
    return source


def _write(place: Place, options: SeedPaperOptions, source: SlideSource) -> None:
    data = place.folder("folder", options.folder)
    tables, vectors, labels = [], [], {}
    for target, (folder, spellings) in TARGETS.items():
        table, features = _read(data / folder / options.site)
        tables.append(table)
        vectors.append(features)
        pairs = zip(table["patient"].tolist(), table["label"].tolist(), strict=True)
        labels[target] = {patient: spellings[label] for patient, label in pairs}
    everything, features = pd.concat(tables, ignore_index=True), np.concatenate(vectors)
    once = everything.drop_duplicates(["slide", "x", "y"])
    have = once["patient"].value_counts()
    if have.min() < options.tiles:
        fewest = f"patient {have.idxmin()} has {have.min()}"
        msg = f"cohort '{place.name}': tiles = {options.tiles}, and {fewest}; ask for no more than that"
        raise ConfigError(msg)
    rng = np.random.default_rng(place.seed)
    patients = sorted(once["patient"].unique())
    for patient in patients:
        rows = np.sort(rng.choice(once.index[once["patient"] == patient], options.tiles, replace=False))
        coords = everything.loc[rows, ["x", "y"]].to_numpy(np.int32)
        side = (int(coords[:, 0].max()) + TILE_PX, int(coords[:, 1].max()) + TILE_PX)
        attrs = describe(slide_size=side, mpp=0.25, tile_px=512, encoder=ENCODER)
        values = Features(patient, features[rows].astype("f2"), coords, attrs)
        write_features(source.features / f"{patient}.h5", values)
    write_csv(source.clini, ["PATIENT", *TARGETS], [[p, *(labels[t].get(p, "") for t in TARGETS)] for p in patients])
    write_csv(source.slides, ["PATIENT", "FILENAME"], [[p, f"{p}.h5"] for p in patients])


def _read(folder: Path) -> tuple[pd.DataFrame, np.ndarray]:
    try:
        table = pd.read_csv(folder / "tiles.csv", dtype={"patient": str, "slide": str})
        features = np.load(folder / "features.npy", allow_pickle=False)
    except (OSError, ValueError) as error:
        msg = f"{folder} can't be read as the seed paper's features ({error}); copy it again"
        raise InputError(msg) from error
    if not {"patient", "slide", "x", "y", "label"} <= set(table.columns) or len(table) != len(features):
        msg = f"{folder}: tiles.csv lacks a column or has other rows than features.npy; copy it again"
        raise InputError(msg)
    return table, features
