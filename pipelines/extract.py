"""Stage two: read the chosen tiles, encode them, write one feature file per slide."""

from __future__ import annotations

import time
from contextlib import closing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from pipelines.engine.batches import Batcher
from pipelines.engine.reading import read_in_order
from pipelines.errors import ConfigError, InputError, WsiSwarmError
from pipelines.features import Features, Tiles, describe, read_tiles, write_features
from pipelines.job import Claim, Job, Outcome, Summary, count, fingerprint
from pipelines.progress import progress
from pipelines.slides import Slide, SlideEntry, UnreadableRegion, list_slides, open_slide
from pipelines.tile import STAGE as TILE_STAGE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from pipelines.encoder import Encoder


@dataclass(frozen=True)
class ExtractOptions:
    """How tiles are read and encoded; none of it changes the result.

    Attributes
    ----------
    batch_size : tiles per call of the encoder.
    workers : threads that read tiles.
    allow_mpp : encode at an mpp that the encoder's card does not list.
    """

    batch_size: int = 64
    workers: int = 4
    allow_mpp: bool = False

    def __post_init__(self) -> None:
        """Refuse sizes that are not positive."""
        if self.batch_size < 1 or self.workers < 1:
            msg = f"--batch-size ({self.batch_size}) and --workers ({self.workers}) must be at least 1"
            raise ConfigError(msg)


@dataclass
class _Work:
    """One slide on its way through reader and encoder."""

    claim: Claim
    slide: Slide
    tiles: Tiles
    features: np.ndarray
    pending: int
    dropped: dict[int, UnreadableRegion] = field(default_factory=dict)


def extract_slides(
    source: Path,
    out: Path,
    encoder: Encoder,
    options: ExtractOptions = ExtractOptions(),
    slide_mpp: float | None = None,
    clock: Callable[[], float] = time.time,
) -> Summary:
    """Encode the tiles of every slide of a file, folder or table; a bad slide does not stop the others.

    Tiles stay uint8 until they are on the encoder's device, and batches run across slide borders. The bytes written
    do not depend on the number of workers, and a tile that cannot be read is dropped, counted and named.

    Parameters
    ----------
    source : slide file, folder or table, as given to ``tile_slides``.
    out : job folder that ``tile_slides`` has filled.
    encoder : what turns tiles into vectors.
    options : batch size, reading threads, whether the card's mpp range may be left.
    slide_mpp : µm per level-0 px; not needed, since the tile file remembers it, and refused where it differs.
    clock : seconds since the epoch.

    Raises
    ------
    InputError
        If there is no slide, or none of the job is tiled. Failures of single slides are in the summary.
    """
    entries = list_slides(source)
    started = clock()
    outcomes: dict[str, Outcome] = {}
    with Job(out, clock) as job, progress(None, f"extract {encoder.name}", "tile") as bar:
        if not any(job.tiles_file(entry.id).is_file() for entry in entries):
            msg = f"{out} holds no tiles of {source}; run `wsi-swarm tile {source} --out {out}` first"
            raise InputError(msg)
        run = _Extraction(job, encoder, options, slide_mpp, bar, outcomes)
        run.work_through(entries)
    ordered = tuple(outcomes[entry.id] for entry in entries)
    summary = Summary(_stage(encoder), job.folder, started, clock(), ordered)
    summary.write()
    return summary


def _stage(encoder: Encoder) -> str:
    return f"extract {encoder.name}"


