"""The report of one slide: one HTML file that holds all it shows and asks no network for anything."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from markupsafe import Markup

from heatmaps.report.evaluated import evaluation_part
from heatmaps.report.pyramid import pyramid
from heatmaps.report.stills import frame_of
from heatmaps.report.tables import limits, tables
from heatmaps.report.targets import target_part
from heatmaps.viewer.document import Layer, viewer_document
from heatmaps.viewer.parts import OPENSEADRAGON, licence, viewer_parts, viewer_words
from pipelines.page import content_policy, page_templates

if TYPE_CHECKING:
    from heatmaps.report.view import ReportInput

_TEMPLATES = Path(__file__).parent / "templates"


def report_html(view: ReportInput) -> str:
    """Return the report as HTML text."""
    w = view.words
    environment = page_templates(_TEMPLATES)
    css, js = ((_TEMPLATES / name).read_text("utf-8") for name in ("report.css", "report.js"))
    titles = {layer.method.name: w.method(layer.method)["title"] for layer in view.layers}
    scores = [target.scores for target in view.targets]
    labels = [one.label for one in scores]
    viewer = viewer_parts(w, labels, list(titles.items()), overlap=view.field.step < view.field.side)
    css += viewer.css
    return environment.get_template("report.html.j2").render(
        w=w,
        csp=content_policy([css], [viewer.library, viewer.script, js]),
        # The project's own files and the vendored library; anything that came from a slide or a model is escaped.
        css=Markup(css),  # noqa: S704
        scripts=[Markup(script) for script in (viewer.library, viewer.script, js)],  # noqa: S704
        viewer=viewer.html,
        data=Markup(_document(view)),  # noqa: S704
        name=view.name,
        absent=view.absent,
        created=view.facts["created"],
        software=view.facts["software"],
        frame=frame_of(view),
        method=view.method,
        m=w.method(view.method),
        targets=[target_part(view, index) for index in range(len(view.targets))],
        evaluation=[evaluation_part(w, *pair) for pair in zip(view.evaluated, scores, strict=False)],
        tables=tables(view),
        limits=limits(view),
        licence=licence(),
        openseadragon=OPENSEADRAGON,
    )


def _document(view: ReportInput) -> str:
    image = {**pyramid(view.overview), "slide": list(view.field.slide_size), "mpp": view.field.mpp}
    layers = [
        Layer(
            target=layer.target,
            name=layer.method.name,
            title=view.words.method(layer.method)["title"],
            unit=view.words.method(layer.method)["unit"],
            signed=layer.method.signed,
            clip=layer.scale.clip,
            values=layer.values,
        )
        for layer in view.layers
    ]
    top = [
        {"target": index, "tile": card.index, "name": card.name}
        for index, target in enumerate(view.targets)
        for card in (*target.best, *target.worst)
    ]
    labels = [target.scores.label for target in view.targets]
    return viewer_document(image, view.field, labels, layers, top, viewer_words(view.words))
