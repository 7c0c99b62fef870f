"""``wsi-swarm predict``: probabilities by patient or by slide."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

import typer

if TYPE_CHECKING:
    from models.prediction_record import PredictedBy


def register(app: typer.Typer) -> None:
    """Add this command to the application."""
    app.command("predict")(predict)


def predict(
    model: Path = typer.Option(..., "--model", help="The model, as train or train-swarm wrote it."),
    slides: Path | None = typer.Option(None, "--slides", help="Slide table (CSV or XLSX) with PATIENT and FILENAME."),
    features: Path | None = typer.Option(None, "--features", help="Folder of the feature files that extract wrote."),
    table: Path | None = typer.Option(
        None, "--table", help="For a model of tables, instead of slides and features: measurements (CSV or TSV, .gz)."
    ),
    reference: Path | None = typer.Option(
        None,
        "--reference",
        help="Table of this centre's training patients, whose mean and spread scale the one predicted. By default the "
        "table's own, and then each prediction depends on who else is in it.",
    ),
    out: Path = typer.Option(..., "--out", help="CSV file to write; '-' prints it."),
    level: Literal["patient", "slide"] = typer.Option(
        "patient", help="One row per patient, or one row per slide, which is then a bag of tiles of its own."
    ),
    slides_as: Literal["bag", "average"] = typer.Option(
        "bag",
        help="How a patient's slides are taken: all their tiles as one bag, or the average of the slides' "
        "probabilities. The predictions say which.",
    ),
    bag_tiles: int | None = typer.Option(
        None, min=1, help="Cap of tiles per bag, chosen by the seed. By default every tile is looked at."
    ),
    seed: int = typer.Option(0, min=0, help="Seed of that choice."),
) -> None:
    """Predict the probability of each target's positive class, for every patient or slide, or every row of a table.

    The columns are PATIENT, n_slides and slides_as (or FILENAME), n_tiles and one probability per target, for instance
    MSI_MSIH; for a table PATIENT and the probabilities.
    Patients or slides without a prediction are named on standard error and make the exit code 5. A small file beside
    the table (preds.model.json) says which model made it, for the report of evaluate.
    """
    from models.cohort import load_unlabelled_cohort
    from models.model_file import load_model
    from models.predict import predict_cohort
    from models.prediction_record import PredictedBy
    from wsi_swarm.errors import ConfigError, PartialError

    if table is not None and slides is None and features is None:
        _predict_table(model, table, reference, out)
        return
    if slides is None or features is None or table is not None or reference is not None:
        msg = "name either --slides and --features, or --table (and then, if you like, --reference)"
        raise ConfigError(msg)
    loaded = load_model(model)
    predictions = predict_cohort(loaded, load_unlabelled_cohort(slides, features), level, bag_tiles, seed, slides_as)
    text = predictions.table.to_csv(index=False, lineterminator="\n")
    kind = loaded.spec.features
    by = PredictedBy(loaded.sha256, model.name, kind.encoder, str(kind), loaded.spec.targets)
    _hand_over(out, text, by, f"{len(predictions.table)} {level}s")
    for line in predictions.failed:
        typer.echo(f"without prediction: {line}", err=True)
    if predictions.failed:
        msg = f"{len(predictions.failed)} patients or slides have no prediction or lack slides; they are named above"
        raise PartialError(msg)


def _predict_table(model: Path, table: Path, reference: Path | None, out: Path) -> None:
    from models.prediction_record import PredictedBy
    from models.tabular.model import load_table_model
    from models.tabular.predict import predict_table
    from models.tabular.table import read_measurements

    loaded = load_table_model(model)
    known = None if reference is None else read_measurements(reference)
    predictions = predict_table(loaded, read_measurements(table), known)
    text = predictions.to_csv(index=False, lineterminator="\n")
    reads = f"tables of {len(loaded.spec.columns)} columns, scaling {loaded.spec.scaling}"
    by = PredictedBy(loaded.sha256, model.name, "", reads, loaded.spec.targets)
    _hand_over(out, text, by, f"{len(predictions)} patients")


def _hand_over(out: Path, text: str, by: PredictedBy, what: str) -> None:
    """Print a table, or write it with its record."""
    from models.prediction_record import write_record
    from pipelines.files import write_text

    if str(out) == "-":
        typer.echo(text, nl=False)
        return
    write_text(out, text)
    write_record(out, text, by)
    typer.echo(f"{out}: {what} predicted with model {by.sha256[:12]}")
