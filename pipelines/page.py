"""HTML pages from templates, in one way: everything is escaped, and a value that is missing is an error."""

from __future__ import annotations

import base64
import hashlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import jinja2


def page_templates(folder: Path) -> jinja2.Environment:
    """Return the templates of a folder."""
    import jinja2  # commands that write no page start without it

    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(folder),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def content_policy(styles: Sequence[str], scripts: Sequence[str] = (), pictures: bool = True) -> str:
    """Return a content security policy that lets a page use these style sheets and scripts and nothing from outside.

    Parameters
    ----------
    styles, scripts
        Their whole text, as it stands between the tags.
    pictures
        Whether the page holds pictures as data URIs.
    """
    parts = ["default-src 'none'"]
    if pictures:
        parts.append("img-src data:")
    for kind, texts in (("style", styles), ("script", scripts)):
        if texts:
            digests = (base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in texts)
            parts.append(f"{kind}-src " + " ".join(f"'sha256-{digest}'" for digest in digests))
    return "; ".join([*parts, "base-uri 'none'", "form-action 'none'"])
