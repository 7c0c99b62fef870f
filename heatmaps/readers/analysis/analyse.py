"""From a table of answers to an analysis, by the template that the table is of."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from heatmaps.readers.analysis.answer_table import Answers, pictures, read_answer_table
from heatmaps.readers.analysis.found import Analysis
from heatmaps.readers.analysis.plausibility.agreement import agreement_section
from heatmaps.readers.analysis.plausibility.arms import arms_section
from heatmaps.readers.analysis.plausibility.differences import differences_section
from heatmaps.readers.analysis.plausibility.tiles import tiles_of
from heatmaps.readers.analysis.preference.agreement import choice_agreement
from heatmaps.readers.analysis.preference.plausible import plausible_section
from heatmaps.readers.analysis.preference.section import preference_section
from heatmaps.readers.analysis.quality import quality
from heatmaps.readers.analysis.with_ai.advice_section import advice_section
from heatmaps.readers.analysis.with_ai.effort_section import effort_section
from heatmaps.readers.analysis.with_ai.mrmc_section import mrmc_section
from heatmaps.readers.analysis.with_ai.readings import readings_of
from pipelines.progress import progress

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from heatmaps.readers.analysis.found import Said, Section
    from heatmaps.readers.statistics.crossed import Covariances

    Part = Callable[[], tuple[Section, tuple[Said, ...], dict[str, str]]]


@dataclass(frozen=True)
class Options:
    """What the user chooses.

    Attributes
    ----------
    seed
        Of every bootstrap.
    leave_out
        Deviations whose answers are left out.
    features
        Options that count as a feature of the class (tile plausibility).
    arms
        Groups in the order in which they are shown and subtracted (tile plausibility); others follow.
    covariances
        Of the areas over cases (AI assistance).
    threshold
        Likelihood from 0 to 100 from which on a case is called positive, where no decision was asked.
    ai_threshold
        Probability from which on the AI's advice is positive.
    """

    seed: int = 0
    leave_out: tuple[str, ...] = ()
    features: tuple[str, ...] = ()
    arms: tuple[str, ...] = ()
    covariances: Covariances = "jackknife"
    threshold: float = 50.0
    ai_threshold: float = 0.5


def analyse(path: Path, options: Options) -> Analysis:
    """Read a table of answers and analyse it.

    Raises
    ------
    InputError, ConfigError
        As ``read_answer_table`` and the templates' own analyses say.
    """
    answers = read_answer_table(path, options.leave_out)
    parts = {
        "tile-plausibility": _plausibility,
        "heatmap-preference": _preference,
        "ai-assistance": _with_ai,
    }[answers.template](answers, options)
    findings: list[Said] = []
    sections: list[Section] = []
    files: dict[str, str] = {}
    with progress(len(parts), "analyse", "part") as bar:
        for part in parts:
            section, said, more = part()
            sections.append(section)
            findings += said
            files |= more
            bar.update()
    sections.append(quality(answers))
    told = asdict(options)
    return Analysis(answers.template, tuple(findings), tuple(sections), files, told, _facts(answers))


def _plausibility(answers: Answers, options: Options) -> list[Part]:
    tiles = tiles_of(answers, options.features, options.arms)
    return [
        lambda: (*arms_section(tiles, options.seed), {}),
        lambda: (*differences_section(tiles, options.seed), {}),
        lambda: (*agreement_section(tiles, options.seed), {}),
    ]


def _preference(answers: Answers, options: Options) -> list[Part]:
    parts = [lambda: (*preference_section(answers, options.seed), {})]
    if answers.frame["question"].str.startswith("plausible.").any():
        parts.append(lambda: (*plausible_section(answers, options.seed), {}))
    parts.append(lambda: (*choice_agreement(answers, options.seed), {}))
    return parts


def _with_ai(answers: Answers, options: Options) -> list[Part]:
    readings = readings_of(answers, options.threshold)
    return [
        lambda: mrmc_section(readings, options.covariances, f"wsi-swarm reader analyse, {answers.file}"),
        lambda: (*advice_section(readings, options.ai_threshold, options.seed), {}),
        lambda: (*effort_section(readings, options.seed), {}),
    ]


def _facts(answers: Answers) -> dict[str, str | int | bool]:
    base = answers.all_rows["item"].where(answers.all_rows["repeat_of"] == "", answers.all_rows["repeat_of"])
    return {
        "file": answers.file,
        "sha256": answers.sha256,
        "rows": len(answers.all_rows),
        "readers": answers.all_rows["reader"].nunique(),
        "items": base.nunique(),
        "patients": answers.all_rows["patient"].nunique() if answers.patients_named else 0,
        "pictures_answered": len(pictures(answers.all_rows)),
        "patients_named": answers.patients_named,
    }
