"""``wsi-swarm heatmap``: which tissue made the model say what it says of one slide."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar, Literal

import typer

from wsi_swarm.cli.branching import Branching
from wsi_swarm.cli.heatmap_evaluate import evaluate

MethodName = Literal["contribution", "attention", "single", "ig", "occlusion"]


class _Heatmap(Branching):
    branches: ClassVar = {"evaluate": evaluate}


def register(app: typer.Typer) -> None:
    """Add this command to the application."""
    app.command("heatmap", cls=_Heatmap, epilog="How true heatmaps are: wsi-swarm heatmap evaluate --help")(heatmap)


def heatmap(
    slide: Path | None = typer.Argument(
        None,
        metavar="SLIDE",
        show_default=False,
        help="The slide: a file, or the folder of a DICOM slide. Without it the features alone give the map, on a "
        "plain ground.",
    ),
    model: Path = typer.Option(..., "--model", help="The model, as train or train-swarm wrote it."),
    features: Path = typer.Option(..., "--features", help="The feature file of this slide, as extract wrote it."),
    out: Path = typer.Option(..., "--out", help="Folder for the results; each slide gets a folder inside."),
    target: list[str] = typer.Option(
        [], "--target", help="Target to explain; repeat it for several. All of the model's targets by default."
    ),
    slide_mpp: float | None = typer.Option(
        None, "--slide-mpp", help="Micrometres per pixel at full resolution, for a slide whose file doesn't say."
    ),
    method: MethodName = typer.Option(
        "contribution",
        "--method",
        help="How to explain: contribution (exact shares of the result), attention, single (each tile as a slide of "
        "its own), ig (integrated gradients) or occlusion; docs/heatmaps.md tells them apart.",
    ),
    occlude: int | None = typer.Option(
        None,
        "--occlude",
        min=1,
        help="For occlusion: side in tiles of the squares that are taken away; 1 takes single tiles. "
        "By default as small as time allows.",
    ),
    underlay: Literal["grey", "he"] = typer.Option(
        "grey", "--underlay", help="The tissue below the colours: grey, so that eosin is not taken for evidence, or he."
    ),
    clip: float | None = typer.Option(
        None,
        "--clip",
        help="Number per tile (log-odds, or the method's unit) at which the colours end. Give the same for all slides "
        "that you want to compare; by default it is the 99th percentile of each slide, and 1 for probabilities.",
    ),
    export: list[str] = typer.Option(
        [],
        "--export",
        help="Also write ome-tiff, deepzoom, histomics, tiatoolbox or dicom; repeat it for several. What an earlier "
        "run exported stays.",
    ),
    as_json: bool = typer.Option(False, "--json", help="Print the result as one JSON document."),
) -> None:
    """Explain a model's result for one slide: overlay, score table, QuPath tiles and a report as one HTML file.

    By default each tile gets its exact share of the result. The probability is the one that predict gives.
    """
    import json
    from datetime import UTC, datetime

    from heatmaps.methods.attribution import Scores
    from heatmaps.reading import detail_words
    from heatmaps.slide_heatmap import Options, make_heatmap

    made = make_heatmap(
        slide,
        model,
        features,
        out,
        targets=target,
        slide_mpp=slide_mpp,
        options=Options(underlay=underlay, clip=clip, method=method, occlude=occlude),
        created=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        exports=export,
    )
    if as_json:
        results = [
            {
                "target": one.target,
                "positive": one.positive,
                "probability": one.probability,
                "logit": one.logit,
                **({"bias": one.bias} if isinstance(one, Scores) else {}),
                **({"details": one.details} if one.details else {}),
            }
            for one in made.scores
        ]
        document = {
            "slide": made.folder.name,
            "method": method,
            "tiles": len(made.scores[0].values),
            "targets": results,
            "files": [str(path) for path in made.files],
            "reused": made.reused,
        }
        print(json.dumps(document, indent=1, allow_nan=False))
        return
    for one in made.scores:
        print(f"{one.target}_{one.positive}\t{one.probability!r}")
        for words in detail_words(one.details):
            print(f"{one.target}_{one.positive}\t{words}")
    for path in made.files:
        print(path)
