"""``wsi-swarm heatmap compare``: two models, or two scans of one slide."""

from __future__ import annotations

from pathlib import Path

import typer

from wsi_swarm.cli.choices import MethodName  # noqa: TC001 (typer reads it)


def compare(
    model: list[Path] = typer.Option(..., "--model", help="A model; give it twice to compare two."),
    features: list[Path] = typer.Option(
        ..., "--features", help="Feature file of the slide; give it twice to compare two scans, or one for each model."
    ),
    slide: list[Path] = typer.Option(
        [],
        "--slide",
        help="The slide's own file, to lie below the colours; without it the ground is plain. Of two scans give both: "
        "their pictures tell the shift more finely than tiles can.",
    ),
    slide_mpp: float | None = typer.Option(
        None, "--slide-mpp", help="Micrometres per pixel at full resolution, where the files don't say."
    ),
    target: list[str] = typer.Option(
        [], "--target", help="Target to compare; repeat it for several. All that both models have by default."
    ),
    method: MethodName = typer.Option(
        "contribution", "--method", help="How to explain; docs/heatmaps.md tells the methods apart."
    ),
    occlude: int | None = typer.Option(
        None, "--occlude", min=1, help="For occlusion: side in tiles of the squares that are taken away."
    ),
    out: Path | None = typer.Option(
        None,
        "--out",
        help="Folder for figures, places.csv, comparison.txt and comparison.json; by default nothing is written.",
    ),
    as_json: bool = typer.Option(False, "--json", help="Print the result as one JSON document."),
) -> None:
    """Say how alike two heatmaps of one slide are: of two models, or of two scanners with one model.

    Scans with different grids are compared on a common grid in µm, after a shift that is estimated and stated.
    """
    import json

    from heatmaps.comparison.run import run
    from heatmaps.comparison.text import as_json as to_json
    from heatmaps.comparison.text import table
    from heatmaps.methods import method_named

    found = run(model, features, method_named(method, occlude), target, slide, slide_mpp, out)
    typer.echo(json.dumps(to_json(found), indent=1, allow_nan=False) if as_json else table(found))
