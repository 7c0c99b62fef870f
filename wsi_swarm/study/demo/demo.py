"""The demo: a drawn cohort taken the whole way, from slides to a shared model, heatmaps, report and reader kit."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING

from models.cohort import Centre, Cohort, load_cohort
from models.mil_learner import Hyperparameters
from models.model_file import load_model, save_model
from models.train import train_model
from pipelines.files import write_json, write_text
from pipelines.progress import progress
from wsi_swarm.errors import ConfigError
from wsi_swarm.study.compare.comparison import MERGED, SWARM_BASIC, SWARM_WEIGHTED, Row, evaluate_on, merge_cohorts
from wsi_swarm.study.compare.recipe import Recipe
from wsi_swarm.study.demo.showing import show
from wsi_swarm.study.demo.summary import DemoResult, as_document, as_page
from wsi_swarm.study.drawing.cases import BRAF, CENTRES, MSI, POSITIVE, CentrePlan, plan_cases
from wsi_swarm.study.drawing.draw import SIDE_UM, CentreFolder, draw_cohort
from wsi_swarm.study.nodes.swarm import SwarmOutcome, run_swarm
from wsi_swarm.study.sources.describing import describe_tiles, features_in

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from models.model_file import Model

TARGETS = (MSI, BRAF)


def demo_recipe(seed: int) -> Recipe:
    """Return the recipe of the demo: a small network and few tiles at a time, since its cohort is small."""
    hyperparameters = Hyperparameters(learning_rate=3e-3, bag_tiles=12, input_dropout=0.0)
    return Recipe(rounds=10, steps=80, seed=seed, hidden=32, attention=16, hyperparameters=hyperparameters)


@dataclass(frozen=True)
class DemoPlan:
    """All that the demo's result follows from."""

    seed: int = 7
    centres: tuple[CentrePlan, ...] = CENTRES
    side_um: tuple[float, float] = SIDE_UM
    recipe: Recipe = field(default_factory=lambda: demo_recipe(7))

    @property
    def held_out(self) -> str:
        """Name of the centre that nobody trains on."""
        return next(centre.name for centre in self.centres if not centre.trains)


def run_demo(out: Path, plan: DemoPlan, say: Callable[[str], None]) -> DemoResult:
    """Draw, tile, extract, train every way, evaluate, check, explain; finished stages in ``out`` are kept.

    Raises
    ------
    ConfigError
        If ``out`` holds the demo of another seed or version.
    """
    _claim(out, plan)
    say("1/6  drawing the cohort (the slides are drawn, no patient ever had them)")
    cases = plan_cases(plan.seed, plan.centres)
    folders = {one.name: one for one in draw_cohort(out / "centres", cases, plan.seed, side_um=plan.side_um)}
    say("2/6  finding tissue, cutting tiles, describing them")
    for folder in folders.values():
        describe_tiles(folder.slides, folder.path / "job")
    files = {name: Centre(f.clini, f.slide_table, _features(f)) for name, f in folders.items()}
    positive = {target: POSITIVE[target] for target in TARGETS}
    cohorts = {n: load_cohort(f.clini, f.slides, f.features, TARGETS, positive) for n, f in files.items()}
    test = cohorts.pop(plan.held_out)
    files.pop(plan.held_out)

    say("3/6  training each centre alone, and all on merged data")
    merged = merge_cohorts(list(cohorts.values()))
    models = {
        f"local {name}": (cohort, _alone(out, f"local {name}", cohort, plan.recipe)) for name, cohort in cohorts.items()
    }
    models[MERGED] = (merged, _alone(out, MERGED, merged, plan.recipe))
    say("4/6  training as a swarm: one process per centre, and a chain, twice")
    outcomes: dict[str, SwarmOutcome] = {}
    for name, weighted in ((SWARM_BASIC, False), (SWARM_WEIGHTED, True)):
        outcomes[name] = run_swarm(
            out / "swarm" / name.split()[-1], files, plan.recipe, weighted, TARGETS, positive, say
        )
        path = _model_path(out, name)
        model = load_model(outcomes[name].model)
        save_model(path, model)
        models[name] = (merged, model)
    say(f"5/6  judging all models on {plan.held_out}, which nobody trained on")
    rows = tuple(Row(name, len(seen.patients), evaluate_on(model, test)) for name, (seen, model) in models.items())
    say("6/6  explaining held-out slides, writing the report, building a reader kit")
    held_out = folders[plan.held_out]
    compared = {_file_name(name): models[name][1] for name in (SWARM_WEIGHTED, f"local {next(iter(cohorts))}")}
    shown = show(out, held_out, _features(held_out), test, compared)
    result = DemoResult(
        out, plan.seed, plan.held_out, {n: len(c.patients) for n, c in cohorts.items()}, rows, outcomes, shown
    )
    write_json(out / "summary.json", as_document(result, plan.recipe.describe()))
    write_text(out / "summary.md", as_page(result))
    return result


def _claim(out: Path, plan: DemoPlan) -> None:
    """Refuse a folder that holds another demo: kept stages would not fit together."""
    path = out / "plan.json"
    told = json.loads(
        json.dumps({"seed": plan.seed, "side_um": plan.side_um, "centres": [asdict(c) for c in plan.centres]})
    )
    if path.is_file() and json.loads(path.read_text()) != told:
        msg = f"{out} holds a demo of another seed or version; give another --out, or delete the folder"
        raise ConfigError(msg)
    write_json(path, told)


def _features(folder: CentreFolder) -> Path:
    return features_in(folder.path / "job")


def _file_name(model: str) -> str:
    return model.replace(" ", "-")


def _model_path(out: Path, name: str) -> Path:
    return out / "models" / f"{_file_name(name)}.safetensors"


def _alone(out: Path, name: str, cohort: Cohort, recipe: Recipe) -> Model:
    """Train on one cohort, unless the model is there and follows from the same data and recipe."""
    path = _model_path(out, name)
    learner = recipe.learner(cohort)
    provenance = json.loads(json.dumps(recipe.provenance(name, [learner])))
    if path.is_file() and load_model(path).spec.provenance == provenance:
        return load_model(path)
    with progress(recipe.rounds, f"training {name}", "round") as bar:
        state = train_model(learner, recipe.rounds, recipe.steps, recipe.seed, lambda *_: bar.update())
    save_model(path, recipe.model(cohort, state, name, [learner]))
    return load_model(path)
