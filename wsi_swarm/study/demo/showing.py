"""What people look at after the demo: heatmaps of two models, a report, a cohort's page, and a ready reader kit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from heatmaps.making.cohort_run import NamedModel, explain_cohort
from heatmaps.making.cohort_slides import CohortSlide
from heatmaps.methods.attribution import contributions
from heatmaps.readers.blinding.release import build_proved_kits
from heatmaps.readers.choosing.choose import Wanted
from heatmaps.readers.choosing.write import STUDY, Request, write_items
from heatmaps.readers.kit.key import KEY_NAME
from heatmaps.report.cohort import CohortAsked, make_cohort_page
from heatmaps.slide.options import Options
from pipelines.errors import WsiSwarmError
from pipelines.features import read_features
from pipelines.files import write_text
from wsi_swarm.study.demo.beside_truth import draw_beside_truth, localisation
from wsi_swarm.study.drawing.cases import MSI
from wsi_swarm.study.drawing.layout import TUMOUR
from wsi_swarm.study.drawing.truth import read_truth

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from models.cohort import Cohort
    from models.model_file import Model
    from wsi_swarm.study.drawing.draw import CentreFolder

CREATED = "(demo)"
_SLIDES_SHOWN = 3
"""Of each class, so that the demo stays short."""


@dataclass(frozen=True)
class Shown:
    """How well contributions find planted evidence, and where everything that people open lies.

    Attributes
    ----------
    case : str
        The case whose report is shown.
    auroc, median, median_in_tumour : float
        Of the case; and over all ``cases`` held-out MSI cases, among all tiles and among those of the tumour.
    picture, report, cohort : Path
        Heatmap beside the truth, report of the case, page of all slides with heatmaps.
    kits : tuple of Path
        One per reader.
    """

    case: str
    auroc: float
    median: float
    median_in_tumour: float
    cases: int
    picture: Path
    report: Path
    cohort: Path
    kits: tuple[Path, ...]


def show(out: Path, folder: CentreFolder, features: Path, test: Cohort, models: Mapping[str, Model]) -> Shown:
    """Explain held-out slides with each model, and make pages and kits of them.

    Parameters
    ----------
    out : Path
        Of the demo.
    folder : CentreFolder
        The held-out centre.
    features : Path
        Folder of its feature files.
    test : Cohort
        Its patients.
    models : mapping of str to Model
        By name; the first is the one that is shown, the others are what readers compare it with.
    """
    name, model = next(iter(models.items()))
    found, in_tumour = _localisations(folder, features, test, model)
    # Neither the best nor the worst: the case in the middle of all held-out MSI cases.
    case = sorted(found, key=lambda patient: (found[patient], patient))[len(found) // 2]
    heatmaps = out / "heatmaps"
    named = [NamedModel(key, one, heatmaps / key) for key, one in models.items()]
    chosen = [CohortSlide(p, p, features / f"{p}.h5", folder.slides / f"{p}.tif") for p in _slides(test, case)]
    for one in named:
        # All targets of the model that is shown; of those it is compared with the one that readers judge.
        targets = () if one.name == name else (MSI,)
        for outcome in explain_cohort(chosen, [one], targets, None, Options(), one_scale=True, created=CREATED):
            if outcome.reason:
                raise WsiSwarmError(f"the heatmap of {outcome.slide.name} failed: {outcome.reason}")
    page = heatmaps / f"{name}.html"
    asked = CohortAsked(identify=True, created=CREATED, beside=heatmaps)
    write_text(page, make_cohort_page(heatmaps / name, asked)[0])
    picture = heatmaps / f"{case}-beside-truth.png"
    truth = read_truth(folder.truth, case)
    slide = folder.slides / f"{case}.tif"
    draw_beside_truth(picture, slide, read_features(features / f"{case}.h5"), model, MSI, truth)
    return Shown(
        case=case,
        auroc=found[case],
        median=float(np.median(list(found.values()))),
        median_in_tumour=float(np.median(in_tumour)),
        cases=len(found),
        picture=picture,
        report=heatmaps / name / case / "report.html",
        cohort=page,
        kits=_kits(out / "reader-study", heatmaps, folder, list(models)),
    )


def _localisations(
    folder: CentreFolder, features: Path, test: Cohort, model: Model
) -> tuple[dict[str, float], list[float]]:
    """Return the localisation by MSI case among all tiles, and the values among tiles of the tumour."""
    found: dict[str, float] = {}
    in_tumour: list[float] = []
    for patient in test.patients:
        if patient.labels.get(MSI) != 1:
            continue
        tiles = read_features(features / f"{patient.id}.h5")
        truth = read_truth(folder.truth, patient.id)
        scores = contributions(model, tiles, MSI)
        whole, tumour = localisation(scores, tiles, truth), localisation(scores, tiles, truth, TUMOUR)
        if whole is not None:
            found[patient.id] = whole.value
        if tumour is not None:
            in_tumour.append(tumour.value)
    return found, in_tumour


def _slides(test: Cohort, case: str) -> list[str]:
    """Return the shown case and the first others, as many of each class."""
    positive = [case, *(p.id for p in test.patients if p.labels.get(MSI) == 1 and p.id != case)]
    negative = [p.id for p in test.patients if p.labels.get(MSI) == 0]
    return sorted(positive[:_SLIDES_SHOWN] + negative[:_SLIDES_SHOWN])


def _kits(study: Path, heatmaps: Path, folder: CentreFolder, arms: Sequence[str]) -> tuple[Path, ...]:
    """Choose tiles, build and prove the kits; those of a finished demo are kept, since readers may have them."""
    if not (study / "key" / KEY_NAME).is_file():
        items = study / "items.csv"
        # A run that was cut off may have left a table without kits.
        items.unlink(missing_ok=True)
        (study / STUDY).unlink(missing_ok=True)
        wanted = Wanted(slides=_SLIDES_SHOWN, top=2, opposite_slides=2)
        by_name = {name: heatmaps / name for name in arms}
        asked = Request("tile-plausibility", by_name, MSI, folder.slide_table, folder.slides, folder.clini, wanted)
        write_items(asked, items)
        build_proved_kits(study / STUDY, study)
    return tuple(sorted((study / "kits").glob("*.zip")))
