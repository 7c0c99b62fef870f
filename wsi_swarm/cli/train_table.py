"""``wsi-swarm train-table``: one model of tables from one centre's data, or from several centres' in one place."""

from __future__ import annotations

from pathlib import Path

import typer


def register(app: typer.Typer) -> None:
    """Add this command to the application."""
    app.command("train-table")(train_table)


def train_table(
    table: list[Path] = typer.Option(
        ...,
        "--table",
        help="Measurements, for instance gene expression (CSV or TSV, also .gz): a row per patient and the column "
        "PATIENT, or a row per gene and the first header cell GENE.",
    ),
    clini: list[Path] = typer.Option(
        ..., "--clini", help="Clinical table (CSV or XLSX) with PATIENT and one column per target."
    ),
    target: list[str] = typer.Option(..., "--target", help="Column to learn; repeat it for several."),
    out: Path = typer.Option(..., "--out", help="The model file to write (safetensors)."),
    learner: str = typer.Option("lasso", "--learner", help="lasso (logistic regression) or mlp (a neural network)."),
    setting: list[str] = typer.Option(
        [], "--set", help="NAME=VALUE: a setting of the learner as in [learner] of a run.toml; repeat it for several."
    ),
    columns: Path | None = typer.Option(
        None, "--columns", help="List of the columns to use, one per line. By default all, the same in every table."
    ),
    positive: list[str] = typer.Option(
        [], "--positive", help="TARGET=LABEL: the positive label; every other label is then negative. Else inferred."
    ),
    rounds: int = typer.Option(10, min=1, help="Rounds of training, as in a swarm but without the merge between."),
    steps: int | None = typer.Option(
        None, min=1, help="Steps per round: mini-batches of an MLP (two epochs, at least 20), full ones of LASSO (100)."
    ),
    seed: int = typer.Option(0, min=0, help="Seed of the first weights and of every choice; recorded in the model."),
) -> None:
    """Train an MLP or LASSO logistic regression on tables of measurements.

    Give --table and --clini several times, in the same order, to train on several centres' tables as one merged
    cohort, each scaled by itself. A patient must not stand in two centres.
    """
    from models.model_file import save_model
    from models.tabular.cohort import TableCentre, load_table_cohort
    from models.tabular.learners import (
        default_steps,
        make_table_learner,
        parse_settings,
        table_hyperparameters,
        train_table_cohort,
    )
    from models.tabular.table import read_column_list
    from models.targets import parse_positive
    from pipelines.progress import progress
    from wsi_swarm.errors import ConfigError

    if len(table) != len(clini):
        msg = f"--table ({len(table)}) and --clini ({len(clini)}) must be given equally often: once per centre"
        raise ConfigError(msg)
    hyperparameters = table_hyperparameters(learner, parse_settings(setting))
    centres = [TableCentre(*paths) for paths in zip(table, clini, strict=True)]
    listed = read_column_list(columns) if columns is not None else None
    cohort = load_table_cohort(centres, target, hyperparameters.scaling, parse_positive(positive), listed)
    for line in cohort.dropped:
        typer.echo(f"left out: {line}", err=True)
    typer.echo(f"{len(cohort.patients)} patients, {len(cohort.columns)} columns, scaling {cohort.scaling}")
    for found in cohort.targets:
        n_pos, n_neg, unknown = cohort.counts(found.name)
        typer.echo(f"{found.name}: {n_pos} {found.positive}, {n_neg} {' or '.join(found.negative)}, {unknown} unknown")
    one = make_table_learner(cohort, hyperparameters)
    steps = steps or default_steps(one)
    with progress(rounds, "training", "round") as bar:

        def show(_: int, result: object) -> None:
            bar.set_postfix(loss=f"{result.loss:.3f}")
            bar.update()

        model = train_table_cohort(one, centres, rounds, steps, seed, show)
    save_model(out, model)
    typer.echo(f"{out}: {rounds} rounds of {steps} steps, seed {seed}, sha256 {model.sha256}")
