"""The report of one slide: one HTML file that holds all it shows and asks no network for anything."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from markupsafe import Markup

from heatmaps import reading
from heatmaps.absent_slide import ORIGINS
from heatmaps.drawing import render
from heatmaps.drawing.colours import Scale, colour
from heatmaps.drawing.figure import signed_tick, ticks_of
from heatmaps.methods.attribution import Scores
from heatmaps.wording import odds_factor, percent, signed, times
from pipelines.page import content_policy, page_templates

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from heatmaps.drawing.raster import Placement
    from heatmaps.drawing.scalebar import ScaleBar
    from heatmaps.methods import Method
    from heatmaps.methods.relevance import Relevance

_TEMPLATES = Path(__file__).parent / "templates"
_RAMP_STEPS = 85
_RAMP_LEFT, _RAMP_WIDTH = 20, 680


@dataclass(frozen=True)
class TileCard:
    """A tile shown with its picture: row ``index`` of the feature file, ``name`` on the overlay, RGB or None."""

    index: int
    name: str
    picture: NDArray[np.uint8] | None


@dataclass(frozen=True)
class TargetView:
    """One target's part of the report.

    Attributes
    ----------
    scores : Relevance
    scale : Scale
    values : (H, W) float64
        Relevance on the thumbnail, NaN where no tile lies.
    best, worst : sequence of TileCard
        Strongest for and against; without a sign the highest, and none.
    """

    scores: Relevance
    scale: Scale
    values: NDArray[np.float64]
    best: Sequence[TileCard]
    worst: Sequence[TileCard]


@dataclass(frozen=True)
class ReportInput:
    """Everything that a report shows; ``facts`` are the sidecar's values."""

    method: Method
    facts: dict[str, Any]
    provenance: dict[str, Any]
    thumbnail: NDArray[np.uint8]
    ground: NDArray[np.uint8]
    placement: Placement
    coords_um: NDArray[np.float64]
    bar: ScaleBar
    apart_um: float
    targets: Sequence[TargetView]


def report_html(view: ReportInput) -> str:
    """Return the report as HTML text."""
    environment = page_templates(_TEMPLATES)
    css, js = ((_TEMPLATES / name).read_text("utf-8") for name in ("report.css", "report.js"))
    height, width = view.thumbnail.shape[:2]
    return environment.get_template("report.html.j2").render(
        csp=content_policy([css], [js]),
        # The project's own two files; anything that came from a slide or a model is escaped.
        css=Markup(css),  # noqa: S704
        js=Markup(js),  # noqa: S704
        slide=view.facts["slide"],
        created=view.facts["created"],
        software=view.facts["software"],
        wide=width > 1.8 * height,
        pictures={
            "he": _uri(render.encode_jpeg(view.thumbnail), "jpeg"),
            "ground": _uri(render.encode_jpeg(view.ground), "jpeg"),
            "outline": _outline_path(view.targets[0].values),
            "width": width,
            "height": height,
        },
        bar=_bar(view.bar, width),
        m=reading.report_words(view.method),
        targets=[_target(view, target) for target in view.targets],
        tables=_tables(view),
        limits=reading.limits(view.method),
    )


def _uri(data: bytes, kind: str) -> str:
    return f"data:image/{kind};base64,{base64.b64encode(data).decode()}"


def _outline_path(values: NDArray[np.float64]) -> str:
    covered = (~np.isnan(values)).astype(np.uint8)
    # Doubled, so that the border runs along pixel edges and not through pixel centres.
    large = cv2.resize(covered, None, fx=2, fy=2, interpolation=cv2.INTER_NEAREST)
    rings, _ = cv2.findContours(large, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_SIMPLE)
    return "".join("M" + "L".join(f"{x / 2:g} {y / 2:g}" for x, y in ring[:, 0]) + "Z" for ring in rings)


def _bar(bar: ScaleBar, width: int) -> dict[str, Any]:
    size = max(8.0, width / 36)
    return {
        "height": round(size * 1.6, 1),
        "y": round(size * 0.55, 1),
        "thick": round(size * 0.35, 1),
        "length": round(bar.length_px, 2),
        "text_x": round(bar.length_px + size * 0.4, 1),
        "text_y": round(size * 1.05, 1),
        "size": round(size, 1),
        "text": bar.text,
    }


