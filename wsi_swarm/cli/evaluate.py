"""``wsi-swarm evaluate``: how good predictions are, by patient, as numbers, plots and a report."""

from __future__ import annotations

from pathlib import Path

import typer

from wsi_swarm.cli.clock import now


def register(app: typer.Typer) -> None:
    """Add this command to the application."""
    app.command("evaluate")(evaluate)


def evaluate(
    predictions: list[Path] = typer.Option(
        ..., "--predictions", help="Table of predict, one row per patient; repeat it for several models."
    ),
    clini: Path = typer.Option(..., "--clini", help="Clinical table (CSV or XLSX) with PATIENT and the targets."),
    target: list[str] = typer.Option(..., "--target", help="Column to evaluate; repeat it for several."),
    positive: list[str] = typer.Option(
        [], "--positive", help="TARGET=LABEL, where the clinical table spells the positive label unlike the model."
    ),
    out: Path | None = typer.Option(
        None,
        "--out",
        help="Folder for report.html, the numbers as CSV and JSON, the plots as SVG and patient-preds.csv.",
    ),
    centre: str | None = typer.Option(
        None, "--centre", help="Column of the clinical table that names each patient's centre."
    ),
    subgroup: list[str] = typer.Option(
        [], "--subgroup", help="Column of the clinical table to split patients by; repeat it for several."
    ),
    calibration: list[Path] = typer.Option(
        [],
        "--calibration",
        help="Predictions for other patients, on whom thresholds are chosen; one per --predictions.",
    ),
    calibration_clini: Path | None = typer.Option(
        None, "--calibration-clini", help="Clinical table of the calibration patients. By default that of --clini."
    ),
    compare: bool = typer.Option(
        False, "--compare", help="Compare the models pairwise, and ask whether the first is not inferior to the others."
    ),
    margin: float = typer.Option(0.02, min=0.0, max=0.5, help="Loss of AUROC that non-inferiority accepts."),
    seed: int = typer.Option(0, min=0, help="Seed of bootstrap and permutations."),
    as_json: bool = typer.Option(False, "--json", help="Print every number as one JSON document."),
) -> None:
    """Compare predictions with the clinical table: how well they rank patients, and what acting on them would mean.

    AUROC, precision and recall, calibration, decision curve, thresholds that were locked on a calibration set, centres,
    subgroups and comparisons, each with its 95 % interval. What the patients are too few for gets a sentence instead.
    """
    import json

    from models.evaluation.evaluate import Request
    from models.evaluation.evaluate import evaluate as assess
    from models.evaluation.numbers import to_json
    from models.evaluation.output import as_text, write_evaluation
    from models.evaluation.provenance import provenance_of
    from models.targets import parse_positive
    from wsi_swarm.errors import ConfigError

    request = Request(
        predictions=tuple(predictions),
        clini=clini,
        targets=tuple(target),
        positive=parse_positive(positive),
        centre=centre,
        subgroups=tuple(subgroup),
        calibration=tuple(calibration),
        calibration_clini=calibration_clini,
        compare=compare,
        margin=margin,
        seed=seed,
    )
    evaluation = assess(request)
    files: list[Path] = []
    if out is not None:
        made = now()
        files = write_evaluation(out, evaluation, provenance_of(request, made))
    if as_json:
        typer.echo(json.dumps(to_json(evaluation), indent=1, allow_nan=False))
    else:
        typer.echo(as_text(evaluation), nl=False)
        if files:
            typer.echo(f"report: {files[0]} ({len(files)} files in its folder)")
    reasons = [a.scored.why_one_class for a in evaluation.assessments]
    if all(reasons):
        msg = f"nothing could be evaluated: {reasons[0]}"
        raise ConfigError(msg)
