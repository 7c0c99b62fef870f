"""One slide with its scores, laid out for drawing; and the facts about it that the sidecar keeps."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from heatmaps.drawing import raster
from heatmaps.drawing.colours import COLOUR_MAP, RISING_MAP, Scale, symmetric_scale, upward_scale
from heatmaps.drawing.scalebar import ScaleBar, scale_bar
from heatmaps.exports.geojson import STRONG_FROM, WEAK_FROM
from heatmaps.methods import DEFAULT, Method, method_named
from heatmaps.methods.attribution import Scores
from heatmaps.scores import cache_key, content_sha256
from heatmaps.wording import odds_factor

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from heatmaps.absent_slide import AnySlide
    from heatmaps.drawing.render import Underlay
    from heatmaps.methods.relevance import Relevance
    from models.model_file import Model
    from pipelines.features import Features

FORMAT = "wsi-swarm heatmap 1"
_LONGEST_SIDE_PX = 1400


@dataclass(frozen=True)
class Options:
    """How a heatmap is drawn; every field is part of the cache key.

    Attributes
    ----------
    underlay : "grey" or "he"
    clip : float, optional
        Fixed end of every colour scale in the method's unit, to compare slides; by default each slide has its own.
    method : str
        One of ``heatmaps.methods.METHODS``.
    occlude : int, optional
        Side in tiles of the squares that the method ``occlusion`` takes away.
    """

    underlay: Underlay = "grey"
    clip: float | None = None
    method: str = DEFAULT
    occlude: int | None = None

    def explainer(self) -> Method:
        """Return the method; ``ConfigError`` if there is none of this name or it lacks a setting."""
        return method_named(self.method, self.occlude)


@dataclass(frozen=True)
class ExplainedSlide:
    """A slide (open, or absent), model, tiles, one ``Relevance`` per target, and what follows from them."""

    slide: AnySlide
    model: Model
    features: Features
    scores: tuple[Relevance, ...]
    options: Options

    @cached_property
    def thumbnail(self) -> NDArray[np.uint8]:
        """The whole slide, (H, W, 3), its longer side at most about 1400 px."""
        return self.slide.thumbnail(self.slide.mpp * max(1.0, max(self.slide.size) / _LONGEST_SIDE_PX))

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) of the thumbnail in px."""
        return self.thumbnail.shape[1], self.thumbnail.shape[0]

    @cached_property
    def method(self) -> Method:
        """The method that the scores come from."""
        return self.options.explainer()

    @cached_property
    def scales(self) -> tuple[Scale, ...]:
        """One colour scale per target."""
        clip, fixed = self.options.clip, self.method.fixed_clip
        if self.method.signed:
            return tuple(symmetric_scale(one.values, clip) for one in self.scores)
        return tuple(upward_scale(one.values, clip, fixed) for one in self.scores)

    @cached_property
    def placement(self) -> raster.Placement:
        """Pixels of each tile on the thumbnail."""
        tiles = self.features
        return raster.place(tiles.coords, tiles.tile_px_level0, tiles.slide_size, self.size)

    @cached_property
    def grid(self) -> raster.Grid:
        """One pixel per tile step."""
        attrs = self.features.attrs
        step = self.features.tile_px_level0 * (attrs["tile_px"] - attrs["overlap_px"]) / attrs["tile_px"]
        return raster.tile_grid(self.features.coords, step, self.features.slide_size)

    @property
    def bar(self) -> ScaleBar:
        """Scale bar of the thumbnail."""
        return scale_bar(self.slide.mpp * self.slide.size[0] / self.size[0], self.size[0])

    def on_thumbnail(self, scores: Relevance) -> NDArray[np.float64]:
        """Relevance on the thumbnail, (H, W), overlapping tiles averaged, NaN where no tile lies."""
        return raster.average(scores.values, self.placement, self.size)

    def on_grid(self, scores: Relevance) -> NDArray[np.float64]:
        """Relevance with one pixel per tile step."""
        placement = raster.place_on_grid(self.features.coords, self.features.tile_px_level0, self.grid)
        return raster.average(scores.values, placement, self.grid.size)

    @cached_property
    def key(self) -> str:
        """Hash of all that the outputs follow from, the slide's pixels included."""
        parameters = {
            "software": version("wsi-swarm"),
            "format": FORMAT,
            "targets": [one.target for one in self.scores],
            "underlay": self.options.underlay,
            "clip": self.options.clip,
            "mpp_origin": self.slide.mpp_origin,
            "overview_sha256": hashlib.sha256(self.thumbnail.tobytes()).hexdigest(),
        }
        if self.method.parameters():
            parameters["method"] = self.method.parameters()
        return cache_key(self.model.sha256, content_sha256(self.features), self.method.title, parameters)

    def facts(self, created: str) -> dict[str, Any]:
        """Return what the sidecar says of the heatmap, apart from its files."""
        slide, attrs = self.slide, self.features.attrs
        return {
            "format": FORMAT,
            "key": self.key,
            "software": f"wsi-swarm {version('wsi-swarm')}",
            "created": created,
            "slide": {
                "id": slide.id,
                "width": slide.size[0],
                "height": slide.size[1],
                "mpp": slide.mpp,
                "mpp_origin": slide.mpp_origin,
            },
            "tiles": {
                "count": len(self.features.coords),
                "side_px_level0": self.features.tile_px_level0,
                "side_um": self.features.tile_um,
                "tile_px": attrs["tile_px"],
                "overlap_px": attrs["overlap_px"],
                "dropped": attrs["dropped"],
                "features_sha256": content_sha256(self.features),
            },
            "encoder": {
                "card": self.features.encoder,
                "card_sha256": attrs["encoder_card_sha256"],
                "weights_sha256": attrs["weights_sha256"],
            },
            "model": {"sha256": self.model.sha256, "targets": [target.name for target in self.model.spec.targets]},
            "method": self.method.title,
            **self._method_facts(),
            "parameters": {
                "underlay": self.options.underlay,
                "clip": self.options.clip,
                "colour_map": COLOUR_MAP if self.method.signed else RISING_MAP,
                "qupath_weak_from": WEAK_FROM,
                "qupath_strong_from": STRONG_FROM,
            },
            "targets": [self._target_facts(one, scale) for one, scale in zip(self.scores, self.scales, strict=True)],
            "raw": {"origin_px_level0": list(self.grid.origin), "pixel_px_level0": self.grid.step},
        }

    def _method_facts(self) -> dict[str, Any]:
        """Return what the sidecar says of other methods than the default, whose sidecars stay as they were."""
        method = self.method
        if method.name == DEFAULT:
            return {}
        facts = {"name": method.name, "unit": method.unit, "signed": method.signed, "exact": method.exact}
        return {"method_facts": {**facts, "settings": method.parameters()}}

    def _target_facts(self, one: Relevance, scale: Scale) -> dict[str, Any]:
        facts: dict[str, Any] = {
            "target": one.target,
            "positive": one.positive,
            "probability": one.probability,
            "logit": one.logit,
        }
        if isinstance(one, Scores):
            facts |= {"bias": one.bias, "contributions_sum": float(one.contribution.sum())}
        colours: dict[str, Any] = {"unit": self.method.unit, "clip": scale.clip}
        if self.method.unit.startswith("log-odds"):
            colours["clip_means"] = odds_factor(scale.clip)
        colours |= {"rule": scale.rule, "clipped_share": scale.clipped_share}
        details = {"details": one.details} if one.details else {}
        return {**facts, **details, "scale": colours}
