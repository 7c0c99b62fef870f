"""``wsi-swarm heatmap``: which tissue made the model say what it says of one slide, or of a cohort's."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import typer

from wsi_swarm.cli.branching import Branching
from wsi_swarm.cli.choices import MethodName  # noqa: TC001 (typer reads it)
from wsi_swarm.cli.clock import now
from wsi_swarm.cli.heatmap_compare import compare
from wsi_swarm.cli.heatmap_evaluate import evaluate

if TYPE_CHECKING:
    from collections.abc import Sequence

    from heatmaps.slide.options import Options

_MANY = "Many slides"


class _Heatmap(Branching):
    branches: ClassVar = {"evaluate": evaluate, "compare": compare}


def register(app: typer.Typer) -> None:
    """Add this command to the application."""
    epilog = (
        "How true heatmaps are: wsi-swarm heatmap evaluate --help. "
        "Two models, or two scans of one slide: wsi-swarm heatmap compare --help"
    )
    app.command("heatmap", cls=_Heatmap, epilog=epilog)(heatmap)


def heatmap(
    slide: Path | None = typer.Argument(
        None,
        metavar="SLIDE",
        show_default=False,
        help="The slide: a file, or the folder of a DICOM slide. Without it the features alone give the map, on a "
        "plain ground.",
    ),
    model: list[Path] = typer.Option(
        ...,
        "--model",
        help="The model, as train or train-swarm wrote it; repeat it for several, each with a folder of its own in "
        "--out.",
    ),
    features: Path | None = typer.Option(
        None,
        "--features",
        show_default=False,
        help="The feature file of this slide, as extract wrote it; with a slide table, the folder of feature files.",
    ),
    out: Path = typer.Option(..., "--out", help="Folder for the results; each slide gets a folder inside."),
    cohort: Path | None = typer.Option(
        None,
        "--cohort",
        help="Instead of SLIDE: a slide table with PATIENT and FILENAME, or a folder of feature files. A slide that "
        "fails is named and the others go on (exit code 5); the same command again does only what is left.",
        rich_help_panel=_MANY,
    ),
    slides: Path | None = typer.Option(
        None,
        "--slides",
        help="Folder or table of the cohort's slides; without it the features alone give the maps.",
        rich_help_panel=_MANY,
    ),
    target: list[str] = typer.Option(
        [], "--target", help="Target to explain; repeat it for several. All of the model's targets by default."
    ),
    slide_mpp: float | None = typer.Option(
        None, "--slide-mpp", help="Micrometres per pixel at full resolution, where slide or feature file don't say."
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
    clip: str | None = typer.Option(
        None,
        "--clip",
        help="Number per tile (log-odds, or the method's unit) at which the colours end, the same for all slides that "
        "you want to compare; or the word cohort: one end for all slides of --cohort. By default it is the 99th "
        "percentile of each slide, and 1 for probabilities.",
    ),
    top: int = typer.Option(6, "--top", help="Tiles shown on each side, at most; they lie apart from each other."),
    export: list[str] = typer.Option(
        [],
        "--export",
        help="Also write ome-tiff, deepzoom, histomics, tiatoolbox or dicom; repeat it for several. What an earlier "
        "run exported stays.",
    ),
    as_json: bool = typer.Option(False, "--json", help="Print the result as one JSON document."),
) -> None:
    """Explain a model's result: overlay, score table, top tiles, QuPath tiles and a report as one HTML file.

    By default each tile gets its exact share of the result. The probability is the one that predict gives.
    """
    from heatmaps.making.asked import options_of, refuse_combinations

    options, one_scale = options_of(underlay, clip, method, occlude, top)
    refuse_combinations(slide, features, cohort, slides, one_scale)
    if cohort is not None:
        _cohort(cohort, features, slides, model, out, target, slide_mpp, options, one_scale, export, as_json)
    elif features is not None:
        _slide(slide, features, model, out, target, slide_mpp, options, export, as_json)


def _slide(
    slide: Path | None,
    features: Path,
    models: Sequence[Path],
    out: Path,
    targets: list[str],
    slide_mpp: float | None,
    options: Options,
    exports: Sequence[str],
    as_json: bool,
) -> None:
    import json

    from heatmaps.drawing.reading import detail_words
    from heatmaps.making.cohort_run import load_models
    from heatmaps.making.slide_heatmap import make_heatmap

    documents: list[dict[str, Any]] = []
    loaded = load_models(models, out)
    for one in loaded:
        made = make_heatmap(slide, one.model, features, one.out, targets, slide_mpp, options, now(), exports)
        if "tile_pictures" in made.sidecar:
            typer.echo(f"wsi-swarm: {made.sidecar['tile_pictures']}", err=True)
        documents.append({"model": one.name, **made.document(options.method)})
        if as_json:
            continue
        start = f"{one.name}\t" if len(loaded) > 1 else ""
        for result in made.sidecar["targets"]:
            name = f"{start}{result['target']}_{result['positive']}"
            print(f"{name}\t{result['probability']!r}")
            for words in detail_words(result.get("details", {})):
                print(f"{name}\t{words}")
        for path in made.files:
            print(path)
    if as_json:
        print(json.dumps(documents[0] if len(documents) == 1 else {"models": documents}, indent=1, allow_nan=False))


def _cohort(
    cohort: Path,
    features: Path | None,
    slides: Path | None,
    models: Sequence[Path],
    out: Path,
    targets: list[str],
    slide_mpp: float | None,
    options: Options,
    one_scale: bool,
    exports: Sequence[str],
    as_json: bool,
) -> None:
    import json

    from heatmaps.making.cohort_run import explain_cohort, load_models
    from heatmaps.making.cohort_slides import find_cohort
    from heatmaps.making.cohort_summary import summary_document, summary_tsv
    from wsi_swarm.errors import PartialError

    found = find_cohort(cohort, features, slides)
    loaded = load_models(models, out)
    outcomes = explain_cohort(
        found, loaded, targets, slide_mpp, options, one_scale=one_scale, created=now(), exports=exports
    )
    if as_json:
        print(json.dumps(summary_document(outcomes, options.method), indent=1, allow_nan=False))
    else:
        print(summary_tsv(outcomes), end="")
    failed = [one for one in outcomes if one.reason]
    if failed:
        msg = f"{len(failed)} of {len(outcomes)} heatmaps failed, each is named above; mend them and run the same again"
        raise PartialError(msg)
