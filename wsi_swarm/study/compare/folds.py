"""Cross-validation over centres when no cohort was held out: whole patients, never tiles or slides, are left out."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from pipelines.errors import ConfigError
from wsi_swarm.study.compare.comparison import Row, aurocs, merge_cohorts, predict, train_all

if TYPE_CHECKING:
    from collections.abc import Mapping

    from models.cohort import Cohort
    from wsi_swarm.study.compare.recipe import Recipe


def split_patients(cohort: Cohort, folds: int, seed: int) -> dict[str, int]:
    """Give each patient of one centre a fold, spreading every combination of labels evenly.

    Raises
    ------
    ConfigError
        If a class has fewer patients than folds, so that some training part would lack it.
    """
    for target in cohort.targets:
        positives, negatives, _ = cohort.counts(target.name)
        if min(positives, negatives) < 2 or folds < 2:
            msg = (
                f"{folds} folds need at least 2 patients of each class of {target.name}; a centre has "
                f"{positives} positive and {negatives} negative; take fewer targets or leave the centre out"
            )
            raise ConfigError(msg)
    rng = np.random.default_rng([seed, folds])
    shuffled = [cohort.patients[i] for i in rng.permutation(len(cohort.patients))]
    shuffled.sort(key=lambda patient: [patient.labels.get(target.name, -1) for target in cohort.targets])
    return {patient.id: place % folds for place, patient in enumerate(shuffled)}


def part(cohort: Cohort, fold_of: Mapping[str, int], fold: int, held_out: bool) -> Cohort:
    """Return the patients of a fold, or all others."""
    chosen = tuple(patient for patient in cohort.patients if (fold_of[patient.id] == fold) == held_out)
    return replace(cohort, patients=chosen)


def cross_validate(cohorts: Mapping[str, Cohort], recipe: Recipe, folds: int) -> list[Row]:
    """Predict every patient by models that never saw the patient, and evaluate all patients of all centres together.

    Fold k of every centre is left out at once, for all models, so that they answer for the same patients. Scores of
    different folds come from different models; ranking them together makes the AUROC, if anything, too low.
    """
    fold_of = {
        name: split_patients(cohort, folds, recipe.seed + place) for place, (name, cohort) in enumerate(cohorts.items())
    }
    everybody = merge_cohorts(list(cohorts.values()))
    place_of = {patient.id: place for place, patient in enumerate(everybody.patients)}
    outcome: dict[str, dict[str, np.ndarray]] = {}
    trained_on: dict[str, list[int]] = {}
    for fold in range(folds):
        train = {name: part(cohort, fold_of[name], fold, held_out=False) for name, cohort in cohorts.items()}
        test = merge_cohorts([part(cohort, fold_of[name], fold, held_out=True) for name, cohort in cohorts.items()])
        where = [place_of[patient.id] for patient in test.patients]
        for name, count, model in train_all(train, recipe):
            trained_on.setdefault(name, []).append(count)
            scores = outcome.setdefault(name, {t.name: np.full(len(place_of), np.nan) for t in everybody.targets})
            for target, probabilities in predict(model, test).items():
                scores[target][where] = probabilities
    return [
        Row(name, round(float(np.mean(trained_on[name]))), aurocs(scores, everybody))
        for name, scores in outcome.items()
    ]
