"""``wsi-swarm heatmap evaluate``: how true the explanation methods are for one model."""

from __future__ import annotations

from pathlib import Path

import typer


def evaluate(
    model: Path = typer.Option(..., "--model", help="The model, as train or train-swarm wrote it."),
    features: Path = typer.Option(..., "--features", help="Folder of the feature files that extract wrote."),
    target: str = typer.Option("", "--target", help="Target to explain; needed where the model has several."),
    method: list[str] = typer.Option(
        [],
        "--method",
        help="Method to evaluate; repeat it for several. By default all that the model supports but occlusion, which "
        "takes long.",
    ),
    clini: Path | None = typer.Option(
        None,
        "--clini",
        help="Clinical table with the true labels: slides that the model gets wrong are left out. With --slides.",
    ),
    slides: Path | None = typer.Option(
        None, "--slides", help="Slide table with PATIENT and FILENAME; intervals then are over patients."
    ),
    positive: str = typer.Option("", "--positive", help="Positive label, where the table's spelling does not tell."),
    annotations: Path | None = typer.Option(
        None, "--annotations", help="Folder with <slide>.geojson (QuPath) or <slide>.xml (ASAP): the lesion, drawn."
    ),
    other: list[Path] = typer.Option(
        [], "--other-model", help="Model of another seed or round, whose heatmaps should look alike; repeat it."
    ),
    redraws: int = typer.Option(3, min=0, max=100, help="How often weights are drawn again; 0 leaves that check out."),
    occlude: int | None = typer.Option(
        None, "--occlude", min=1, help="For occlusion: side in tiles of the squares that are taken away."
    ),
    seed: int = typer.Option(0, min=0, help="Of the random order, the intervals and the weights drawn again."),
    out: Path | None = typer.Option(
        None, "--out", help="Folder for evaluation.json, slides.csv and curves.csv; by default nothing is written."
    ),
    as_json: bool = typer.Option(False, "--json", help="Print the result as one JSON document."),
) -> None:
    """Say how true heatmaps are: deletion and insertion curves against a random order, annotations, redrawn weights.

    docs/heatmaps.md defines every number.
    """
    import json

    from heatmaps.evaluation.cases import find_cases
    from heatmaps.evaluation.document import as_json as to_json
    from heatmaps.evaluation.evaluate import evaluate as run
    from heatmaps.evaluation.results import Plan
    from heatmaps.evaluation.text import curves_csv, slides_csv, table
    from heatmaps.methods import method_named, methods_for
    from models.model_file import load_model
    from pipelines.files import write_json, write_text
    from wsi_swarm.errors import ConfigError

    loaded = load_model(model)
    names = [one.name for one in loaded.spec.targets]
    if not target and len(names) > 1:
        msg = f"the model has the targets {', '.join(names)}; choose one with --target"
        raise ConfigError(msg)
    if annotations is not None and not annotations.is_dir():
        msg = f"--annotations {annotations} is no folder; name one that holds <slide>.geojson or <slide>.xml files"
        raise ConfigError(msg)
    target = target or names[0]
    chosen = list(dict.fromkeys(method)) or [
        name for name in methods_for(loaded.spec.aggregator) if name != "occlusion"
    ]
    if occlude is not None and "occlusion" not in chosen:
        msg = "--occlude is a setting of --method occlusion, which is not among the methods; leave it out"
        raise ConfigError(msg)
    made = [method_named(name, occlude if name == "occlusion" else None) for name in chosen]
    others = [load_model(path) for path in other]
    cases, dropped = find_cases(loaded, features, target, clini, slides, positive)
    for sentence in dropped:
        typer.echo(f"wsi-swarm: {sentence}", err=True)
    found = run(loaded, cases, Plan(target, made, seed, redraws, annotations, slides is not None, others))
    document = to_json(found)
    if out is not None:
        out.mkdir(parents=True, exist_ok=True)
        write_text(out / "slides.csv", slides_csv(found))
        write_text(out / "curves.csv", curves_csv(found))
        write_json(out / "evaluation.json", document)
    typer.echo(json.dumps(document, indent=1, allow_nan=False) if as_json else table(found))
