"""``wsi-swarm predict``: probabilities by patient or by slide."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import typer


def register(app: typer.Typer) -> None:
    """Add this command to the application."""
    app.command("predict")(predict)


def predict(
    model: Path = typer.Option(..., "--model", help="The model, as train or train-swarm wrote it."),
    slides: Path = typer.Option(..., "--slides", help="Slide table (CSV or XLSX) with PATIENT and FILENAME."),
    features: Path = typer.Option(..., "--features", help="Folder of the feature files that extract wrote."),
    out: Path = typer.Option(..., "--out", help="CSV file to write; '-' prints it."),
    level: Literal["patient", "slide"] = typer.Option(
        "patient", help="One row per patient, whose slides are taken as one bag of tiles, or one row per slide."
    ),
    bag_tiles: int | None = typer.Option(
        None, min=1, help="Cap of tiles per bag, chosen by the seed. By default every tile is looked at."
    ),
    seed: int = typer.Option(0, min=0, help="Seed of that choice."),
) -> None:
    """Predict the probability of each target's positive class, for every patient or slide of the slide table.

    The columns are PATIENT, n_slides (or FILENAME), n_tiles and one probability per target, for instance MSI_MSIH.
    Patients or slides without a prediction are named on standard error and make the exit code 5.
    """
    from models.cohort import load_unlabelled_cohort
    from models.model_file import load_model
    from models.predict import predict_cohort
    from pipelines.files import write_text
    from wsi_swarm.errors import PartialError

    loaded = load_model(model)
    predictions = predict_cohort(loaded, load_unlabelled_cohort(slides, features), level, bag_tiles, seed)
    text = predictions.table.to_csv(index=False, lineterminator="\n")
    if str(out) == "-":
        typer.echo(text, nl=False)
    else:
        write_text(out, text)
        typer.echo(f"{out}: {len(predictions.table)} {level}s predicted with model {loaded.sha256[:12]}")
    for line in predictions.failed:
        typer.echo(f"without prediction: {line}", err=True)
    if predictions.failed:
        msg = f"{len(predictions.failed)} patients or slides have no prediction or lack slides; they are named above"
        raise PartialError(msg)
