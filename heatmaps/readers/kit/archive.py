"""The files of a kit and its zip: the same content gives the same bytes, with no time, owner or comment in them."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from heatmaps.readers.kit.page_content import wording
from heatmaps.readers.kit.questions import SIDES
from pipelines.page import content_policy, page_templates

if TYPE_CHECKING:
    from collections.abc import Mapping

_TEMPLATES = Path(__file__).parent / "templates"
_SCRIPTS = ("sha256.js", "store.js", "questions.js", "view.js", "kit.js")
MANIFEST = "MANIFEST.sha256"
_EARLIEST = (1980, 1, 1, 0, 0, 0)


def kit_texts(content: Mapping[str, Any]) -> dict[str, bytes]:
    """Return a kit's files besides the pictures and the manifest, by path."""
    environment = page_templates(_TEMPLATES)
    css, *scripts = ((_TEMPLATES / name).read_text("utf-8") for name in ("kit.css", *_SCRIPTS))
    js = "\n".join(scripts)
    words = wording(content["language"])
    # "</script>" in a text would end the block; the escape means the same in JSON.
    told = json.dumps({"kit": content, "words": words}, ensure_ascii=False, sort_keys=True).replace("<", "\\u003c")
    page = environment.get_template("kit.html.j2").render(
        csp=content_policy([css], [js], pictures=False) + "; img-src 'self' file: data:",
        # The project's own files, and JSON without "<"; everything else is escaped.
        css=Markup(css),  # noqa: S704
        js=Markup(js),  # noqa: S704
        told=Markup(told),  # noqa: S704
        kit=content,
        words=words,
        sides=SIDES if content["template"] == "heatmap-preference" else [""],
        cannot_judge=any(question.get("cannot_judge") for question in content["questions"]),
    )
    codebook = environment.get_template("codebook.html.j2").render(
        csp=content_policy([css]),
        css=Markup(css),  # noqa: S704
        kit=content,
        words=words,
    )
    readme = words["readme"].format(**{name: content[name] for name in ("title", "reader", "kit_sha256", "key_sha256")})
    return {"README.txt": readme.encode(), "codebook.html": codebook.encode(), "index.html": page.encode()}


def manifest(files: Mapping[str, bytes]) -> bytes:
    """Return the list of files with their hashes as ``sha256sum --check`` reads it."""
    lines = (f"{hashlib.sha256(data).hexdigest()}  {path}\n" for path, data in sorted(files.items()))
    return "".join(lines).encode()


def zip_bytes(files: Mapping[str, bytes]) -> bytes:
    """Return a zip of files, sorted and stored: compressed sizes would tell pictures apart again."""
    memory = io.BytesIO()
    with zipfile.ZipFile(memory, "w", zipfile.ZIP_STORED) as archive:
        for path, data in sorted(files.items()):
            entry = zipfile.ZipInfo(path, _EARLIEST)
            entry.create_system = 3
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, data)
    return memory.getvalue()
