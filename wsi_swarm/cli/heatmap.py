"""``wsi-swarm heatmap``: which tissue made the model say what it says of one slide."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import typer


def register(app: typer.Typer) -> None:
    """Add this command to the application."""
    app.command("heatmap")(heatmap)


def heatmap(
    slide: Path = typer.Argument(..., metavar="SLIDE", help="The slide: a file, or the folder of a DICOM slide."),
    model: Path = typer.Option(..., "--model", help="The model, as train or train-swarm wrote it."),
    features: Path = typer.Option(..., "--features", help="The feature file of this slide, as extract wrote it."),
    out: Path = typer.Option(..., "--out", help="Folder for the results; each slide gets a folder inside."),
    target: list[str] = typer.Option(
        [], "--target", help="Target to explain; repeat it for several. All of the model's targets by default."
    ),
    slide_mpp: float | None = typer.Option(
        None, "--slide-mpp", help="Micrometres per pixel at full resolution, for a slide whose file doesn't say."
    ),
    underlay: Literal["grey", "he"] = typer.Option(
        "grey", "--underlay", help="The tissue below the colours: grey, so that eosin is not taken for evidence, or he."
    ),
    clip: float | None = typer.Option(
        None,
        "--clip",
        help="Log-odds per tile at which the colours end. Give the same for all slides that you want to compare; "
        "by default it is the 99th percentile of each slide.",
    ),
    as_json: bool = typer.Option(False, "--json", help="Print the result as one JSON document."),
) -> None:
    """Explain a model's result for one slide: overlay, score table, QuPath tiles and a report as one HTML file.

    Each tile gets its exact share of the result. The probability is the one that predict gives for this slide.
    """
    import json
    from datetime import UTC, datetime

    from heatmaps.slide_heatmap import Options, make_heatmap

    made = make_heatmap(
        slide,
        model,
        features,
        out,
        targets=target,
        slide_mpp=slide_mpp,
        options=Options(underlay=underlay, clip=clip),
        created=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
    )
    if as_json:
        results = [
            {
                "target": one.target,
                "positive": one.positive,
                "probability": one.probability,
                "logit": one.logit,
                "bias": one.bias,
            }
            for one in made.scores
        ]
        document = {
            "slide": made.folder.name,
            "tiles": len(made.scores[0].contribution),
            "targets": results,
            "files": [str(path) for path in made.files],
            "reused": made.reused,
        }
        print(json.dumps(document, indent=1, allow_nan=False))
        return
    for one in made.scores:
        print(f"{one.target}_{one.positive}\t{one.probability!r}")
    for path in made.files:
        print(path)
