"""Drawing a whole cohort into folders, one per centre, as centres keep their data."""

from __future__ import annotations

import csv
import io
import multiprocessing
import os
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

from pipelines.files import write_text
from pipelines.progress import progress
from wsi_swarm.study.drawing.cases import BRAF, MSI, Case
from wsi_swarm.study.drawing.layout import LAYOUT_UM, Layout, plan_layout
from wsi_swarm.study.drawing.slide_file import write_slide
from wsi_swarm.study.drawing.stain import StainStyle, stained, style_of
from wsi_swarm.study.drawing.tissue import TissuePainter
from wsi_swarm.study.drawing.truth import write_truth

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from wsi_swarm.study.drawing.texture import Array

SIDE_UM = (1200.0, 1400.0)
"""Range of the side of a square slide in um."""


@dataclass(frozen=True)
class CentreFolder:
    """Where one centre's drawn data lie.

    Attributes
    ----------
    path : the centre's folder.
    """

    path: Path

    @property
    def name(self) -> str:
        """Name of the centre."""
        return self.path.name

    @property
    def slides(self) -> Path:
        """Folder of slide files."""
        return self.path / "slides"

    @property
    def truth(self) -> Path:
        """Folder of planted truth."""
        return self.path / "truth"

    @property
    def clini(self) -> Path:
        """Clinical table: PATIENT, MSI, BRAF."""
        return self.path / "clini.csv"

    @property
    def slide_table(self) -> Path:
        """Slide table: PATIENT, FILENAME."""
        return self.path / "slides.csv"


@dataclass(frozen=True)
class DrawnSlide:
    """One slide in memory: picture uint8 (side, side, 3), its um per pixel, its style and its truth."""

    picture: Array
    mpp: float
    style: StainStyle
    layout: Layout
    tissue: Array


def draw_slide(case: Case, cohort_seed: int, mpp: float = 0.5, side_um: tuple[float, float] = SIDE_UM) -> DrawnSlide:
    """Draw one slide; a function of its arguments alone.

    Parameters
    ----------
    case : the patient; its seed decides everything that the morphology leaves open.
    cohort_seed : decides the look of each centre.
    mpp : nominal um per pixel; the slide's own differs by up to 2 %.
    side_um : range of the slide's side.
    """
    cv2.setNumThreads(1)
    rng = np.random.default_rng([case.seed, 3])
    own_mpp = round(mpp * rng.uniform(0.98, 1.02), 4)
    side = round(rng.uniform(*side_um) / LAYOUT_UM) * LAYOUT_UM
    layout = plan_layout(rng, case.morphology, side)
    painted = TissuePainter(rng, layout, own_mpp).paint()
    style = style_of(case.centre, case.seed, cohort_seed)
    picture = stained(painted.haematoxylin, painted.eosin, painted.tissue, style, rng)
    return DrawnSlide(picture, own_mpp, style, layout, painted.tissue)


def draw_cohort(
    out: Path,
    cases: Sequence[Case],
    cohort_seed: int,
    workers: int | None = None,
    side_um: tuple[float, float] = SIDE_UM,
) -> list[CentreFolder]:
    """Draw every case into ``out/<centre>/`` with tables and truth; slides that are there already are kept."""
    folders = {case.centre: CentreFolder(out / case.centre) for case in cases}
    for centre, folder in folders.items():
        write_tables(folder, [case for case in cases if case.centre == centre])
    missing = [case for case in cases if not (folders[case.centre].slides / f"{case.patient}.tif").is_file()]
    # Spawned, not forked: the parent may have started threads (torch, OpenCV) that a fork would leave half alive.
    context = multiprocessing.get_context("spawn")
    workers = workers or len(os.sched_getaffinity(0))
    with progress(len(cases), "drawing slides", "slide") as bar:
        bar.update(len(cases) - len(missing))
        if missing:
            with ProcessPoolExecutor(min(workers, len(missing)), mp_context=context) as pool:
                jobs = [pool.submit(_draw_to_file, folders[c.centre], c, cohort_seed, side_um) for c in missing]
                for job in as_completed(jobs):
                    job.result()
                    bar.update()
    return list(folders.values())


def write_tables(folder: CentreFolder, cases: Sequence[Case]) -> None:
    """Write STAMP's two tables of one centre."""
    write_text(folder.clini, _csv(["PATIENT", MSI, BRAF], [[c.patient, c.label(MSI), c.label(BRAF)] for c in cases]))
    write_text(folder.slide_table, _csv(["PATIENT", "FILENAME"], [[c.patient, f"{c.patient}.tif"] for c in cases]))


def _draw_to_file(folder: CentreFolder, case: Case, cohort_seed: int, side_um: tuple[float, float]) -> None:
    slide = draw_slide(case, cohort_seed, side_um=side_um)
    # The slide comes last: where it is, the truth is too.
    write_truth(folder.truth, case.patient, slide.layout, slide.picture.shape[0])
    write_slide(folder.slides / f"{case.patient}.tif", slide.picture, slide.mpp, slide.style.jpeg_quality)


def _csv(header: list[str], rows: list[list[str]]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([header, *rows])
    return text.getvalue()
