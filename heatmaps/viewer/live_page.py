"""The page of ``view``: the viewer, as large as the window, on tiles that a server on this computer gives."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from markupsafe import Markup

from heatmaps.viewer.document import viewer_document
from heatmaps.viewer.parts import OPENSEADRAGON, licence, viewer_parts, viewer_words
from heatmaps.viewer.slide_tiles import TILE_PX
from pipelines.page import content_policy, page_templates

if TYPE_CHECKING:
    from heatmaps.report.words import Words
    from heatmaps.viewer.folder import FolderLayers
    from pipelines.slides import Slide

_TEMPLATES = Path(__file__).parent / "parts"


def live_page(slide: Slide, shown: FolderLayers | None, words: Words) -> tuple[str, str]:
    """Return the page and its content policy.

    Parameters
    ----------
    slide : Slide
    shown : FolderLayers, optional
        The heatmap, if there is one.
    words : Words
    """
    layers, labels, top = ((), (), ()) if shown is None else (shown.layers, shown.labels, shown.top)
    titles = {layer.name: layer.title for layer in layers}
    overlap = shown is not None and shown.field.step < shown.field.side
    parts = viewer_parts(words, labels, list(titles.items()), overlap)
    css = (_TEMPLATES / "live.css").read_text("utf-8") + parts.css
    width, height = slide.size
    image = {
        "width": width,
        "height": height,
        "tile": TILE_PX,
        "tiles": "tiles/",
        "slide": [width, height],
        "mpp": slide.mpp,
    }
    field = None if shown is None else shown.field
    data = viewer_document(image, field, labels, layers, top, viewer_words(words), wheel=True)
    policy = content_policy([css], [parts.library, parts.script]).replace("img-src data:", "img-src 'self'")
    html = (
        page_templates(_TEMPLATES)
        .get_template("live.html.j2")
        .render(
            w=words,
            name=slide.id,
            csp=policy,
            # The project's own files and the vendored library; anything that came from a slide is escaped.
            css=Markup(css),  # noqa: S704
            scripts=[Markup(script) for script in (parts.library, parts.script)],  # noqa: S704
            viewer=parts.html,
            data=Markup(data),  # noqa: S704
            licence=licence(),
            openseadragon=OPENSEADRAGON,
        )
    )
    return html, policy
