"""HTML pages from templates, in one way: everything is escaped, and a value that is missing is an error."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
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
