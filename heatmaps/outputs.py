"""Writes everything that people open of one explained slide."""

from __future__ import annotations

import hashlib
import json
import re
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from heatmaps import reading
from heatmaps.absent_slide import ORIGINS
from heatmaps.drawing import figure, render
from heatmaps.exports.geojson import qupath_tiles
from heatmaps.report.slide_report import slide_report
from heatmaps.scores import score_table
from heatmaps.wording import percent
from pipelines.files import write_bytes, write_json, write_text
from pipelines.geojson import write_geojson
from pipelines.progress import progress

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import numpy as np

    from heatmaps.drawing.colours import Scale
    from heatmaps.explained import ExplainedSlide
    from heatmaps.methods.relevance import Relevance

SIDECAR = "heatmap.json"


def unharmed_outputs(folder: Path, key: str) -> list[str] | None:
    """Return the outputs' names if the sidecar has this key and each output the hash it states, else None."""
    try:
        sidecar = json.loads((folder / SIDECAR).read_text("utf-8"))
        if sidecar["key"] != key:
            return None
        for name, digest in sidecar["outputs"].items():
            if hashlib.sha256((folder / name).read_bytes()).hexdigest() != digest:
                return None
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    return list(sidecar["outputs"])


def file_name(target: str) -> str:
    """Return a target's name as part of a file name: letters, digits, ``-`` and ``_`` stay."""
    plain = re.sub(r"[^A-Za-z0-9_-]+", "-", target).strip("-")
    # Two targets that differ in the replaced characters alone must not share a file.
    return plain if plain == target else f"{plain}-{hashlib.sha256(target.encode()).hexdigest()[:6]}".lstrip("-")


class Outputs:
    """Writes into one folder and remembers each file's hash.

    File names carry the target only: no score, no predicted class and no true class, so that a listing of the
    folder doesn't unblind anybody.
    """

    def __init__(self, explained: ExplainedSlide, folder: Path, created: str) -> None:
        self.explained, self.folder, self.created = explained, folder, created
        self.hashes: dict[str, str] = {}

    def write(self) -> list[str]:
        """Write all files and return their names, the report first."""
        explained = self.explained
        facts = explained.facts(self.created)
        pictures = [explained.on_thumbnail(one) for one in explained.scores]
        ground = render.underlay(explained.thumbnail, explained.options.underlay)
        with progress(2 + 4 * len(explained.scores), f"heatmap of {explained.slide.id}", "file") as self._bar:
            self._add("report.html", write_text, slide_report(explained, facts, ground, pictures))
            self._add("scores.csv", write_text, score_table(explained.features, explained.scores))
            for index, values in enumerate(pictures):
                self._write_target(index, values, ground)
        # Last, so that a run that was cut off leaves no sidecar that vouches for its outputs.
        write_json(self.folder / SIDECAR, {**facts, "outputs": self.hashes})
        return list(self.hashes)

    def _add(self, name: str, write: Callable[[Path, Any], None], content: Any) -> None:
        write(self.folder / name, content)
        self.hashes[name] = hashlib.sha256((self.folder / name).read_bytes()).hexdigest()
        self._bar.update()

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

    def _legend(self, one: Relevance, scale: Scale) -> figure.Legend:
        method = self.explained.method
        slide, features = self.explained.slide, self.explained.features
        dropped = sum(features.attrs["dropped"].values())
        return figure.Legend(
            title=f"{slide.id}: {percent(one.probability)} probability of {one.label}",
            subtitle=reading.subtitle(one),
            notes=(
                *reading.method_lines(
                    method,
                    one,
                    f"{len(features.coords):,} tiles of {features.tile_um:g} µm, {dropped:,} dropped; "
                    f"{slide.mpp:.4g} µm per pixel ({ORIGINS[slide.mpp_origin]}).",
                ),
                f"Model {self.explained.model.sha256[:12]}, encoder {features.encoder}, "
                f"wsi-swarm {version('wsi-swarm')}.",
            ),
            ends=reading.bar_ends(method, one.label),
            numbers=reading.bar_numbers(method, scale),
        )
