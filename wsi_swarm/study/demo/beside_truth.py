"""A heatmap beside what was planted: one picture for people, one number for everybody."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from heatmaps.drawing import reading, render
from heatmaps.drawing.figure import Legend, Panel, draw
from heatmaps.methods.attribution import contributions
from heatmaps.slide.explained import ExplainedSlide
from heatmaps.slide.options import Options
from models.evaluation.auroc import Auroc, auroc_interval
from pipelines.files import write_bytes
from pipelines.slides import open_slide
from wsi_swarm.study.drawing.layout import Region
from wsi_swarm.study.drawing.truth import LYMPHOCYTE_RICH, NAMES, share_of_tiles

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from heatmaps.methods.attribution import Scores
    from models.model_file import Model
    from pipelines.features import Features
    from wsi_swarm.study.drawing.layout import Layout

COVERED = 0.5
"""A tile shows the evidence when at least this share of it does."""


def localisation(
    scores: Scores, features: Features, truth: Layout, among: Sequence[Region] = tuple(Region)
) -> Auroc | None:
    """Return how well contributions rank the tiles that show planted evidence above others.

    Parameters
    ----------
    scores, features, truth : of one slide.
    among : only tiles that lie in these regions are ranked; all by default.

    Returns
    -------
    None if all of these tiles show it, or none does.
    """
    shows, counts = (
        share_of_tiles(where, features.coords, features.tile_px_level0, features.slide_size[0]) >= COVERED
        for where in (truth.evidence(scores.target), np.isin(truth.regions, among))
    )
    if shows[counts].all() or not shows[counts].any():
        return None
    return auroc_interval(shows[counts].astype(int), scores.contribution[counts])


def draw_beside_truth(
    out: Path, slide_path: Path, features: Features, model: Model, target: str, truth: Layout
) -> Auroc | None:
    """Write a picture of tissue, planted truth and heatmap side by side; return the localisation.

    Parameters
    ----------
    out : PNG file to write.
    slide_path, features, truth : of one drawn slide.
    model, target : what is explained.
    """
    scores = contributions(model, features, target)
    found = localisation(scores, features, truth)
    with open_slide(slide_path) as slide:
        explained = ExplainedSlide(slide, model, features, (scores,), Options())
        tissue = explained.thumbnail
        ground = render.underlay(tissue)
        heat = render.overlay(ground, explained.on_thumbnail(scores), explained.scales[0].clip)
        panels = [
            Panel(tissue, "Drawn slide"),
            Panel(_planted(ground, truth, target), f"Planted: what goes with {scores.label}"),
            Panel(heat, f"What the model used: {scores.probability:.0%} {scores.label}"),
        ]
        ranked = "not defined" if found is None else f"{found.value:.2f}"
        legend = Legend(
            title=f"Heatmap beside the planted truth: {features.slide_id}",
            subtitle="The slide is drawn, not real: nobody ever had this tumour. Research use only.",
            notes=(
                f"Localisation: contributions rank tiles with planted evidence above others with AUROC {ranked}.",
                f"Model {model.sha256[:16]}, {features.encoder} features, {len(features.coords)} tiles of "
                f"{features.tile_um:g} µm.",
            ),
            ends=reading.bar_ends(explained.method, scores.label),
            numbers=reading.bar_numbers(explained.method, explained.scales[0]),
        )
        write_bytes(out, draw(panels, legend, explained.scales[0], explained.bar))
    return found


def _planted(ground: np.ndarray, truth: Layout, target: str) -> np.ndarray:
    """Tint the planted evidence by kind, with the names in the corner."""
    height, width = ground.shape[:2]
    evidence = truth.evidence(target)
    layers = [(*NAMES[region], evidence & (truth.regions == region)) for region in Region if region in NAMES]
    if target == "MSI":
        layers.append((*LYMPHOCYTE_RICH, truth.lymphocyte_rich))
    picture = ground.astype(np.float32)
    shown: list[tuple[str, tuple[int, int, int]]] = []
    for name, colour, mask in layers:
        if not mask.any() or (name in {"Tumor: glandular", "Tumor: serrated"} and target == "MSI"):
            continue
        large = cv2.resize(mask.astype(np.uint8), (width, height), interpolation=cv2.INTER_NEAREST) > 0
        picture[large] *= 0.45 + 0.55 * np.array(colour, np.float32) / 255
        shown.append((name, colour))
    image = np.ascontiguousarray(picture.astype(np.uint8))
    size = width / 1100
    for line, (name, colour) in enumerate(shown):
        x, y = int(16 * size), int((22 + 30 * line) * size)
        box = (int(20 * size), int(20 * size))
        cv2.rectangle(image, (x, y), (x + box[0], y + box[1]), colour, -1)
        corner = (x + int(30 * size), y + int(17 * size))
        cv2.putText(image, name, corner, cv2.FONT_HERSHEY_SIMPLEX, 0.62 * size, (30, 30, 30), 1, cv2.LINE_AA)
    return image