def _target(view: ReportInput, target: TargetView) -> dict[str, Any]:
    scores, scale = target.scores, target.scale
    positive, negative = scores.values > 0, scores.values < 0
    spoken_for = float(scores.values[positive].sum())
    spoken_against = float(scores.values[negative].sum())
    where = ""
    if target.best:
        x_mm, y_mm = _place_mm(view, target.best[0].index)
        where = f"The strongest tile for {scores.label} lies {x_mm} mm from the left and {y_mm} mm from the top."
    return {
        **reading.target_words(view.method, scores, scale),
        "label": scores.label,
        "probability": percent(scores.probability),
        "logit": signed(scores.logit),
        "bias": signed(scores.bias) if isinstance(scores, Scores) else "",
        "sum_for": signed(spoken_for),
        "sum_against": signed(spoken_against),
        "sum_for_term": f"+ {abs(spoken_for):.3f}",
        "sum_against_term": f"− {abs(spoken_against):.3f}",
        "count_for": f"{int(positive.sum()):,}",
        "count_against": f"{int(negative.sum()):,}",
        "alt_where": where,
        "tint": _uri(render.encode_png(render.tint(target.values, scale.clip, scale.signed)), "png"),
        "markers": [_marker(view, card) for card in (*target.best, *target.worst)],
        "ramp": _ramp(scale),
        "ticks": _ticks(scale),
        "clip": f"{scale.clip:.3g}",
        "clipped": percent(scale.clipped_share),
        "odds": odds_factor(scale.clip),
        "sides": [
            _side(view, scores, target.best, "for"),
            *([_side(view, scores, target.worst, "against")] if scale.signed else []),
        ],
    }


def _ticks(scale: Scale) -> list[dict[str, Any]]:
    span = scale.clip - scale.low
    return [
        {
            "x": round(_RAMP_LEFT + _RAMP_WIDTH * (tick - scale.low) / span, 1),
            "text": signed_tick(tick) if scale.signed else f"{tick:.3g}",
        }
        for tick in ticks_of(scale)
    ]


def _ramp(scale: Scale) -> list[dict[str, Any]]:
    step = _RAMP_WIDTH / _RAMP_STEPS
    colours = colour(np.linspace(scale.low, scale.clip, _RAMP_STEPS), scale.clip, scale.signed)
    return [
        {"x": round(_RAMP_LEFT + index * step, 2), "width": round(step + 0.5, 2), "fill": f"#{r:02x}{g:02x}{b:02x}"}
        for index, (r, g, b) in enumerate(colours.tolist())
    ]


def _place_mm(view: ReportInput, index: int) -> tuple[str, str]:
    x, y = view.coords_um[index] / 1000
    return f"{x:.2f}", f"{y:.2f}"


def _marker(view: ReportInput, card: TileCard) -> dict[str, Any]:
    place, (height, width) = view.placement, view.thumbnail.shape[:2]
    left, right = int(place.left[card.index]), int(place.right[card.index])
    top, bottom = int(place.top[card.index]), int(place.bottom[card.index])
    size = max(width, height) / 38
    # Names of F tiles above and of A tiles below, because the two often are neighbours.
    above = top > size * 1.3 and (not card.name.startswith("A") or bottom > height - size * 1.3)
    text_y = top - size * 0.25 if above else bottom + size
    return {
        "x": left,
        "y": top,
        "width": right - left,
        "height": bottom - top,
        "name": card.name,
        "size": round(size, 1),
        "halo": round(size / 4, 1),
        "text_x": round(min(max((left + right) / 2, size), width - size), 1),
        "text_y": round(text_y, 1),
    }


