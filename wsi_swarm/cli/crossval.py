"""``wsi-swarm crossval``: how well a model of slides would do on patients it has not seen."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from wsi_swarm.cli import learning_options as how

if TYPE_CHECKING:
    from models.crossval import FoldResult
    from models.targets import Target


def register(app: typer.Typer) -> None:
    """Add this command to the application."""
    app.command("crossval")(crossval)


def crossval(
    target: how.Targets,
    clini: how.Clini,
    slides: Path = typer.Option(..., "--slides", help="Slide table (CSV or XLSX) with PATIENT and FILENAME."),
    features: Path = typer.Option(..., "--features", help="Folder of the feature files that extract wrote."),
    out: Path = typer.Option(
        ..., "--out", help="Folder for splits.json, patient-preds.csv, crossval.json, the folds' models and ensemble."
    ),
    positive: list[str] = how.POSITIVE,
    folds: int = typer.Option(5, min=2, help="Folds, stratified by the labels of all targets."),
    group_by: str | None = typer.Option(
        None,
        "--group-by",
        help="Column of the clinical table, such as SITE: leave each of its values out once instead.",
    ),
    splits: Path | None = typer.Option(
        None, "--splits", help="The splits.json of an earlier run, to use the same folds again."
    ),
    choose: list[str] = typer.Option(
        [],
        "--try",
        help="NAME=VALUE,VALUE: values of a setting among which each fold chooses on its own inner split, for instance "
        "learning_rate=0.001,0.0003. Repeat it for several settings; every combination is tried.",
    ),
    rounds: int = typer.Option(10, min=1, help="Rounds of training at most."),
    steps: int | None = typer.Option(None, min=1, help="Mini-batches per round; by default as for train."),
    patience: int = typer.Option(3, min=1, help="Rounds without a lower loss on the inner split before it stops."),
    seed: int = typer.Option(0, min=0, help="Seed of the splits, the first weights and every choice."),
    predict_tiles: int | None = typer.Option(
        None, min=1, help="Cap of tiles per test patient. By default every tile is looked at."
    ),
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
    """Cross-validate: train on all folds but one, stop and choose on an inner split of these, predict the one left out.

    All slides of a patient are one bag and in one fold. Nothing of a test fold is looked at before its model is final.
    Each fold's model is written, and one ensemble of all, which predict and heatmap take like any other model.
    """
    import pandas as pd

    from models.cohort import load_cohort
    from models.crossval import Plan, candidates, cohort_labels, ensemble, run_fold
    from models.mil_learner import MilLearner, spec_for
    from models.model_file import save_model
    from models.splits import groups_of, load_folds, make_folds, save_folds
    from models.targets import parse_positive
    from models.train import INTENDED_USE, default_steps
    from pipelines.files import write_json, write_text
    from pipelines.progress import progress
    from wsi_swarm import __version__
    from wsi_swarm.errors import ConfigError, PartialError

    if splits is not None and group_by is not None:
        msg = "--splits names folds and --group-by asks for new ones; give one of the two"
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
    settings = how.settings_of(aggregator, given)
    tried = candidates(settings, how.parse_grid(choose, settings))
    cohort = load_cohort(clini, slides, features, target, parse_positive(positive))
    for line in cohort.dropped:
        typer.echo(f"left out: {line}", err=True)
    ids = [patient.id for patient in cohort.patients]
    if splits is not None:
        made = load_folds(splits, ids)
    else:
        groups = groups_of(clini, group_by, ids) if group_by is not None else None
        made = make_folds(ids, cohort_labels(cohort), folds, seed, groups)
    out.mkdir(parents=True, exist_ok=True)
    save_folds(out / "splits.json", made)
    learner = MilLearner(cohort, spec_for(cohort, hidden, attention, aggregator), settings, device)
    plan = Plan(rounds, steps or default_steps(learner), patience, seed)
    told = {"software": f"wsi-swarm {__version__}", "intended_use": INTENDED_USE}
    results = []
    with progress(len(made), "cross-validating", "fold") as bar:
        for fold in made:
            result = run_fold(learner, cohort, fold, tried, plan, told, predict_tiles)
            save_model(out / f"fold-{len(results) + 1}.safetensors", result.model)
            results.append(result)
            bar.update()
    table = pd.concat([result.predictions for result in results]).sort_values("PATIENT")
    write_text(out / "patient-preds.csv", table.to_csv(index=False, lineterminator="\n"))
    measured = _measured(results, cohort.targets, {p.id: p.labels for p in cohort.patients})
    training = {"folds": len(made), **vars(plan), "metrics": measured}
    whole = ensemble([result.model for result in results], {**told, "arm": "crossval", "training": training})
    save_model(out / "ensemble.safetensors", whole)
    folds_told = [{"fold": r.fold, "tried": list(r.tried), "chosen": r.chosen} for r in results]
    write_json(out / "crossval.json", {"metrics": measured, "folds": folds_told})
    for name, entry in measured.items():
        mean = "no fold has both classes" if entry["mean"] is None else f"mean of the folds {entry['mean']:.3f}"
        typer.echo(f"{name}: AUROC {mean} ({', '.join(entry['by_fold'])})")
    typer.echo(f"{out}: {len(made)} folds, {len(tried)} candidates each, ensemble sha256 {whole.sha256[:12]}")
    failed = [line for result in results for line in result.failed]
    if failed:
        msg = f"{len(failed)} patients have no prediction; the first: {failed[0]}"
        raise PartialError(msg)


def _measured(results: list[FoldResult], targets: tuple[Target, ...], labels: dict[str, dict[str, int]]) -> Any:
    """AUROC of each fold by target; the folds' models differ, so their scores are not thrown together."""
    from models.evaluation.auroc import auroc_interval

    measured = {}
    for target in targets:
        values, words = [], []
        for result in results:
            known = result.predictions[[target.name in labels[name] for name in result.predictions["PATIENT"]]]
            y = [labels[name][target.name] for name in known["PATIENT"]]
            if len(set(y)) < 2:
                words.append(f"{result.fold}: one class alone")
                continue
            area = auroc_interval(y, known[target.column])
            values.append(area.value)
            words.append(f"{result.fold}: {area.value:.3f} [{area.low:.3f}, {area.high:.3f}]")
        measured[target.name] = {"mean": sum(values) / len(values) if values else None, "by_fold": words}
    return json.loads(json.dumps(measured))
