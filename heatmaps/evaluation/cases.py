"""The slides that methods are evaluated on: those of tables, or every feature file of a folder."""

from __future__ import annotations

from typing import TYPE_CHECKING

from heatmaps.evaluation.results import Case
from models.cohort import load_cohort, load_unlabelled_cohort
from pipelines.errors import ConfigError, InputError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from models.model_file import Model


def find_cases(
    model: Model, features: Path, target: str, clini: Path | None, slides: Path | None, positive: str
) -> tuple[list[Case], Sequence[str]]:
    """Return the slides, and a sentence for each that the tables name and that is left out.

    Parameters
    ----------
    model : Model
    features : Path
        Folder of feature files.
    target : str
    clini, slides : Path, optional
        Tables; labels are known with both, patients with the slide table.
    positive : str
        Positive label as the clinical table spells it; the model's own if empty.

    Raises
    ------
    ConfigError
        If a clinical table or a label is given without a slide table, or a table is invalid.
    InputError
        If there is nothing to evaluate.
    """
    _, wanted = model.spec.target(target)
    if clini is not None and slides is not None:
        cohort = load_cohort(clini, slides, features, [target], {target: positive or wanted.positive})
    elif clini is not None or positive:
        raise ConfigError("--clini and --positive need the slide table too; give --slides")
    elif slides is not None:
        cohort = load_unlabelled_cohort(slides, features)
    else:
        paths = sorted(features.glob("*.h5")) if features.is_dir() else []
        if not paths:
            raise InputError(f"{features} is no folder with feature files (*.h5); name the one that extract wrote")
        return [Case(path, path.stem) for path in paths], ()
    found = [
        Case(path, patient.id, patient.labels.get(target)) for patient in cohort.patients for path in patient.slides
    ]
    return found, cohort.dropped
