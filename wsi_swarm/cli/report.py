"""``wsi-swarm report``: a slide, or a cohort, as one page that can be handed on."""

from __future__ import annotations

from pathlib import Path

import typer

from wsi_swarm.cli.choices import LanguageName, MethodName  # noqa: TC001 (typer reads them)
from wsi_swarm.cli.clock import now


def register(app: typer.Typer) -> None:
    """Add this command to the application."""
    app.command("report")(report)


def report(
    slide: Path | None = typer.Argument(
        None,
        metavar="SLIDE",
        show_default=False,
        help="The slide: a file, or the folder of a DICOM slide. Without it the features alone give the map.",
    ),
    out: Path = typer.Option(..., "--out", help="The page to write, one HTML file that holds everything."),
    model: Path | None = typer.Option(None, "--model", help="The model, as train or train-swarm wrote it."),
    features: Path | None = typer.Option(None, "--features", help="The feature file of this slide."),
    cohort: Path | None = typer.Option(
        None, "--cohort", help="Instead of one slide: a folder that heatmap filled, for one page of all its slides."
    ),
    evaluation: Path | None = typer.Option(
        None, "--evaluation", help="Folder of evaluate --out: its locked thresholds and calibration are shown."
    ),
    language: LanguageName = typer.Option("en", "--language", help="Of the page."),
    identify: bool = typer.Option(
        False,
        "--identify",
        help="Show the slide's id, which may hold a patient's name; else a short code stands for it.",
    ),
    pdf: Path | None = typer.Option(None, "--pdf", help="Write the page as PDF, too; needs wsi-swarm[pdf]."),
    target: list[str] = typer.Option([], "--target", help="Target to show; repeat it. All of the model's by default."),
    method: MethodName = typer.Option(
        "contribution", "--method", help="Method of figures and tiles; the viewer holds all cheap ones besides."
    ),
    clip: float | None = typer.Option(None, "--clip", help="Number per tile at which the colours end."),
    slide_mpp: float | None = typer.Option(
        None, "--slide-mpp", help="Micrometres per pixel at full resolution, for a slide whose file doesn't say."
    ),
    overview_px: int = typer.Option(4096, "--overview-px", help="Longest side of the viewer's picture."),
    as_json: bool = typer.Option(False, "--json", help="Print the result as one JSON document."),
) -> None:
    """Write a page that opens anywhere: result, zoomable heatmap, strongest tiles, model card and limits.

    No identifier of the slide, no label and no macro image is in it unless --identify asks for the id.
    """
    import json

    from heatmaps.report.choose import PageAsked, write_page
    from heatmaps.slide.options import Options

    asked = PageAsked(
        slide=slide,
        model=model,
        features=features,
        cohort=cohort,
        evaluation=evaluation,
        language=language,
        identify=identify,
        targets=tuple(target),
        options=Options(clip=clip, method=method),
        slide_mpp=slide_mpp,
        overview_px=overview_px,
        created=now(),
    )
    written = write_page(asked, out, pdf)
    if as_json:
        print(json.dumps(written.document, indent=1, allow_nan=False))
        return
    for path in written.files:
        print(path)
