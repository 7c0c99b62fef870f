"""``wsi-swarm train``: one model from one centre's data, or from several centres' data in one place."""

from __future__ import annotations

from pathlib import Path

import typer

from wsi_swarm.cli import learning_options as how


def register(app: typer.Typer) -> None:
    """Add this command to the application."""
    app.command("train")(train)


def train(
    target: how.Targets,
    clini: list[Path] = typer.Option(
        ...,
        "--clini",
        help="Clinical table (CSV or XLSX) with PATIENT and one column per target.",
    ),
    slides: list[Path] = typer.Option(..., "--slides", help="Slide table (CSV or XLSX) with PATIENT and FILENAME."),
    features: list[Path] = typer.Option(..., "--features", help="Folder of the feature files that extract wrote."),
    out: Path = typer.Option(..., "--out", help="The model file to write (safetensors)."),
    positive: list[str] = how.POSITIVE,
    rounds: int = typer.Option(10, min=1, help="Rounds of training, as in a swarm but without the merge between."),
    steps: int | None = typer.Option(
        None, min=1, help="Mini-batches per round. By default each patient is seen about twice, and at least 20."
    ),
    seed: int = typer.Option(0, min=0, help="Seed of the first weights and of every choice; recorded in the model."),
    validation: float = typer.Option(
        0.0,
        min=0.0,
        max=0.5,
        help="Share of the patients held out for early stopping, stratified by label; the model is then that of the "
        "round with the lowest loss on them.",
    ),
    patience: int = typer.Option(3, min=1, help="Rounds without a lower held-out loss after which training stops."),
    aggregator: how.Aggregator = "gated_attention",
    learning_rate: how.LearningRate = None,
    weight_decay: how.WeightDecay = None,
    batch_patients: how.BatchPatients = None,
    bag_tiles: how.BagTiles = None,
    input_dropout: how.InputDropout = None,
    dropout: how.Dropout = None,
    schedule: how.Schedule = None,
    precision: how.Precision = None,
    balanced: how.Balanced = None,
    augmented: how.Augmented = False,
    hidden: how.Hidden = 128,
    attention: how.Attention = 64,
    device: how.Device = "cpu",
) -> None:
    """Train a model for one or several targets on the features of whole slides.

    Give --clini, --slides and --features several times, in the same order, to train on several centres' data as one
    merged cohort: the upper reference for a swarm. A patient must not stand in two centres.

    A run that was interrupted goes on where it was, and gives the same bytes, when it is started again with the same
    arguments; until it is done its weights lie in a file beside the model, named .partial.
    """
    from models.cohort import Centre, load_merged_cohort
    from models.mil_learner import MilLearner, spec_for
    from models.model_file import save_model
    from models.targets import parse_positive
    from models.train import Held, default_steps, train_cohort
    from pipelines.progress import progress
    from wsi_swarm.errors import ConfigError

    if not len(clini) == len(slides) == len(features):
        msg = (
            f"--clini ({len(clini)}), --slides ({len(slides)}) and --features ({len(features)}) must be given equally "
            "often: once per centre, in the same order"
        )
        raise ConfigError(msg)
    given = {
        "learning_rate": learning_rate,
        "weight_decay": weight_decay,
        "batch_patients": batch_patients,
        "bag_tiles": bag_tiles,
        "input_dropout": input_dropout,
        "dropout": dropout,
        "schedule": schedule,
        "precision": precision,
        "balanced": balanced,
        "augmented": augmented,
    }
    hyperparameters = how.settings_of(aggregator, given)
    centres = [Centre(*paths) for paths in zip(clini, slides, features, strict=True)]
    cohort = load_merged_cohort(centres, target, parse_positive(positive))
    for line in cohort.dropped:
        typer.echo(f"left out: {line}", err=True)
    typer.echo(f"{len(cohort.patients)} patients, features of {cohort.kind}")
    for found in cohort.targets:
        n_pos, n_neg, unknown = cohort.counts(found.name)
        typer.echo(f"{found.name}: {n_pos} {found.positive}, {n_neg} {' or '.join(found.negative)}, {unknown} unknown")
    learner = MilLearner(cohort, spec_for(cohort, hidden, attention, aggregator), hyperparameters, device)
    steps = steps or default_steps(learner)
    held = Held(validation, patience) if validation else None
    with progress(rounds, "training", "round") as bar:

        def show(_: int, result: object) -> None:
            if result is not None:
                bar.set_postfix(loss=f"{result.loss:.3f}")
            bar.update()

        made = train_cohort(
            learner, cohort, centres, rounds, steps, seed, show, held, out.with_name(out.name + ".partial")
        )
    save_model(out, made.model)
    if made.checkpoint is not None:
        made.checkpoint.remove()
    kept = f", kept round {made.progress.best_round} of {made.progress.rounds}" if held else ""
    typer.echo(f"{out}: {rounds} rounds of {steps} steps, seed {seed}{kept}, sha256 {made.model.sha256}")
