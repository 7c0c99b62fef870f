"""What a kit's page is told: nothing but this, so that nothing else can leak."""

from __future__ import annotations

import hashlib
import json
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from heatmaps.readers.kit.study_file import Scale, in_language

if TYPE_CHECKING:
    from collections.abc import Mapping

    from heatmaps.readers.kit.key import Key
    from heatmaps.readers.kit.study_file import Checks, Language

SCHEMA = "wsi-swarm-reader-kit/1"
_WORDING = Path(__file__).parent / "wording"
LETTERS = "ABCDEFGHIJ"


def wording(language: Language) -> dict[str, str]:
    """Return the page's own words in a language."""
    return tomllib.loads((_WORDING / f"{language}.toml").read_text("utf-8"))


def picture_path(opaque: str) -> str:
    """Return where a picture lies in the kit."""
    return f"items/{opaque}.jpg"


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
    feedback = {item.item: item.feedback_in(language) for item in key.items}
    frame = 1 / (1 + 2 * study.items.surroundings) if study.items.tile_um else study.items.frame
    field = study.items.tile_um / frame if study.items.tile_um and frame else study.items.field_um
    content = {
        "schema": SCHEMA,
        "software": key.software,
        "study": study.name,
        "protocol": study.protocol,
        "reader": reader,
        "language": language,
        "title": in_language(study.title, language),
        "introduction": in_language(study.introduction, language),
        "key_sha256": key_sha256,
        "frame": frame if frame and frame < 1 else None,
        "field_um": field,
        "go_back": study.design.go_back,
        "questions": [_question(question, language, letters) for question in study.questions],
        "showings": [
            {"id": one.opaque, "training": one.training, "feedback": feedback[one.item]} for one in key.showings[reader]
        ],
    }
    sealed = json.dumps({"page": content, "pictures": dict(sorted(pictures.items()))}, sort_keys=True)
    return content | {"kit_sha256": hashlib.sha256(sealed.encode()).hexdigest()}


def _question(question: Checks | Scale, language: Language, letters: Any) -> dict[str, Any]:
    asked = {"id": question.id, "kind": question.kind, "text": in_language(question.text, language)}
    if isinstance(question, Scale):
        ends = {name: in_language(getattr(question, name), language) for name in ("meaning", "low", "high")}
        return asked | ends | {"cannot_judge": question.cannot_judge}
    return asked | {
        "options": [
            {
                "id": option.id,
                "key": next(letters),
                "text": in_language(option.text, language),
                "meaning": in_language(option.meaning, language),
                "alone": option.alone,
            }
            for option in question.options
        ]
    }
