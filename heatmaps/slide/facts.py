"""What the sidecar says of a heatmap."""

from __future__ import annotations

from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from heatmaps.drawing.colours import COLOUR_MAP, RISING_MAP, STRONG_FROM, WEAK_FROM
from heatmaps.drawing.wording import odds_factor
from heatmaps.methods import DEFAULT
from heatmaps.methods.attribution import Scores
from heatmaps.slide.key import FORMAT
from heatmaps.slide.scores import content_sha256

if TYPE_CHECKING:
    from heatmaps.drawing.colours import Scale
    from heatmaps.methods import Method
    from heatmaps.methods.relevance import Relevance
    from heatmaps.slide.explained import ExplainedSlide


def sidecar_facts(explained: ExplainedSlide, created: str) -> dict[str, Any]:
    """Return what the sidecar says of the heatmap, apart from its files."""
    slide, attrs, method = explained.slide, explained.features.attrs, explained.method
    return {
        "format": FORMAT,
        "key": explained.key,
        "software": f"wsi-swarm {version('wsi-swarm')}",
        "created": created,
        "slide": {
            "id": slide.id,
            "width": slide.size[0],
            "height": slide.size[1],
            "mpp": slide.mpp,
            "mpp_origin": slide.mpp_origin,
            **({"size_origin": attrs["size_origin"]} if "size_origin" in attrs else {}),
        },
        "tiles": {
            "count": len(explained.features.coords),
            "side_px_level0": explained.features.tile_px_level0,
            "side_um": explained.features.tile_um,
            "tile_px": attrs["tile_px"],
            "overlap_px": attrs["overlap_px"],
            "dropped": attrs["dropped"],
            "features_sha256": content_sha256(explained.features),
        },
        "encoder": {
            "card": explained.features.encoder,
            "card_sha256": attrs["encoder_card_sha256"],
            "weights_sha256": attrs["weights_sha256"],
        },
        "model": {
            "sha256": explained.model.sha256,
            "targets": [target.name for target in explained.model.spec.targets],
        },
        "method": method.title,
        **_method_facts(method),
        "parameters": {
            **explained.options.parameters(),
            "colour_map": COLOUR_MAP if method.signed else RISING_MAP,
            "qupath_weak_from": WEAK_FROM,
            "qupath_strong_from": STRONG_FROM,
        },
        "targets": [
            _target_facts(method, one, scale) for one, scale in zip(explained.scores, explained.scales, strict=True)
        ],
        "raw": {"origin_px_level0": list(explained.grid.origin), "pixel_px_level0": explained.grid.step},
    }


def _method_facts(method: Method) -> dict[str, Any]:
    """Return what the sidecar says of other methods than the default, whose sidecars stay as they were."""
    if method.name == DEFAULT:
        return {}
    facts = {"name": method.name, "unit": method.unit, "signed": method.signed, "exact": method.exact}
    return {"method_facts": {**facts, "settings": method.parameters()}}


def _target_facts(method: Method, one: Relevance, scale: Scale) -> dict[str, Any]:
    facts: dict[str, Any] = {
        "target": one.target,
        "positive": one.positive,
        "probability": one.probability,
        "logit": one.logit,
    }
    if isinstance(one, Scores):
        facts |= {"bias": one.bias, "contributions_sum": float(one.contribution.sum())}
    colours: dict[str, Any] = {"unit": method.unit, "clip": scale.clip}
    if method.unit.startswith("log-odds"):
        colours["clip_means"] = odds_factor(scale.clip)
    colours |= {"rule": scale.rule, "clipped_share": scale.clipped_share}
    details = {"details": one.details} if one.details else {}
    return {**facts, **details, "scale": colours}
