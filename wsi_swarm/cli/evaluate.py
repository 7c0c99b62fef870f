"""``wsi-swarm evaluate``: AUROC by patient, with an interval."""

from __future__ import annotations

from pathlib import Path

import typer


def register(app: typer.Typer) -> None:
    """Add this command to the application."""
    app.command("evaluate")(evaluate)


def evaluate(
    predictions: list[Path] = typer.Option(
        ..., "--predictions", help="Table of predict, one row per patient; repeat it to compare several models."
    ),
    clini: Path = typer.Option(..., "--clini", help="Clinical table (CSV or XLSX) with PATIENT and the targets."),
    target: list[str] = typer.Option(..., "--target", help="Column to evaluate; repeat it for several."),
    positive: list[str] = typer.Option(
        [], "--positive", help="TARGET=LABEL, where the clinical table spells the positive label unlike the model."
    ),
    out: Path | None = typer.Option(None, "--out", help="Folder for metrics.json and one ROC plot (PNG) per target."),
    as_json: bool = typer.Option(False, "--json", help="Print the result as one JSON document."),
) -> None:
    """Compare predictions with the clinical table: AUROC by patient with its 95 % interval (Newcombe 2006, method 5).

    A target of which only one class is there gets a sentence instead of a number.
    """
    import json

    from models.evaluation.evaluate import evaluate_predictions
    from models.evaluation.output import as_table, write_evaluation
    from models.targets import parse_positive
    from wsi_swarm.errors import ConfigError

    evaluations = evaluate_predictions(predictions, clini, target, parse_positive(positive))
    if out is not None:
        write_evaluation(out, evaluations)
    if as_json:
        typer.echo(json.dumps([evaluation.to_json() for evaluation in evaluations], indent=1, allow_nan=False))
    else:
        typer.echo(as_table(evaluations), nl=False)
    if all(evaluation.auroc is None for evaluation in evaluations):
        msg = f"nothing could be evaluated: {evaluations[0].reason}"
        raise ConfigError(msg)
