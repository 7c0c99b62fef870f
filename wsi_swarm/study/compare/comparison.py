"""Local, merged and swarm side by side: same learner, same recipe, same held-out patients."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from models.evaluation.auroc import auroc_interval
from models.predict import predict_cohort
from models.train import train_model
from pipelines.errors import ConfigError, InputError
from pipelines.progress import progress
from wsi_swarm.study.in_process import swarm_states
from wsi_swarm.swarm.state.encoding import decode

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from models.cohort import Cohort, Patient
    from models.evaluation.auroc import Auroc
    from models.feature_kind import FeatureKind
    from models.learner import State
    from models.model_file import Model
    from wsi_swarm.study.compare.recipe import Recipe

MERGED = "merged"
SWARM_BASIC = "swarm basic"
SWARM_WEIGHTED = "swarm weighted"


@dataclass(frozen=True)
class Row:
    """One model of the comparison and what it is worth on the held-out patients, by target."""

    name: str
    trained_on: int
    aurocs: dict[str, Auroc]


def merge_cohorts(cohorts: Sequence[Cohort]) -> Cohort:
    """Put several centres' patients into one cohort, as if their data lay in one place.

    Raises
    ------
    ConfigError
        If a patient stands in two centres, or features or positive labels differ.
    """
    patients: dict[str, Patient] = {}
    for cohort in cohorts:
        for patient in cohort.patients:
            if patient.id in patients:
                msg = f"patient {patient.id} stands in two centres; take the patient out of one of the tables"
                raise ConfigError(msg)
            patients[patient.id] = patient
    kinds: set[FeatureKind] = {cohort.kind for cohort in cohorts}
    if len(kinds) > 1:
        msg = f"the centres' features differ ({'; '.join(str(kind) for kind in kinds)}); extract all in one way"
        raise ConfigError(msg)
    positives = {tuple((t.name, t.positive) for t in cohort.targets) for cohort in cohorts}
    if len(positives) > 1:
        msg = f"the centres name targets or positive labels differently ({positives}); name them with --positive"
        raise ConfigError(msg)
    ordered = tuple(patients[name] for name in sorted(patients))
    dropped = tuple(reason for cohort in cohorts for reason in cohort.dropped)
    return replace(cohorts[0], patients=ordered, dropped=dropped)


def train_alone(cohort: Cohort, recipe: Recipe, what: str) -> Model:
    """Train on one cohort without anybody else."""
    learner = recipe.learner(cohort)
    with progress(recipe.rounds, f"training {what}", "round") as bar:
        state = train_model(learner, recipe.rounds, recipe.steps, recipe.seed, lambda *_: bar.update())
    return recipe.model(cohort, state, what, [learner])


def train_together(cohorts: Mapping[str, Cohort], recipe: Recipe, weighted: bool, what: str) -> Model:
    """Train in a swarm inside this process, with the encoding and the merge that real nodes use."""
    config = recipe.run_config(merge_cohorts(list(cohorts.values())), weighted)
    learners = {name: recipe.learner(cohort) for name, cohort in cohorts.items()}
    with progress(recipe.rounds, f"training {what}", "round") as bar:
        state: State = {}
        for shared in swarm_states(config, learners):
            state = decode(shared)
            bar.update()
    return recipe.model(next(iter(cohorts.values())), state, what, list(learners.values()))


def evaluate_on(model: Model, test: Cohort) -> dict[str, Auroc]:
    """Return patient-level AUROC with its 95 % interval by target."""
    return aurocs(predict(model, test), test)


def predict(model: Model, cohort: Cohort) -> dict[str, np.ndarray]:
    """Return the probabilities of a cohort's patients by target, in the cohort's order, (patients,) float."""
    predictions = predict_cohort(model, cohort)
    table = predictions.table.set_index("PATIENT")
    lacking = [patient.id for patient in cohort.patients if patient.id not in table.index]
    if lacking:
        # A model must not look better because the slides that it stumbles over are left out.
        reasons = "; ".join(predictions.failed[:2])
        msg = f"patient {lacking[0]} (and {len(lacking) - 1} more) cannot be predicted: {reasons}"
        raise InputError(msg)
    table = table.loc[[patient.id for patient in cohort.patients]]
    return {target.name: table[target.column].to_numpy(float) for target in cohort.targets}


def aurocs(probabilities: Mapping[str, np.ndarray], cohort: Cohort) -> dict[str, Auroc]:
    """Return AUROC with interval by target, over the patients whose label is known."""
    result = {}
    for target in cohort.targets:
        labels = np.array([patient.labels.get(target.name, -1) for patient in cohort.patients])
        known = labels >= 0
        result[target.name] = auroc_interval(labels[known], probabilities[target.name][known])
    return result


def train_all(cohorts: Mapping[str, Cohort], recipe: Recipe) -> Iterator[tuple[str, int, Model]]:
    """Yield (name, patients, model): each centre alone, merged, swarm with equal weights and weighted by patients."""
    for name, cohort in cohorts.items():
        yield f"local {name}", len(cohort.patients), train_alone(cohort, recipe, f"local {name}")
    merged = merge_cohorts(list(cohorts.values()))
    everybody = len(merged.patients)
    yield MERGED, everybody, train_alone(merged, recipe, MERGED)
    yield SWARM_BASIC, everybody, train_together(cohorts, recipe, weighted=False, what=SWARM_BASIC)
    yield SWARM_WEIGHTED, everybody, train_together(cohorts, recipe, weighted=True, what=SWARM_WEIGHTED)


def compare(cohorts: Mapping[str, Cohort], test: Cohort, recipe: Recipe) -> list[Row]:
    """Train every way and evaluate on the same held-out patients.

    Raises
    ------
    ConfigError
        If a test patient was trained on.
    """
    merge_cohorts([*cohorts.values(), test])
    return [Row(name, count, evaluate_on(model, test)) for name, count, model in train_all(cohorts, recipe)]
