"""Top tiles by arm, for a reader: what each model leans on in the same test slides."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import cv2
import numpy as np

from heatmaps.drawing.render import encode_jpeg
from heatmaps.drawing.tile_pictures import tile_picture
from heatmaps.methods.attribution import contributions
from models.model_file import Model
from pipelines.features import read_any
from pipelines.files import write_bytes, write_json
from pipelines.slides import open_slide
from wsi_swarm.study.job import dealt, train_arms
from wsi_swarm.study.materials.slides import SlideMaterial
from wsi_swarm.swarm.node.learning import model_spec

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from pipelines.features import Features
    from wsi_swarm.study.job import Trained
    from wsi_swarm.study.runner import Job, Runner

COLUMNS, ROWS = 6, 2
SIDE_PX = 160
Pick = tuple[float, int, int]
"""Contribution in log-odds, row of the patient, index of the tile."""


def make_galleries(runner: Runner, job: Job) -> dict[str, str]:
    """Write one contact sheet for each model of a job: its strongest tile in each of the test patients with the target.

    Only the strongest tile of a patient's first slide is shown, and the patients in whom it is strongest.

    Returns
    -------
    galleries
        Path in the study's folder by model; empty where the cohort's slides are not at hand.
    """
    material, seed = runner.material(job.plan), runner.seed(job.repeat)
    tested = job.plan.test if isinstance(job.plan.test, tuple) else job.plan.train
    at_hand = all(runner.has_slides(cohort) for cohort in tested)
    if not at_hand or not isinstance(material, SlideMaterial) or not material.explains(job.how.settings):
        return {}
    index = runner.out / "galleries" / f"{runner.key(job)}.json"
    if not index.is_file():
        parts = dealt(material, job.plan, seed)
        rows = [int(row) for row in parts.test if material.pool.labels[row, 0] == 1]
        models = train_arms(material, runner.study.targets, job.plan, job.how, parts.nodes, seed)
        index.parent.mkdir(parents=True, exist_ok=True)
        write_json(index, _write(index.with_suffix(""), runner, material, rows, models))  # last: the sheets are whole
    return json.loads(index.read_text("utf-8"))


def _write(
    folder: Path, runner: Runner, material: SlideMaterial, rows: Sequence[int], models: Iterable[Trained]
) -> dict[str, str]:
    target, pool = runner.study.targets[0].name, material.pool
    features = {row: read_any(material.first_file(row)) for row in rows}
    picks = {f"{one.arm} {one.node}".strip(): _picks(one, features, target) for one in models}
    shown = sorted({row for of_arm in picks.values() for _, row, _ in of_arm})
    slides = {row: runner.slide(pool.cohorts[row], pool.patients[row]) for row in shown}
    folder.mkdir(exist_ok=True)
    written: dict[str, str] = {}
    for number, (name, of_arm) in enumerate(picks.items()):
        path = folder / f"{number}.jpg"
        write_bytes(path, _sheet(of_arm, features, slides))
        written[name] = str(path.relative_to(runner.out))
    return written


def _picks(one: Trained, features: Mapping[int, Features], target: str) -> list[Pick]:
    model = Model(one.state, model_spec(one.config))
    found: list[Pick] = []
    for row, tiles in features.items():
        shares = contributions(model, tiles, target).contribution
        best = int(shares.argmax())
        found.append((float(shares[best]), row, best))
    return sorted(found, key=lambda pick: (-pick[0], pick[1]))[: COLUMNS * ROWS]


def _sheet(picks: Sequence[Pick], features: Mapping[int, Features], slides: Mapping[int, Path]) -> bytes:
    sheet = np.full((ROWS * SIDE_PX, COLUMNS * SIDE_PX, 3), 255, np.uint8)
    for place, (_, row, tile) in enumerate(picks):
        tiles = features[row]
        x, y = tiles.coords[tile].tolist()
        with open_slide(slides[row]) as slide:
            picture = tile_picture(slide, x, y, tiles.tile_px_level0)
        if picture is None:
            continue
        top, left = place // COLUMNS * SIDE_PX, place % COLUMNS * SIDE_PX
        small = cv2.resize(picture, (SIDE_PX - 4, SIDE_PX - 4), interpolation=cv2.INTER_AREA)
        sheet[top + 2 : top + SIDE_PX - 2, left + 2 : left + SIDE_PX - 2] = small
    return encode_jpeg(sheet)
