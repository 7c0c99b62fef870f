"""``wsi-swarm train``: one model from one centre's data, or from several centres' data in one place."""

from __future__ import annotations

from pathlib import Path

import typer


def register(app: typer.Typer) -> None:
    """Add this command to the application."""
    app.command("train")(train)


def train(
    clini: list[Path] = typer.Option(
        ...,
        "--clini",
        help="Clinical table (CSV or XLSX) with PATIENT and one column per target.",
    ),
    slides: list[Path] = typer.Option(..., "--slides", help="Slide table (CSV or XLSX) with PATIENT and FILENAME."),
    features: list[Path] = typer.Option(..., "--features", help="Folder of the feature files that extract wrote."),
    target: list[str] = typer.Option(
        ..., "--target", help="Column to learn; repeat it for several. A patient may lack some of the labels."
    ),
    out: Path = typer.Option(..., "--out", help="The model file to write (safetensors)."),
    positive: list[str] = typer.Option(
        [], "--positive", help="TARGET=LABEL: the positive label; every other label is then negative. Else inferred."
    ),
    rounds: int = typer.Option(10, min=1, help="Rounds of training, as in a swarm but without the merge between."),
    steps: int | None = typer.Option(
        None, min=1, help="Mini-batches per round. By default each patient is seen about twice, and at least 20."
    ),
    seed: int = typer.Option(0, min=0, help="Seed of the first weights and of every choice; recorded in the model."),
    learning_rate: float = typer.Option(1e-3, help="Highest learning rate of AdamW."),
    weight_decay: float = typer.Option(0.1, help="Weight decay of AdamW."),
    batch_patients: int = typer.Option(8, help="Patients per mini-batch."),
    bag_tiles: int = typer.Option(256, help="Tiles per patient and mini-batch, the same cap for every patient."),
    input_dropout: float = typer.Option(0.3, help="Share of the features left out per bag."),
    dropout: float = typer.Option(0.25, help="Share of the hidden units left out per bag."),
    augmented: bool = typer.Option(
        False,
        "--augmented",
        help="Also train on the sets that 'extract --augment' wrote beside the features; they are held in memory too.",
    ),
    hidden: int = typer.Option(128, min=1, help="Length of an embedded tile."),
    attention: int = typer.Option(64, min=1, help="Width of each target's attention gate."),
) -> None:
    """Train a gated attention model for one or several targets on the features of whole slides.

    Give --clini, --slides and --features several times, in the same order, to train on several centres' data as one
    merged cohort: the upper reference for a swarm. A patient must not stand in two centres.
    """
    from models.cohort import Centre, load_merged_cohort
    from models.mil_learner import Hyperparameters, MilLearner, spec_for
    from models.model_file import save_model
    from models.targets import parse_positive
    from models.train import default_steps, train_cohort
    from pipelines.progress import progress
    from wsi_swarm.errors import ConfigError

    if not len(clini) == len(slides) == len(features):
        msg = (
            f"--clini ({len(clini)}), --slides ({len(slides)}) and --features ({len(features)}) must be given equally "
            "often: once per centre, in the same order"
        )
        raise ConfigError(msg)
    hyperparameters = Hyperparameters(
        learning_rate=learning_rate,
        weight_decay=weight_decay,
        batch_patients=batch_patients,
        bag_tiles=bag_tiles,
        input_dropout=input_dropout,
        dropout=dropout,
        augmented=augmented,
    )
    centres = [Centre(*paths) for paths in zip(clini, slides, features, strict=True)]
    cohort = load_merged_cohort(centres, target, parse_positive(positive))
    for line in cohort.dropped:
        typer.echo(f"left out: {line}", err=True)
    typer.echo(f"{len(cohort.patients)} patients, features of {cohort.kind}")
    for found in cohort.targets:
        n_pos, n_neg, unknown = cohort.counts(found.name)
        typer.echo(f"{found.name}: {n_pos} {found.positive}, {n_neg} {' or '.join(found.negative)}, {unknown} unknown")
    learner = MilLearner(cohort, spec_for(cohort, hidden, attention), hyperparameters)
    steps = steps or default_steps(learner.n_patients, hyperparameters)
    with progress(rounds, "training", "round") as bar:

        def show(_: int, result: object) -> None:
            bar.set_postfix(loss=f"{result.loss:.3f}")
            bar.update()

        model = train_cohort(learner, cohort, centres, rounds, steps, seed, show)
    save_model(out, model)
    typer.echo(f"{out}: {rounds} rounds of {steps} steps, seed {seed}, sha256 {model.sha256}")
