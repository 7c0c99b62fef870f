"""What extraction is asked for: which features, and by that which parameters and files belong to a slide."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pipelines.errors import ConfigError, InputError
from pipelines.features import Tiles, read_tiles
from pipelines.job import TILE_STAGE, Plan, fingerprint
from pipelines.slides import READERS, open_slide

if TYPE_CHECKING:
    from pathlib import Path

    from pipelines.encoder import Encoder
    from pipelines.job import Job
    from pipelines.preparation import Preparation
    from pipelines.slides import Reader, Slide, SlideEntry


@dataclass(frozen=True)
class ExtractOptions:
    """How tiles are read and encoded.

    Attributes
    ----------
    batch_size : tiles per call of the encoder; halved by itself where the device's memory is too small.
    workers : threads (or tasks of a cluster) that read tiles; the result does not depend on it.
    allow_mpp : encode at an mpp that the encoder's card does not list.
    reader : what reads the pixels, as in ``open_slide``.
    """

    batch_size: int = 64
    workers: int = 4
    allow_mpp: bool = False
    reader: Reader = "auto"

    def __post_init__(self) -> None:
        """Refuse sizes that are not positive and readers that are not known."""
        if self.batch_size < 1 or self.workers < 1:
            msg = f"--batch-size ({self.batch_size}) and --workers ({self.workers}) must be at least 1"
            raise ConfigError(msg)
        if self.reader not in READERS:
            msg = f"--reader {self.reader} is unknown; choose one of {', '.join(READERS)}"
            raise ConfigError(msg)


DEFAULTS = ExtractOptions()


@dataclass(frozen=True)
class Recipe:
    """One encoder with one preparation, and how it is run; for a plan, the facts of an encoder will do."""

    encoder: Encoder
    preparation: Preparation
    options: ExtractOptions
    slide_mpp: float | None

    @property
    def name(self) -> str:
        """Name of the feature set: the encoder's card, and the normaliser where there is one."""
        return "+".join(part for part in (self.encoder.name, self.preparation.name) if part)

    @property
    def stage(self) -> str:
        """Name of the stage in state files."""
        return f"extract {self.name}"

    @property
    def card_sha256(self) -> str:
        """Identity of card and normaliser; augmentation does not make another kind of features."""
        if not self.preparation.name:
            return self.encoder.card_sha256
        look = json.dumps(
            self.preparation.parameters["normaliser"], sort_keys=True, separators=(",", ":"), allow_nan=False
        )
        return hashlib.sha256((self.encoder.card_sha256 + look).encode()).hexdigest()

    def parameters(self, job: Job, entry: SlideEntry) -> dict[str, Any]:
        """Return all that the features of a slide depend on."""
        prepared = {"preparation": self.preparation.parameters} if self.preparation.parameters else {}
        return {
            "encoder": self.encoder.name,
            "encoder_card_sha256": self.encoder.card_sha256,
            "weights_sha256": self.encoder.weights_sha256,
            "tile_parameters_sha256": job.stage(entry.id, TILE_STAGE).get("parameters_sha256", ""),
            "reader": self.options.reader,
            "slide": fingerprint(entry.path),
            **prepared,
        }

    def outputs(self, job: Job, entry: SlideEntry) -> list[Path]:
        """Return the feature files of a slide, one per variant."""
        return [job.features_file(self.name, entry.id, variant.folder) for variant in self.preparation.variants]

    def plan(self, job: Job, entry: SlideEntry) -> Plan:
        """Return what would be done with a slide, without touching anything."""
        parameters = self.parameters(job, entry)
        if parameters["weights_sha256"] is None:
            before = job.stage(entry.id, self.stage).get("parameters", {})
            parameters["weights_sha256"] = before.get("weights_sha256", "")
        plan = job.plan(entry, self.stage, parameters, self.outputs(job, entry))
        if plan.does:
            try:
                self.checked_tiles(job, entry)
            except InputError as error:
                tiled = job.stage(entry.id, TILE_STAGE).get("status") == "done"
                return Plan(entry.id, False, "tiles unfit" if tiled else "not tiled", str(error))
        return plan

    def checked_tiles(self, job: Job, entry: SlideEntry) -> Tiles:
        """Return the tiles of a slide; ``InputError`` where they do not fit the slide or the encoder."""
        if not entry.path.exists():
            msg = f"{entry.path} does not exist"
            raise InputError(msg)
        tiled = job.stage(entry.id, TILE_STAGE)
        if tiled.get("status") == "failed":
            msg = f"`wsi-swarm tile` could not tile it: {tiled.get('reason')}"
            raise InputError(msg)
        if tiled.get("status") != "done" or not job.tiles_file(entry.id).is_file():
            msg = f"{entry.path} is not tiled in {job.folder}; {_tile_again()}"
            raise InputError(msg)
        if tiled["parameters"].get("slide") != fingerprint(entry.path):
            msg = f"{entry.path} has changed since it was tiled; {_tile_again()}"
            raise InputError(msg)
        tiles = read_tiles(job.tiles_file(entry.id))
        given, tiled_at = entry.mpp or self.slide_mpp, tiles.attrs["mpp"]
        if given is not None and given != tiled_at and tiles.attrs["mpp_origin"] == "given":
            msg = f"{entry.path} was tiled with --slide-mpp {tiled_at:g}, not {given:g}; {_tile_again()}"
            raise InputError(msg)
        self._check_scale(entry, tiles)
        return tiles

    def _check_scale(self, entry: SlideEntry, tiles: Tiles) -> None:
        # What the network sees counts: tiles of 224 px that are resized to 448 px show half the µm per pixel.
        supported, mpp, tile_px = self.encoder.supported_mpp, tiles.attrs["requested_mpp"], tiles.attrs["tile_px"]
        resize_px = self.encoder.resize_px or tile_px
        seen = mpp * tile_px / resize_px
        if supported is None or supported[0] <= seen <= supported[1] or self.options.allow_mpp:
            return
        resized = (
            "" if resize_px == tile_px else f" and resized from {tile_px} to {resize_px} px ({seen:.3g} µm per pixel)"
        )
        msg = (
            f"{entry.path} is tiled at {mpp:g} µm per pixel{resized}, but {self.encoder.name} was made for "
            f"{supported[0]:g}-{supported[1]:g}; tile it again with a fitting --mpp and --tile-px {resize_px}, or "
            "insist with --allow-mpp"
        )
        raise InputError(msg)

    def open(self, entry: SlideEntry, tiles: Tiles) -> Slide:
        """Open a slide as it was opened when it was tiled; ``InputError`` where it says another mpp now."""
        remembered = tiles.attrs["mpp"] if tiles.attrs["mpp_origin"] == "given" else None
        slide = open_slide(entry.path, entry.mpp or self.slide_mpp or remembered, reader=self.options.reader)
        if slide.mpp != tiles.attrs["mpp"]:
            slide.close()
            msg = f"{entry.path} was tiled at {tiles.attrs['mpp']:g} µm per pixel, not {slide.mpp:g}; {_tile_again()}"
            raise InputError(msg)
        return slide


def _tile_again() -> str:
    return "run `wsi-swarm tile` first, with the same --out"
