"""Kind ``drawn_slides``: slides that are drawn (``wsi_swarm.study.drawing``), tiled and described."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Annotated, Self

from pydantic import Field, model_validator

from models.encoders import DEFAULT_ENCODER
from wsi_swarm.errors import ConfigError
from wsi_swarm.study.drawing.cases import BRAF, MSI, CentrePlan, plan_cases
from wsi_swarm.study.sources.csv_file import write_csv
from wsi_swarm.study.sources.options import FileName, Options, Place, each
from wsi_swarm.study.sources.record import claim, finish
from wsi_swarm.study.types import SlideSource

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from wsi_swarm.study.drawing.cases import Case
    from wsi_swarm.study.drawing.draw import CentreFolder

CENTRE = "CENTRE"
_JOB, _CENTRES = "job", "centres"

Number = Annotated[int, Field(ge=1, le=100_000)]
Part = Annotated[float, Field(ge=0, le=1)]
Shift = Annotated[float, Field(ge=-1, le=1)]
SideUm = Annotated[float, Field(ge=400, le=10_000)]


class DrawnSlidesOptions(Options):
    """Centres and their case mix; one value for all centres or a list with one for each.

    Attributes
    ----------
    patients, msi_share, mucin_shift, lymphocyte_shift, atypical_msi, atypical_braf, missing
        As in ``drawing.cases.CentrePlan``; the two ``atypical`` are the same for all centres.
    centre
        Prefix of patients' ids; it decides the look of the stain. None: the cohort's name.
    side_um
        Range of the side of a slide. By default smaller than the demo's: a patient takes half the time and has about
        30 tiles instead of 85, and the same share of them shows the label; with fewer tiles it is told less surely.
    keep_slides
        Whether slides stay when their tiles are described; one that is gone can be drawn again (``draw_again``).
    """

    patients: Number | list[Number]
    msi_share: Part | list[Part]
    centre: FileName | list[FileName] | None = None
    mucin_shift: Shift | list[Shift] = 0.0
    lymphocyte_shift: Shift | list[Shift] = 0.0
    atypical_msi: tuple[Part, Part, Part, Part] = Field(default=(0.12, 0.12, 0.12, 0.20), strict=False)
    atypical_braf: tuple[Part, Part] = Field(default=(0.10, 0.15), strict=False)
    missing: Part | list[Part] = 0.0
    side_um: tuple[SideUm, SideUm] = Field(default=(700.0, 800.0), strict=False)
    keep_slides: bool = False

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        names = self.centre if isinstance(self.centre, list) else [self.centre]
        if not names or len(set(names)) != len(names):
            msg = "centre must name at least one centre and each only once"
            raise ValueError(msg)
        for name in ("patients", "msi_share", "mucin_shift", "lymphocyte_shift", "missing"):
            each(name, getattr(self, name), len(names))
        if self.side_um[0] > self.side_um[1]:
            msg = f"side_um = {list(self.side_um)} is no range; write the smaller number first"
            raise ValueError(msg)
        return self

    def plans(self, cohort: str) -> list[CentrePlan]:
        """Return what is planned of each centre."""
        names = self.centre if isinstance(self.centre, list) else [self.centre or cohort]
        columns = (names, self.patients, self.msi_share, self.mucin_shift, self.lymphocyte_shift, self.missing)
        return [
            CentrePlan(name, patients, share, mucin, lymphocytes, self.atypical_msi, self.atypical_braf, missing)
            for name, patients, share, mucin, lymphocytes, missing in zip(
                *(each("", column, len(names)) for column in columns), strict=True
            )
        ]


def load_drawn_slides(place: Place, options: DrawnSlidesOptions) -> SlideSource:
    """Draw, tile and describe, unless that is done; a killed call goes on where it was.

    Clinical columns are CENTRE, MSI and BRAF.
    """
    source = SlideSource(
        place.name,
        place.work / "clini.csv",
        place.work / "slides.csv",
        place.work / _JOB / "features" / DEFAULT_ENCODER,
        drawn=True,
    )
    if not claim(place, "drawn_slides", options):
        cases = _cases(place, options)
        _describe(place, options, cases)
        rows = [[one.patient, one.centre, one.label(MSI), one.label(BRAF)] for one in cases]
        write_csv(source.clini, ["PATIENT", CENTRE, MSI, BRAF], rows)
        write_csv(source.slides, ["PATIENT", "FILENAME"], [[one.patient, f"{one.patient}.tif"] for one in cases])
        finish(place, "drawn_slides", options)
    if not options.keep_slides:
        for folder in (*(place.work / _CENTRES).glob("*/slides"), place.work / _JOB / "thumbnails"):
            shutil.rmtree(folder, ignore_errors=True)
    return source


def draw_again(place: Place, options: DrawnSlidesOptions, patients: Sequence[str]) -> list[Path]:
    """Draw some of the slides into the cohort's folder again, byte by byte as they were; return their files.

    The next call of ``load_drawn_slides`` removes them, unless ``keep_slides``.

    Raises
    ------
    ConfigError
        If one of the patients is none of the cohort.
    """
    cases = {one.patient: one for one in _cases(place, options)}
    strangers = [patient for patient in patients if patient not in cases]
    if strangers:
        msg = f"cohort '{place.name}' has no patient {', '.join(strangers)}"
        raise ConfigError(msg)
    folders = {one.name: one for one in _draw(place, options, [cases[patient] for patient in patients])}
    return [folders[cases[patient].centre].slides / f"{patient}.tif" for patient in patients]


def _cases(place: Place, options: DrawnSlidesOptions) -> list[Case]:
    return sorted(plan_cases(place.seed, options.plans(place.name)), key=lambda one: one.patient)


def _draw(place: Place, options: DrawnSlidesOptions, cases: Sequence[Case]) -> list[CentreFolder]:
    from wsi_swarm.study.drawing.draw import draw_cohort  # OpenCV

    return draw_cohort(place.work / _CENTRES, cases, place.seed, side_um=options.side_um)


def _describe(place: Place, options: DrawnSlidesOptions, cases: Sequence[Case]) -> None:
    from wsi_swarm.study.sources.describing import describe_tiles  # torch

    for folder in _draw(place, options, cases):
        describe_tiles(folder.slides, place.work / _JOB)
