"""Writes everything that people open of one explained slide."""

from __future__ import annotations

import hashlib
import json
from contextlib import nullcontext
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from heatmaps.drawing import figure, reading, render
from heatmaps.drawing.wording import percent
from heatmaps.exports.geojson import qupath_tiles
from heatmaps.exports.qupath_script import NAME as QUPATH_SCRIPT
from heatmaps.exports.qupath_script import qupath_script
from heatmaps.making.sheet import sheet_of
from heatmaps.report.slide_report import slide_report
from heatmaps.slide.absent_slide import AbsentSlide
from heatmaps.slide.facts import sidecar_facts
from heatmaps.slide.folder import SIDECAR, file_name
from heatmaps.slide.scores import score_table
from heatmaps.slide.shown_tiles import shown_tiles, tile_table
from pipelines.files import write_bytes, write_json, write_text
from pipelines.geojson import write_geojson
from pipelines.progress import progress

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    import numpy as np
    from tqdm import tqdm

    from heatmaps.drawing.colours import Scale
    from heatmaps.methods.relevance import Relevance
    from heatmaps.slide.explained import ExplainedSlide
    from heatmaps.slide.shown_tiles import ShownTile

TILE_QUALITY = 90
"""JPEG quality of the tiles' files."""
NO_PICTURES = (
    "the slide is not at hand: no tile pictures and no contact sheet; tiles/tiles.csv says where the tiles lie, and "
    "naming the slide gives their pictures"
)


class Outputs:
    """Writes into one folder and remembers each file's hash.

    File names carry the target only, and those of tiles a letter and a rank: no score, no predicted class and no true
    class, so that a listing of the folder doesn't unblind anybody.
    """

    def __init__(self, explained: ExplainedSlide, folder: Path, created: str, quiet: bool = False) -> None:
        self.explained, self.folder, self.created, self.quiet = explained, folder, created, quiet
        self.hashes: dict[str, str] = {}
        self._bar: tqdm | None = None

    def write(self) -> dict[str, Any]:
        """Write all files, and return the sidecar; its ``outputs`` name them, the report first."""
        explained = self.explained
        facts = sidecar_facts(explained, self.created)
        pictures = [explained.on_thumbnail(one) for one in explained.scores]
        ground = render.underlay(explained.thumbnail, explained.options.underlay)
        shown = [shown_tiles(explained, one) for one in explained.scores]
        absent = isinstance(explained.slide, AbsentSlide)
        count = 4 + (4 if absent else 5) * len(shown) + sum(tile.bare is not None for tiles in shown for tile in tiles)
        shows = nullcontext() if self.quiet else progress(count, f"heatmap of {explained.slide.id}", "file")
        with shows as self._bar:
            self._add("report.html", write_text, slide_report(explained, facts, ground, pictures, shown))
            self._add("scores.csv", write_text, score_table(explained.features, explained.scores))
            names = [file_name(one.target) for one in explained.scores]
            self._add(QUPATH_SCRIPT, write_text, qupath_script(explained, names))
            for index, values in enumerate(pictures):
                self._write_target(index, values, ground)
            self._write_tiles(shown)
            for one, tiles in zip(explained.scores, shown, strict=True):
                if not absent:
                    self._add(f"contact-{file_name(one.target)}.png", write_bytes, sheet_of(explained, one, tiles))
        self._remove_old(facts["key"])
        facts |= {"tile_pictures": NO_PICTURES} if absent else {}
        sidecar = {**facts, "outputs": self.hashes}
        # Last, so that a run that was cut off leaves no sidecar that vouches for its outputs.
        write_json(self.folder / SIDECAR, sidecar)
        return sidecar

    def _add(self, name: str, write: Callable[[Path, Any], None], content: Any) -> None:
        write(self.folder / name, content)
        self.hashes[name] = hashlib.sha256((self.folder / name).read_bytes()).hexdigest()
        if self._bar is not None:
            self._bar.update()

    def _remove_old(self, key: str) -> None:
        """Remove what an older heatmap of this slide left and this one lacks, such as the tiles of another target."""
        try:
            old = json.loads((self.folder / SIDECAR).read_text("utf-8"))
            names = set(old["outputs"]) if old["key"] != key else set()
        except (OSError, ValueError, KeyError, TypeError):
            return
        for name in sorted(names - self.hashes.keys()):
            path = self.folder / name
            if path.resolve().is_relative_to(self.folder.resolve()):
                path.unlink(missing_ok=True)

    def _write_target(self, index: int, values: np.ndarray, ground: np.ndarray) -> None:
        explained, signed = self.explained, self.explained.method.signed
        one, scale = explained.scores[index], explained.scales[index]
        name, legend = file_name(one.target), self._legend(one, scale)
        caption = reading.caption(explained.method, one.label)
        tinted = figure.Panel(render.overlay(ground, values, scale.clip, signed=signed), caption)
        stained = figure.Panel(explained.thumbnail, "H&E as scanned")
        for kind, panels in (("overlay", [tinted]), ("overview", [stained, tinted])):
            self._add(f"{kind}-{name}.png", write_bytes, figure.draw(panels, legend, scale, explained.bar))
        tiny = render.tint(explained.on_grid(one), scale.clip, signed)
        self._add(f"raw-{name}.png", write_bytes, render.encode_png(tiny))
        unsigned = "" if signed else explained.method.title
        tiles = qupath_tiles(explained.features, explained.scores, one, scale.clip, explained.model.sha256, unsigned)
        self._add(f"qupath-{name}.geojson", write_geojson, tiles)

    def _write_tiles(self, shown: Sequence[Sequence[ShownTile]]) -> None:
        named = [(one, file_name(one.target), tiles) for one, tiles in zip(self.explained.scores, shown, strict=True)]
        self._add("tiles/tiles.csv", write_text, tile_table(self.explained, named))
        for _, start, tiles in named:
            for tile in tiles:
                if tile.bare is not None:
                    data = render.encode_jpeg(tile.bare, TILE_QUALITY)
                    self._add(f"tiles/{start}-{tile.name}.jpg", write_bytes, data)

    def _legend(self, one: Relevance, scale: Scale) -> figure.Legend:
        method = self.explained.method
        slide, features = self.explained.slide, self.explained.features
        return figure.Legend(
            title=f"{slide.id}: {percent(one.probability)} probability of {one.label}",
            subtitle=reading.subtitle(one),
            notes=(
                *reading.method_lines(method, one, reading.tiles_line(slide, features)),
                f"Model {self.explained.model.sha256[:12]}, encoder {features.encoder}, "
                f"wsi-swarm {version('wsi-swarm')}.",
            ),
            ends=reading.bar_ends(method, one.label),
            numbers=reading.bar_numbers(method, scale),
        )