def _side(view: ReportInput, scores: Relevance, cards: Sequence[TileCard], side: str) -> dict[str, Any]:
    count = len(cards)
    return {
        "css": f"{side}-list" if view.method.signed else "",
        "tone": side if view.method.signed else "",
        "heading": reading.tiles_heading(view.method, side, scores.label),
        "intro": f"The {count} strongest that lie at least {view.apart_um / 1000:.2g} mm apart, so that one finding "
        "doesn't fill the row. "
        f"The frame is the tile; around it lies its neighbourhood. {reading.tile_numbers(view.method)}",
        "none": f"No tile speaks {side} {scores.label}.",
        "tiles": [_card(view, scores, card, side) for card in cards],
    }


def _card(view: ReportInput, scores: Relevance, card: TileCard, side: str) -> dict[str, Any]:
    x_mm, y_mm = _place_mm(view, card.index)
    number = reading.tile_number(view.method, float(scores.values[card.index]))
    seen = "Tissue" if card.picture is not None else "Picture not readable:"
    return {
        "id": card.index,
        "name": card.name,
        "picture": None if card.picture is None else _uri(render.encode_jpeg(card.picture), "jpeg"),
        "px": 0 if card.picture is None else card.picture.shape[1],
        "alt": f"{seen} tile {card.name}, {reading.tile_alt(view.method, number, side, scores.label)}, "
        f"at {x_mm} mm from the left and {y_mm} mm from the top.",
        "contribution": number,
        "attention": times(float(scores.attention_x_uniform[card.index])) if isinstance(scores, Scores) else "",
        "x_mm": x_mm,
        "y_mm": y_mm,
    }


def _tables(view: ReportInput) -> list[dict[str, Any]]:
    facts = view.facts
    slide, tiles, encoder, model = (facts[name] for name in ("slide", "tiles", "encoder", "model"))
    origin = ORIGINS[slide["mpp_origin"]]
    dropped = ", ".join(f"{count} {reason}" for reason, count in tiles["dropped"].items()) or "none"
    overlap = f", overlapping by {tiles['overlap_px']} of {tiles['tile_px']} px" if tiles["overlap_px"] else ""
    rows_slide = [
        ("Slide", slide["id"], False),
        ("Size", f"{slide['width']:,} × {slide['height']:,} px", False),
        ("Resolution", f"{slide['mpp']:.6g} µm per pixel ({origin})", False),
        ("Tiles used", f"{tiles['count']:,} squares of {tiles['side_um']:g} µm{overlap}", False),
        ("Tiles dropped", dropped, False),
    ]
    rows_model = [
        ("Model file, SHA-256", model["sha256"], True),
        ("Encoder", encoder["card"], False),
        ("Encoder card, SHA-256", encoder["card_sha256"] or "not stated", True),
        ("Encoder weights, SHA-256", encoder["weights_sha256"] or "none (a fixed formula)", True),
        ("Targets of the model", ", ".join(model["targets"]), False),
    ]
    scales = [(f"Scale, {one.scores.target}", reading.scale_row(view.method, one.scale)) for one in view.targets]
    found = [
        (f"Found, {one.scores.target}", words)
        for one in view.targets
        for words in reading.detail_words(one.scores.details)
    ]
    settings = flat(view.method.parameters())
    rows_method = [("Method", view.method.title, False), *((*row, False) for row in (*settings, *scales, *found))]
    trained = [(name, value, len(value) > 40 and " " not in value) for name, value in flat(view.provenance)]
    missing = None if trained else "The model file says nothing of its training."
    return [
        {"heading": "Slide and tiles", "rows": rows_slide, "note": None},
        {"heading": "Model and encoder", "rows": rows_model, "note": None},
        {"heading": "Training of the model", "rows": trained, "note": missing},
        {"heading": "Method of the heatmap", "rows": rows_method, "note": reading.note(view.method)},
    ]


def flat(value: Any, name: str = "") -> list[tuple[str, str]]:
    """Turn nested JSON values into rows of (dotted name, text); an empty mapping gives none."""
    if isinstance(value, dict):
        return [row for key, inner in value.items() for row in flat(inner, f"{name} · {key}" if name else str(key))]
    if isinstance(value, list) and any(isinstance(item, dict | list) for item in value):
        return [row for index, item in enumerate(value, 1) for row in flat(item, f"{name} {index}")]
    text = ", ".join(str(item) for item in value) if isinstance(value, list) else str(value)
    return [(name, text)]
