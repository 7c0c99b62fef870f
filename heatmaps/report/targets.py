"""One target's part of the report: result in words, picture, how to read it, its strongest tiles."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from heatmaps.drawing import render
from heatmaps.methods.attribution import Scores
from heatmaps.report.data_uri import data_uri
from heatmaps.report.evaluated import main_point
from heatmaps.report.numbers import Numbers
from heatmaps.report.stills import still_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from heatmaps.methods.relevance import Relevance
    from heatmaps.report.view import ReportInput, TargetView
    from heatmaps.slide.shown_tiles import ShownTile


def target_part(view: ReportInput, index: int) -> dict[str, Any]:
    """Return what the template shows of the target of this index."""
    target, numbers = view.targets[index], Numbers(view.words)
    scores = target.scores
    positive, negative = scores.values > 0, scores.values < 0
    sums = {"for": float(scores.values[positive].sum()), "against": float(scores.values[negative].sum())}
    return {
        "index": index,
        "label": scores.label,
        "probability": numbers.percent(scores.probability),
        "bar": round(298 * scores.probability, 1),
        "call": _call(view, index, numbers),
        "logit": numbers.signed(scores.logit),
        "bias": numbers.signed(scores.bias) if isinstance(scores, Scores) else "",
        "sum_for": numbers.signed(sums["for"]),
        "sum_against": numbers.signed(sums["against"]),
        "for_term": f"+ {numbers.fixed(abs(sums['for']), 3)}",
        "against_term": f"− {numbers.fixed(abs(sums['against']), 3)}",
        "count_for": numbers.count(int(positive.sum())),
        "count_against": numbers.count(int(negative.sum())),
        **_words(view, target, numbers, int(positive.sum()), int(negative.sum())),
        **still_of(view, target, numbers),
        "sides": _sides(view, index, numbers),
    }


def _call(view: ReportInput, index: int, numbers: Numbers) -> dict[str, Any] | None:
    """Return what the locked threshold says of the slide, in words and as a place on a bar of 298 px."""
    point = main_point(view.evaluated[index]) if view.evaluated else None
    if point is None:
        return None
    scores, threshold = view.targets[index].scores, point["threshold"]
    side = "positive" if scores.probability >= threshold else "negative"
    told = {"threshold": numbers.short(threshold, 4), "percent": f"{100 * point['wanted']:g} %"}
    return {
        "x": round(1 + 298 * threshold, 1),
        "words": view.words(f"evaluation.{side}", label=scores.label),
        "beside": view.words("evaluation.beside", **told),
    }


def found_words(view: ReportInput, scores: Relevance, numbers: Numbers) -> list[str]:
    """Return what a method recorded of one target, in words."""
    found, w = [], view.words
    if "completeness_error" in scores.details:
        error = w.number(f"{scores.details['completeness_error']:+.1e}").replace("-", "−", 1)
        found.append(w("made.found_completeness", value=error))
    if "occluded_side_tiles" in scores.details:
        found.append(w("made.found_occlusion", side=numbers.count(scores.details["occluded_side_tiles"])))
    return found


def _words(view: ReportInput, target: TargetView, numbers: Numbers, speak_for: int, against: int) -> dict[str, str]:
    w, scores, scale = view.words, target.scores, target.scale
    m, label = w.method(view.method), scores.label
    where = ""
    if target.best:
        x_mm, y_mm = _place_mm(view, target.best[0].index, numbers)
        where = w("target.where", label=label, x=x_mm, y=y_mm)
    found = "; ".join(found_words(view, scores, numbers))
    kind = "signed" if view.method.signed else "rising"
    low, high = (numbers.significant(end) for end in (-scale.clip, scale.clip))
    end = {"clip": numbers.short(scale.clip), "odds": numbers.odds(scale.clip)}
    clipped = numbers.percent(scale.clipped_share)
    if not view.method.exact:
        end = {"clip": numbers.clip(scale), "title": m["title"], "unit": m["unit"]}
    return {
        "found": f"{found[0].upper()}{found[1:]}." if found else "",
        "heading": w(f"target.heading_{kind}", label=label, title=m["title"]),
        "caption": w(f"target.{kind}", label=label, title=_capital(m["title"])),
        "alt": w(
            f"target.alt_{kind}",
            label=label,
            title=_capital(m["title"]),
            where=where,
            n_for=numbers.count(speak_for),
            n_against=numbers.count(against),
        ),
        "scale_words": w(
            f"target.scale_{kind}",
            label=label,
            low=low,
            high=high if view.method.signed else numbers.short(scale.clip),
            unit=m["unit"],
        ),
        "unit_words": w(f"target.unit_{'exact' if view.method.exact else 'other'}", clipped=clipped, **end),
    }


def _sides(view: ReportInput, index: int, numbers: Numbers) -> list[dict[str, Any]]:
    target = view.targets[index]
    if not view.method.signed:
        return [_side(view, target, target.best, "high", numbers)]
    return [
        _side(view, target, cards, side, numbers) for cards, side in ((target.best, "for"), (target.worst, "against"))
    ]


def _side(
    view: ReportInput, target: TargetView, cards: Sequence[ShownTile], side: str, numbers: Numbers
) -> dict[str, Any]:
    w, m, label = view.words, view.words.method(view.method), target.scores.label
    intro = w("tiles.intro", n=len(cards), mm=numbers.short(view.apart_um / 1000, 2))
    number = w("tiles.number_exact") if view.method.exact else w("tiles.number_other", **m)
    return {
        "css": f"{side}-list",
        "tone": side,
        "heading": w(f"tiles.heading_{side}", label=label, title=m["title"]),
        "intro": intro + " " + number,
        "none": w("tiles.none_against" if side == "against" else "tiles.none_for", label=label),
        "tiles": [_card(view, target.scores, card, side, numbers) for card in cards],
    }


def _card(view: ReportInput, scores: Relevance, card: ShownTile, side: str, numbers: Numbers) -> dict[str, Any]:
    w = view.words
    x_mm, y_mm = _place_mm(view, card.index, numbers)
    number = numbers.tile(view.method, float(scores.values[card.index]))
    kind = side if view.method.signed else "other"
    told = w(f"tiles.alt_{kind}", number=number, label=scores.label, **w.method(view.method))
    seen = w("tiles.unseen" if card.picture is None else "tiles.seen")
    attention = ""
    if isinstance(scores, Scores):
        attention = w("tiles.attention", times=numbers.times(float(scores.attention_x_uniform[card.index])))
    return {
        "id": card.index,
        "name": card.name,
        "picture": None if card.picture is None else data_uri(render.encode_jpeg(card.picture), "jpeg"),
        "px": 0 if card.picture is None else card.picture.shape[1],
        "alt": w("tiles.alt", seen=seen, name=card.name, number=told, x=x_mm, y=y_mm),
        "number": number,
        "attention": attention,
        "place": w("tiles.place", x=x_mm, y=y_mm, id=card.index),
    }


def _place_mm(view: ReportInput, index: int, numbers: Numbers) -> tuple[str, str]:
    x, y = view.coords_um[index] / 1000
    return numbers.fixed(x), numbers.fixed(y)


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
