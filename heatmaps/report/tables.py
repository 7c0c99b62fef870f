"""How a heatmap was made, as tables: slide, model card, training, method."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from heatmaps.report.numbers import Numbers
from heatmaps.report.targets import found_words

if TYPE_CHECKING:
    from heatmaps.report.view import ReportInput

Row = tuple[str, str, bool]
"""Name, value, and whether the value is a hash."""


def tables(view: ReportInput) -> list[dict[str, Any]]:
    """Return heading, rows and note of each table."""
    w = view.words
    trained = [(name, value, len(value) > 40 and " " not in value) for name, value in flat(view.spec.provenance)]
    m = w.method(view.method)
    note = w("made.note_exact") if view.method.exact else w("made.note_other", **m)
    return [
        {"heading": w("made.slide"), "rows": _slide_rows(view), "note": None},
        {"heading": w("made.card"), "rows": _model_rows(view), "note": None},
        {"heading": w("made.trained"), "rows": trained, "note": None if trained else w("made.no_training")},
        {"heading": w("made.method"), "rows": _method_rows(view), "note": note},
    ]


def limits(view: ReportInput) -> list[str]:
    """Return what the heatmap does not say."""
    w = view.words
    own = w("limits.shares") if view.method.exact else w("limits.no_shares", **w.method(view.method))
    rest = [w(f"limits.{name}") for name in ("scales", "outlined", "uncalibrated", "research")]
    return [w("limits.model"), own, *rest]


def flat(value: Any, name: str = "") -> list[tuple[str, str]]:
    """Turn nested JSON values into rows of (dotted name, text); an empty mapping gives none."""
    if isinstance(value, dict):
        return [row for key, inner in value.items() for row in flat(inner, f"{name} · {key}" if name else str(key))]
    if isinstance(value, list) and any(isinstance(item, dict | list) for item in value):
        return [row for index, item in enumerate(value, 1) for row in flat(item, f"{name} {index}")]
    text = ", ".join(str(item) for item in value) if isinstance(value, list) else str(value)
    return [(name, text)]


def _slide_rows(view: ReportInput) -> list[Row]:
    w, numbers, slide, tiles = view.words, Numbers(view.words), view.facts["slide"], view.facts["tiles"]
    dropped = ", ".join(f"{numbers.count(count)} {reason}" for reason, count in tiles["dropped"].items())
    used = w("made.tiles_value", n=numbers.count(tiles["count"]), side=numbers.short(tiles["side_um"], 6))
    if tiles["overlap_px"]:
        used = w("made.tiles_overlap", tiles=used, overlap=tiles["overlap_px"], px=tiles["tile_px"])
    origin = w(f"made.origin_{slide['mpp_origin']}")
    size = w("made.size_value", width=numbers.count(slide["width"]), height=numbers.count(slide["height"]))
    return [
        (w("made.slide_id"), view.name, False),
        (w("made.size"), size, False),
        (w("made.resolution"), w("made.resolution_value", mpp=numbers.short(slide["mpp"], 6), origin=origin), False),
        (w("made.tiles_used"), used, False),
        (w("made.dropped"), dropped or w("made.none"), False),
    ]


def _model_rows(view: ReportInput) -> list[Row]:
    w, numbers, spec = view.words, Numbers(view.words), view.spec
    encoder, model = view.facts["encoder"], view.facts["model"]
    kind = w("made.kind_value" if spec.members == 1 else "made.ensemble", aggregator=spec.aggregator, n=spec.members)
    targets = "; ".join(
        w("made.target_value", name=one.name, positive=one.positive, negative=", ".join(one.negative))
        for one in spec.targets
    )
    read = spec.features
    reads = w(
        "made.features_value",
        dim=numbers.count(read.dim),
        um=numbers.short(read.tile_um, 6),
        mpp=numbers.short(read.mpp, 6),
    )
    return [
        (w("made.sha"), model["sha256"], True),
        (w("made.kind"), kind, False),
        (w("made.targets"), targets, False),
        (w("made.features_read"), reads, False),
        (w("made.encoder"), encoder["card"], False),
        (w("made.encoder_sha"), encoder["card_sha256"] or w("made.not_stated"), True),
        (w("made.weights_sha"), encoder["weights_sha256"] or w("made.no_weights"), True),
    ]


def _method_rows(view: ReportInput) -> list[Row]:
    w, numbers, m = view.words, Numbers(view.words), view.words.method(view.method)
    rows = [(w("made.method_name"), m["title"], False), *((*row, False) for row in flat(view.method.parameters()))]
    for one in view.targets:
        ends = numbers.clip(one.scale, 6)
        if not one.scale.signed:
            ends = w("made.to", clip=ends)
        value = w("made.scale_value", ends=ends, unit=m["unit"], rule=numbers.rule(one.scale))
        rows.append((w("made.scale", target=one.scores.target), value, False))
    for one in view.targets:
        for words in found_words(view, one.scores, numbers):
            rows.append((w("made.found", target=one.scores.target), words, False))
    return rows
