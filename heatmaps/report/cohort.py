"""One page of all slides in a folder that ``heatmap`` filled."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from heatmaps.methods.relevance import class_label
from heatmaps.report.cohort_page import CohortInput, SlideRow, TargetCell, cohort_html
from heatmaps.report.evaluated import Evaluated, read_evaluation
from heatmaps.report.make import check_size, short_name
from heatmaps.report.words import Words
from heatmaps.slide.folder import SIDECAR, file_name
from pipelines.errors import ConfigError, InputError
from pipelines.progress import progress


@dataclass(frozen=True)
class CohortAsked:
    """What a cohort's page is asked to show.

    Attributes
    ----------
    targets : tuple of str
        All that every slide has, if empty.
    language, identify, evaluation, created
        As for a slide's report.
    beside : Path, optional
        Folder of the page, from which links lead to the slides' reports.
    """

    targets: tuple[str, ...] = ()
    language: str = "en"
    identify: bool = False
    evaluation: Path | None = None
    created: str = ""
    beside: Path | None = None


def make_cohort_page(folder: Path, asked: CohortAsked) -> tuple[str, dict[str, Any]]:
    """Return the page, and its slides and probabilities as JSON values.

    Raises
    ------
    InputError
        If there is no heatmap in the folder, or one is damaged.
    ConfigError
        If not every slide has a target that was asked for, or an evaluation is given for heatmaps of several models.
    """
    words = Words(asked.language)
    found = sorted(path.parent for pattern in (f"*/{SIDECAR}", f"*/*/{SIDECAR}") for path in folder.glob(pattern))
    if not found:
        raise InputError(
            f"{folder} holds no heatmap ({SIDECAR} of a slide); name the folder of 'wsi-swarm heatmap --out'"
        )
    with progress(len(found), "reading heatmaps", "slide") as bar:
        sidecars = []
        for one in found:
            sidecars.append(_sidecar(one))
            bar.update()
    targets = _targets(sidecars, found, asked.targets)
    models = sorted({facts["model"]["sha256"] for facts in sidecars})
    rows = [_row(one, facts, targets, asked) for one, facts in zip(found, sidecars, strict=True)]
    # By the name that the page gives: the order of the folders would tell something of theirs.
    rows.sort(key=lambda row: row.name)
    clips = {(cell.target, cell.clip) for row in rows for cell in row.cells}
    html = cohort_html(
        CohortInput(
            words=words,
            rows=rows,
            labels=[class_label(*target) for target in targets],
            one_scale=len(clips) == len(targets),
            models=len(models),
            evaluated=_evaluated(asked.evaluation, models, targets),
            created=asked.created,
            software=sidecars[0]["software"],
        )
    )
    check_size(html, "choose fewer with --target, or make pages of parts of the cohort")
    document = [
        {"slide": row.name, "targets": [{"target": cell.target, "probability": cell.probability} for cell in row.cells]}
        for row in rows
    ]
    return html, {"slides": document}


def _sidecar(folder: Path) -> dict[str, Any]:
    path = folder / SIDECAR
    try:
        facts = json.loads(path.read_text("utf-8"))
        for name in ("slide", "tiles", "model", "targets", "outputs", "software"):
            facts[name]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path} can't be read ({error!r}); make this slide's heatmap again") from error
    return facts


def _targets(sidecars: list[dict[str, Any]], folders: list[Path], wanted: tuple[str, ...]) -> list[tuple[str, str]]:
    """Return (name, positive label) of the targets that all slides have."""
    held = [{one["target"]: one["positive"] for one in facts["targets"]} for facts in sidecars]
    for name in wanted:
        for folder, has in zip(folders, held, strict=True):
            if name not in has:
                raise ConfigError(f"{folder} has no heatmap of the target {name}; it has {', '.join(has)}")
    names = wanted or [name for name in held[0] if all(has.get(name) == held[0][name] for has in held)]
    if not names:
        raise ConfigError(
            f"{folders[0].parent}: the slides' heatmaps have no target in common; give one folder per model"
        )
    return [(name, held[0][name]) for name in names]


def _row(folder: Path, facts: dict[str, Any], targets: list[tuple[str, str]], asked: CohortAsked) -> SlideRow:
    by_name = {one["target"]: one for one in facts["targets"]}
    name = facts["slide"]["id"] if asked.identify else short_name(facts["tiles"]["features_sha256"])
    report = folder / "report.html"
    # A folder is called as its slide, so a link would tell the id.
    link = None
    if asked.identify and asked.beside is not None and report.is_file():
        link = quote(Path(os.path.relpath(report.absolute(), asked.beside)).as_posix())
    cells = []
    for target, _ in targets:
        one, picture = by_name[target], f"raw-{file_name(target)}.png"
        cells.append(TargetCell(target, one["probability"], one["scale"]["clip"], _picture(folder, facts, picture)))
    return SlideRow(name, link, facts["tiles"]["count"], cells)


def _picture(folder: Path, facts: dict[str, Any], name: str) -> bytes:
    try:
        data = (folder / name).read_bytes()
        if hashlib.sha256(data).hexdigest() == facts["outputs"][name]:
            return data
    except (OSError, KeyError) as error:
        raise InputError(f"{folder / name} can't be read ({error!r}); make this slide's heatmap again") from error
    raise InputError(f"{folder / name} is not the file that {SIDECAR} names; make this slide's heatmap again")


def _evaluated(folder: Path | None, models: list[str], targets: list[tuple[str, str]]) -> list[Evaluated]:
    if folder is None:
        return []
    if len(models) != 1:
        raise ConfigError(
            f"the heatmaps come from {len(models)} models, and --evaluation is of one; give one folder per model"
        )
    return read_evaluation(folder, models[0], targets)
