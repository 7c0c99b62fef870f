"""``wsi-swarm study compare``: local, merged and swarm training on the tables of a few centres."""

from __future__ import annotations

from pathlib import Path

import typer


def compare(
    centre: list[str] = typer.Option(
        ...,
        "--centre",
        metavar="NAME:CLINI:SLIDES:FEATURES",
        help="A training centre: its name, clinical table, slide table and folder of feature files. Repeat it.",
    ),
    target: list[str] = typer.Option(..., "--target", help="Column of the clinical tables to predict. Repeat it."),
    test: str | None = typer.Option(
        None,
        "--test",
        metavar="NAME:CLINI:SLIDES:FEATURES",
        help="The held-out cohort on which every model is evaluated; without it give --folds.",
    ),
    folds: int | None = typer.Option(
        None, "--folds", help="Without --test: folds of a cross-validation that leaves out whole patients."
    ),
    positive: list[str] = typer.Option(
        [], "--positive", metavar="TARGET=LABEL", help="The positive label, where its spelling does not tell."
    ),
    rounds: int = typer.Option(10, help="Merges of the swarm; models trained alone take as many rounds unmerged."),
    steps: int = typer.Option(20, help="Training steps between two merges, the same for every centre."),
    seed: int = typer.Option(7, help="Seed of weights, choices in training and folds."),
    out: Path | None = typer.Option(None, help="Write the result also to this JSON file."),
    as_json: bool = typer.Option(False, "--json", help="Print the result as one JSON document."),
) -> None:
    """Train each centre alone, all together, and as a swarm (equal and patient weights), and compare them.

    All models share learner, recipe and number of steps, and are judged on the same patients, so that they differ in
    nothing but the data they saw and the merge. The swarm is simulated here with the merge that real nodes use.
    """
    import json

    from models.targets import parse_positive
    from pipelines.files import write_json
    from wsi_swarm.errors import ConfigError
    from wsi_swarm.study.compare.centres import load_centres, parse_centres
    from wsi_swarm.study.compare.comparison import compare as compare_on
    from wsi_swarm.study.compare.folds import cross_validate
    from wsi_swarm.study.compare.recipe import Recipe
    from wsi_swarm.study.compare.table import as_json as to_json
    from wsi_swarm.study.compare.table import as_text

    if (test is None) == (folds is None):
        msg = "give either --test with a held-out cohort or --folds for a cross-validation"
        raise ConfigError(msg)
    recipe = Recipe(rounds=rounds, steps=steps, seed=seed)
    held_out = parse_centres([*centre, *([test] if test else [])])
    cohorts = load_centres(held_out, target, parse_positive(positive))
    if test is None:
        rows = cross_validate(cohorts, recipe, folds or 0)
    else:
        _, last = cohorts.popitem()
        rows = compare_on(cohorts, last, recipe)
    document = {"recipe": recipe.describe(), "folds": folds, "models": to_json(rows)}
    if out is not None:
        write_json(out, document)
    print(json.dumps(document, indent=1, allow_nan=False) if as_json else as_text(rows))
