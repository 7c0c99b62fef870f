"""Heatmaps of many slides with one or several models: a bad slide never takes the run with it."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from heatmaps.drawing.colours import symmetric_scale
from heatmaps.exports import refuse_unknown
from heatmaps.making.cohort_slides import Outcome
from heatmaps.making.slide_heatmap import make_heatmap
from heatmaps.methods.base import chosen_targets, refuse_unsupported
from heatmaps.slide.opened import opened
from heatmaps.slide.options import CohortScale
from models.feature_kind import read_kind
from models.model_file import load_model
from models.predict import check_kind
from pipelines.errors import ConfigError, InputError, WsiSwarmError
from pipelines.features import describe_any
from pipelines.progress import progress, say

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from heatmaps.making.cohort_slides import CohortSlide
    from heatmaps.slide.options import Options
    from models.model_file import Model

_FAULTS = (WsiSwarmError, OSError, ArithmeticError, ValueError)
"""What a slide, its features or the disk under them can do wrong."""


@dataclass(frozen=True)
class NamedModel:
    """A model, the name that its results go by, and their folder."""

    name: str
    model: Model
    out: Path


def load_models(paths: Sequence[Path], out: Path) -> list[NamedModel]:
    """Load models; the results of one go to ``out``, those of several to ``out/<file name without suffix>``.

    Raises
    ------
    ConfigError
        If two have one name.
    InputError
        If a file is no model.
    """
    paths = list(dict.fromkeys(paths))
    names = [path.stem for path in paths]
    for name in names:
        if names.count(name) > 1:
            same = " and ".join(str(path) for path in paths if path.stem == name)
            msg = f"{same} would share the folder {out / name}; rename one, or run them into two --out"
            raise ConfigError(msg)
    return [NamedModel(path.stem, load_model(path), out / path.stem if len(paths) > 1 else out) for path in paths]


def explain_cohort(
    slides: Sequence[CohortSlide],
    models: Sequence[NamedModel],
    targets: Sequence[str],
    slide_mpp: float | None,
    options: Options,
    *,
    one_scale: bool = False,
    created: str = "",
    exports: Sequence[str] = (),
) -> list[Outcome]:
    """Explain every slide with every model.

    Parameters
    ----------
    slides, models, targets, options
        As ``make_heatmap`` takes them.
    slide_mpp : float, optional
        For all slides whose file doesn't say it.
    one_scale : bool
        Whether all slides of a model share one scale per target; every slide is then explained twice.
    created : str
        Date for reports and sidecars.
    exports : sequence of str
        As ``make_heatmap`` takes them.

    Returns
    -------
    list of Outcome
        One per model and slide, in this order; those that failed say why.

    Raises
    ------
    InputError
        If a model lacks a target, or the method does not support it.
    ConfigError
        If an option is out of range.
    """
    options.check()
    refuse_unknown(exports)
    for one in models:
        refuse_unsupported(options.explainer(), one.model)
        chosen_targets(one.model, targets)
    run = _Run(list(targets), slide_mpp, options, created, exports)
    return [outcome for one in models for outcome in run.model(one, slides, one_scale)]


@dataclass(frozen=True)
class _Run:
    targets: list[str]
    slide_mpp: float | None
    options: Options
    created: str
    exports: Sequence[str]

    def model(self, model: NamedModel, slides: Sequence[CohortSlide], one_scale: bool) -> list[Outcome]:
        options = self.options
        if one_scale:
            scale, slides = self._scale(model, slides)
            options = replace(options, clip=None, cohort=scale)
        found = []
        with progress(len(slides), f"heatmaps, {model.name}", "slide") as bar:
            for slide in slides:
                found.append(self._one(model, slide, options))
                if found[-1].reason:
                    say(f"{slide.name}: {found[-1].reason}")
                bar.update()
        return found

    def _one(self, model: NamedModel, slide: CohortSlide, options: Options) -> Outcome:
        if slide.fault:
            return Outcome(slide, model.name, "failed", slide.fault)
        try:
            check_name(slide)
            mpp = slide.mpp if slide.mpp is not None else self.slide_mpp
            made = make_heatmap(
                slide.slide,
                model.model,
                slide.features,
                model.out,
                self.targets,
                mpp,
                options,
                self.created,
                self.exports,
                quiet=True,
            )
        except _FAULTS as error:
            return Outcome(slide, model.name, "failed", str(error))
        state = "reused" if made.reused else "made"
        return Outcome(slide, model.name, state, folder=made.folder, sidecar=made.sidecar)

    def _scale(self, model: NamedModel, slides: Sequence[CohortSlide]) -> tuple[CohortScale | None, list[CohortSlide]]:
        """Return the scale of all slides, and the slides, those that could not be explained with their fault."""
        values: dict[str, list[np.ndarray]] = defaultdict(list)
        seen: list[CohortSlide] = []
        with progress(len(slides), f"scale, {model.name}", "slide") as bar:
            for slide in slides:
                fault = slide.fault or self._magnitudes(model.model, slide, values)
                seen.append(replace(slide, fault=fault))
                bar.update()
        good = sum(not slide.fault for slide in seen)
        if not good:
            return None, seen
        clips = {name: symmetric_scale(np.concatenate(found)).clip for name, found in values.items()}
        return CohortScale(clips, good), seen

    def _magnitudes(self, model: Model, slide: CohortSlide, values: dict[str, list[np.ndarray]]) -> str:
        """Add a slide's values by target; return why that is not possible."""
        mpp = slide.mpp if slide.mpp is not None else self.slide_mpp
        try:
            check_kind(model.spec, read_kind(slide.features))
            with opened(slide.slide, mpp, slide.features) as (_, features):
                found = self.options.explainer().explain(model, features, self.targets)
        except _FAULTS as error:
            return str(error)
        for one in found:
            values[one.target].append(np.abs(one.values).astype(np.float32))
        return ""


def check_name(slide: CohortSlide) -> None:
    """Raise ``InputError`` if the feature file says that it is of another slide: two could share one folder."""
    stated = describe_any(slide.features).content.slide_id
    if stated != slide.name:
        msg = f"{slide.features} says that it belongs to slide {stated}; name the file after its slide"
        raise InputError(msg)
