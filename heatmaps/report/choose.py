"""Which page is wanted, of a slide or of a cohort, and its files."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from heatmaps.report.cohort import CohortAsked, make_cohort_page
from heatmaps.report.make import Asked, make_report
from heatmaps.report.pdf import pdf_bytes
from heatmaps.slide.options import Options
from pipelines.errors import ConfigError
from pipelines.files import write_bytes, write_text

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True)
class PageAsked:
    """Either ``cohort``, or ``model`` and ``features``, maybe with a ``slide``; the rest are the command's options."""

    slide: Path | None = None
    model: Path | None = None
    features: Path | None = None
    cohort: Path | None = None
    evaluation: Path | None = None
    language: str = "en"
    identify: bool = False
    targets: tuple[str, ...] = ()
    options: Options = field(default_factory=Options)
    slide_mpp: float | None = None
    overview_px: int = 4096
    created: str = ""


@dataclass(frozen=True)
class Written:
    """The files, and the result as JSON values."""

    files: tuple[Path, ...]
    document: dict[str, Any]


def write_page(asked: PageAsked, out: Path, pdf: Path | None = None) -> Written:
    """Make a page and write it, and its PDF where one is wanted.

    Raises
    ------
    ConfigError
        If it is not clear whether a slide or a cohort is meant.
    SetupError
        If a PDF is wanted and WeasyPrint is not there.
    """
    if asked.cohort is not None:
        return _write(*_cohort_page(asked, asked.cohort, out), out, pdf)
    if asked.model is None or asked.features is None:
        raise ConfigError("a slide's report needs --model and --features; the report of many slides needs --cohort")
    made = make_report(
        asked.slide,
        asked.model,
        asked.features,
        Asked(
            targets=asked.targets,
            slide_mpp=asked.slide_mpp,
            options=asked.options,
            language=asked.language,
            identify=asked.identify,
            overview_px=asked.overview_px,
            evaluation=asked.evaluation,
            created=asked.created,
        ),
    )
    results = [{"target": one.target, "positive": one.positive, "probability": one.probability} for one in made.scores]
    return _write(made.html, {"slide": made.name, "targets": results}, out, pdf)


def _cohort_page(asked: PageAsked, cohort: Path, out: Path) -> tuple[str, dict[str, Any]]:
    given = [
        ("SLIDE", asked.slide),
        ("--model", asked.model),
        ("--features", asked.features),
        ("--clip", asked.options.clip),
        ("--slide-mpp", asked.slide_mpp),
    ]
    for name, value in given:
        if value is not None:
            raise ConfigError(f"--cohort reads finished heatmaps, so {name} says nothing there; leave it out")
    wanted = CohortAsked(
        targets=asked.targets,
        language=asked.language,
        identify=asked.identify,
        evaluation=asked.evaluation,
        created=asked.created,
        beside=out.absolute().parent,
    )
    return make_cohort_page(cohort, wanted)


def _write(html: str, document: dict[str, Any], out: Path, pdf: Path | None) -> Written:
    printed = None if pdf is None else pdf_bytes(html)
    write_text(out, html)
    files = [out]
    if pdf is not None and printed is not None:
        write_bytes(pdf, printed)
        files.append(pdf)
    return Written(tuple(files), {**document, "files": [str(path) for path in files]})