class _Extraction:
    """The state of one run: slides are claimed as the reader reaches them and finished as their last tile returns."""

    def __init__(
        self,
        job: Job,
        encoder: Encoder,
        options: ExtractOptions,
        slide_mpp: float | None,
        bar: Any,
        outcomes: dict[str, Outcome],
    ) -> None:
        self._job, self._encoder, self._options, self._slide_mpp = job, encoder, options, slide_mpp
        self._bar, self._outcomes = bar, outcomes
        self._slides: set[Slide] = set()

    def work_through(self, entries: list[SlideEntry]) -> None:
        """Read, encode and write all slides."""
        batcher: Batcher[tuple[_Work, int]] = Batcher(self._encoder, self._options.batch_size, self._store)
        results = read_in_order(self._reads(entries), self._options.workers, self._options.batch_size * 2)
        try:
            with closing(results):
                for work, row, tile in results:
                    if isinstance(tile, UnreadableRegion):
                        work.dropped[row] = tile
                        self._tile_over(work)
                    else:
                        batcher.add(tile, (work, row))
            batcher.finish()
        finally:
            for slide in self._slides:
                slide.close()

    def _reads(self, entries: list[SlideEntry]) -> Iterator[tuple[_Work, int, Callable[[], np.ndarray]]]:
        for entry in entries:
            work = self._begin(entry)
            if work is None:
                continue
            side = work.tiles.attrs["tile_px_level0"]
            out_px = (work.tiles.attrs["tile_px"],) * 2
            for row, (x, y) in enumerate(work.tiles.coords.tolist()):
                # Bound now: the loop goes on long before a thread comes to read.
                yield work, row, lambda read=work.slide.read_region, x=x, y=y, s=side, o=out_px: read(x, y, s, s, o)

    def _begin(self, entry: SlideEntry) -> _Work | None:
        tiled = self._job.stage(entry.id, TILE_STAGE)
        encoder = self._encoder
        parameters = {
            "encoder": encoder.name,
            "encoder_card_sha256": encoder.card_sha256,
            "weights_sha256": encoder.weights_sha256,
            "tile_parameters_sha256": tiled.get("parameters_sha256", ""),
            "slide": fingerprint(entry.path),
        }
        outputs = [self._job.features_file(encoder.name, entry.id)]
        claim = self._job.claim(entry, _stage(encoder), parameters, outputs)
        if isinstance(claim, Outcome):
            self._outcomes[entry.id] = claim
            return None
        try:
            tiles = self._checked_tiles(entry, tiled)
            given = entry.mpp or self._slide_mpp
            remembered = tiles.attrs["mpp"] if tiles.attrs["mpp_origin"] == "given" else None
            slide = open_slide(entry.path, given or remembered)
            if slide.mpp != tiles.attrs["mpp"]:
                slide.close()
                msg = (
                    f"{entry.path} was tiled at {tiles.attrs['mpp']:g} µm per pixel, not {slide.mpp:g}; {_tile_again()}"
                )
                raise InputError(msg)
        except (WsiSwarmError, OSError) as error:
            self._outcomes[entry.id] = claim.failed(str(error))
            return None
        self._bar.total = (self._bar.total or 0) + len(tiles.coords)
        self._slides.add(slide)
        features = np.zeros((len(tiles.coords), encoder.dim), np.float16)
        return _Work(claim, slide, tiles, features, len(tiles.coords))

    def _checked_tiles(self, entry: SlideEntry, tiled: dict[str, Any]) -> Tiles:
        if not entry.path.exists():
            msg = f"{entry.path} does not exist"
            raise InputError(msg)
        if tiled.get("status") != "done" or not self._job.tiles_file(entry.id).is_file():
            msg = f"{entry.path} is not tiled in {self._job.folder}; {_tile_again()}"
            raise InputError(msg)
        if tiled["parameters"]["slide"] != fingerprint(entry.path):
            msg = f"{entry.path} has changed since it was tiled; {_tile_again()}"
            raise InputError(msg)
        tiles = read_tiles(self._job.tiles_file(entry.id))
        given, tiled_at = entry.mpp or self._slide_mpp, tiles.attrs["mpp"]
        if given is not None and given != tiled_at and tiles.attrs["mpp_origin"] == "given":
            msg = f"{entry.path} was tiled with --slide-mpp {tiled_at:g}, not {given:g}; {_tile_again()}"
            raise InputError(msg)
        supported, mpp = self._encoder.supported_mpp, tiles.attrs["requested_mpp"]
        if supported and not supported[0] <= mpp <= supported[1] and not self._options.allow_mpp:
            msg = (
                f"{entry.path} is tiled at {mpp:g} µm per pixel, but {self._encoder.name} was made for "
                f"{supported[0]:g}-{supported[1]:g}; tile it again with a fitting --mpp, or insist with --allow-mpp"
            )
            raise InputError(msg)
        return tiles

    def _store(self, tag: tuple[_Work, int], vector: np.ndarray) -> None:
        work, row = tag
        with np.errstate(over="ignore"):  # checked for the whole slide when it is finished
            work.features[row] = vector
        self._tile_over(work)

    def _tile_over(self, work: _Work) -> None:
        self._bar.update()
        work.pending -= 1
        if work.pending == 0:
            self._outcomes[work.claim.entry.id] = self._finish(work)

    def _finish(self, work: _Work) -> Outcome:
        self._slides.discard(work.slide)
        work.slide.close()
        kept = np.array([row not in work.dropped for row in range(len(work.features))])
        reasons = count([region.cause for region in work.dropped.values()])
        work.claim.details["dropped_tiles"] = [
            {"x": int(work.tiles.coords[row, 0]), "y": int(work.tiles.coords[row, 1]), "reason": str(region)}
            for row, region in sorted(work.dropped.items())
        ]
        if not kept.any():
            return work.claim.failed(f"{work.slide.path}: none of its {len(kept)} tiles can be read ({reasons})")
        if not np.isfinite(work.features[kept]).all():
            return work.claim.failed(f"{work.slide.path}: {self._encoder.name} gives values that float16 cannot hold")
        dropped = {**work.tiles.attrs["dropped"], **reasons}
        attrs = describe(
            slide_size=work.slide.size,
            mpp=work.slide.mpp,
            requested_mpp=work.tiles.attrs["requested_mpp"],
            tile_px=work.tiles.attrs["tile_px"],
            overlap_px=work.tiles.attrs["overlap_px"],
            encoder=self._encoder.name,
            encoder_card_sha256=self._encoder.card_sha256,
            weights_sha256=self._encoder.weights_sha256,
            reader=work.slide.reader,
            dropped=dropped,
        )
        path = self._job.features_file(self._encoder.name, work.claim.entry.id)
        try:
            write_features(path, Features(work.claim.entry.id, work.features[kept], work.tiles.coords[kept], attrs))
        except OSError as error:
            return work.claim.failed(f"{path} cannot be written: {error}")
        return work.claim.done({"tiles": int(kept.sum()), "dropped": dropped})


def _tile_again() -> str:
    return "run `wsi-swarm tile` first, with the same --out"
