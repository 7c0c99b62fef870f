"""What a kit's page is told: nothing but this, so that nothing else can leak."""

from __future__ import annotations

import hashlib
import json
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from heatmaps.readers.kit.paths import layers
from heatmaps.readers.kit.questions import Checks, Prefer, Scale, Sides, asked_ids, in_language

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from heatmaps.readers.kit.item import Item
    from heatmaps.readers.kit.key import Key, Showing
    from heatmaps.readers.kit.questions import Language, Question

SCHEMA = "wsi-swarm-reader-kit/2"
_WORDING = Path(__file__).parent / "wording"
LETTERS = "ABCDEFGHIJ"


def wording(language: Language) -> dict[str, str]:
    """Return the page's own words in a language."""
    return tomllib.loads((_WORDING / f"{language}.toml").read_text("utf-8"))


def page_content(key: Key, key_sha256: str, reader: str, pictures: Mapping[str, str]) -> dict[str, Any]:
    """Return the content of one reader's page.

    Parameters
    ----------
    pictures
        Path in the kit to SHA-256. Together with the content they give the kit's hash, which the answers carry.
    """
    study = key.study
    language = next(one.language for one in study.readers if one.code == reader)
    letters = iter(LETTERS)
    items = {item.item: item for item in key.items}
    tiled = study.template == "tile-plausibility"
    frame = 1 / (1 + 2 * study.items.surroundings) if study.items.tile_um else study.items.frame
    field = study.items.tile_um / frame if study.items.tile_um and frame else study.items.field_um
    content = {
        "schema": SCHEMA,
        "template": study.template,
        "software": key.software,
        "study": study.name,
        "protocol": study.protocol,
        "reader": reader,
        "language": language,
        "title": in_language(study.title, language),
        "introduction": in_language(study.introduction, language),
        "key_sha256": key_sha256,
        "frame": frame if tiled and frame and frame < 1 else None,
        "go_back": study.design.go_back,
        "assistance": _assistance(key, language),
        "repeats": study.design.repeats > 0,
        "ranked": any(item.scores or item.scores_a for item in key.items),
        "questions": [page for question in study.questions for page in _question(question, language, letters)],
        "showings": [_showing(key, one, items[one.item], language, field) for one in key.showings[reader]],
    }
    sealed = json.dumps({"page": content, "pictures": dict(sorted(pictures.items()))}, sort_keys=True)
    return content | {"kit_sha256": hashlib.sha256(sealed.encode()).hexdigest()}


def _assistance(key: Key, language: Language) -> dict[str, Any] | None:
    how = key.study.assistance
    if how is None:
        return None
    return {
        "design": how.design,
        "output": in_language(how.output, language),
        "washout_days": how.washout_days,
        "not_before": how.not_before,
        "heatmap": any("ai" in item.heatmaps for item in key.items),
    }


def _showing(key: Key, one: Showing, item: Item, language: Language, field: float | None) -> dict[str, Any]:
    # A first answer is not commented on: the AI's output comes next.
    told: dict[str, Any] = {
        "id": one.opaque,
        "training": one.training,
        "feedback": "" if one.reading == "before" else item.feedback_in(language),
        "layers": {name: path for name, (path, _) in layers(item, one).items()},
    }
    shape = key.shapes.get(one.item)
    told |= {"field_um": (shape.side_um if shape else None) or field}
    if shape:
        told |= {"shape": [shape.width, shape.height]}
    if one.reading:
        told |= {"session": one.session, "reading": one.reading}
    if one.reading == "with":
        told |= {"ai": _percent(float(item.ai))}
    return told


def _percent(probability: float) -> dict[str, Any]:
    """Return a probability as the page shows it; what is not certain is not called 0 or 100 %."""
    whole = round(100 * probability)
    text = str(whole)
    if whole == 0 and probability > 0:
        text = "< 1"
    if whole == 100 and probability < 1:
        text = "> 99"
    return {"percent": whole, "text": f"{text} %"}


def _question(question: Question, language: Language, letters: Iterator[str]) -> Iterator[dict[str, Any]]:
    for name in asked_ids(question):
        asked: dict[str, Any] = {
            "id": name,
            "kind": "scale" if isinstance(question, Sides) else question.kind,
            "text": in_language(question.text, language),
        }
        asked["side"] = name.rsplit(".", 1)[1] if isinstance(question, Sides) else ""
        if isinstance(question, Checks):
            asked["options"] = [
                {
                    "id": option.id,
                    "key": next(letters),
                    "text": in_language(option.text, language),
                    "meaning": in_language(option.meaning, language),
                    "alone": option.alone,
                }
                for option in question.options
            ]
        else:
            asked["meaning"] = in_language(question.meaning, language)
            for end in ("low", "high"):
                if hasattr(question, end):
                    asked[end] = in_language(getattr(question, end), language)
            asked["cannot_judge"] = isinstance(question, Prefer) or (
                isinstance(question, Scale | Sides) and question.cannot_judge
            )
        yield asked
