"""One slide with its scores, laid out for drawing; and the facts about it that the sidecar keeps."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from heatmaps import raster
from heatmaps.attribution import METHOD
from heatmaps.colours import COLOUR_MAP, Scale, symmetric_scale
from heatmaps.geojson import STRONG_FROM, WEAK_FROM
from heatmaps.scalebar import ScaleBar, scale_bar
from heatmaps.scores import cache_key, content_sha256
from heatmaps.wording import odds_factor

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from heatmaps.attribution import Scores
    from heatmaps.render import Underlay
    from models.model_file import Model
    from pipelines.features import Features
    from pipelines.slides import Slide

FORMAT = "wsi-swarm heatmap 1"
_LONGEST_SIDE_PX = 1400


@dataclass(frozen=True)
class Options:
    """How a heatmap is drawn; every field is part of the cache key.

    Attributes
    ----------
    underlay : "grey" or "he"
    clip : float, optional
        Fixed end of every colour scale in log-odds, to compare slides; by default each slide has its own.
    """

    underlay: Underlay = "grey"
    clip: float | None = None


@dataclass(frozen=True)
class ExplainedSlide:
    """A slide (open), the model, the slide's tiles, one ``Scores`` per target, and what follows from them."""

    slide: Slide
    model: Model
    features: Features
    scores: tuple[Scores, ...]
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
    def scales(self) -> tuple[Scale, ...]:
        """One colour scale per target."""
        return tuple(symmetric_scale(one.contribution, self.options.clip) for one in self.scores)

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

    def on_thumbnail(self, scores: Scores) -> NDArray[np.float64]:
        """Contributions on the thumbnail, (H, W), overlapping tiles averaged, NaN where no tile lies."""
        return raster.average(scores.contribution, self.placement, self.size)

    def on_grid(self, scores: Scores) -> NDArray[np.float64]:
        """Contributions with one pixel per tile step."""
        placement = raster.place_on_grid(self.features.coords, self.features.tile_px_level0, self.grid)
        return raster.average(scores.contribution, placement, self.grid.size)

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
        return cache_key(self.model.sha256, content_sha256(self.features), METHOD, parameters)

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
            "method": METHOD,
            "parameters": {
                "underlay": self.options.underlay,
                "clip": self.options.clip,
                "colour_map": COLOUR_MAP,
                "qupath_weak_from": WEAK_FROM,
                "qupath_strong_from": STRONG_FROM,
            },
            "targets": [_target_facts(one, scale) for one, scale in zip(self.scores, self.scales, strict=True)],
            "raw": {"origin_px_level0": list(self.grid.origin), "pixel_px_level0": self.grid.step},
        }


def _target_facts(one: Scores, scale: Scale) -> dict[str, Any]:
    return {
        "target": one.target,
        "positive": one.positive,
        "probability": one.probability,
        "logit": one.logit,
        "bias": one.bias,
        "contributions_sum": float(one.contribution.sum()),
        "scale": {
            "unit": "log-odds per tile",
            "clip": scale.clip,
            "clip_means": odds_factor(scale.clip),
            "rule": scale.rule,
            "clipped_share": scale.clipped_share,
        },
    }
