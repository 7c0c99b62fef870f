"""Evaluates explanation methods of one model over many slides."""

from __future__ import annotations

import hashlib
import math
from typing import TYPE_CHECKING

import numpy as np

from heatmaps.evaluation.annotations import find_annotation, read_annotation, tiles_inside
from heatmaps.evaluation.localisation import NOWHERE, localise
from heatmaps.evaluation.perturbation import Perturbation, Perturber
from heatmaps.evaluation.randomisation import randomised_likeness, redrawn
from heatmaps.evaluation.results import RANDOM, Case, Evaluation, Plan, SlideResult
from heatmaps.evaluation.stability import stability
from heatmaps.methods.base import refuse_unsupported
from models.feature_kind import read_kind
from models.predict import check_kind, predict_bag
from pipelines.errors import InputError
from pipelines.features import read_any
from pipelines.progress import progress

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from heatmaps.methods import Method
    from models.model_file import Model
    from pipelines.features import Features


def evaluate(model: Model, cases: Sequence[Case], plan: Plan) -> Evaluation:
    """Evaluate methods over slides.

    The explained class is the one that the model predicts (probability at least 1/2 is positive). A slide whose label
    is known and is another is left out, as the definitions ask; where no label is known, every slide counts.

    Raises
    ------
    InputError
        If a method does not support the model, a file is unreadable or of another encoder, or no slide is left.
    """
    index, _ = model.spec.target(plan.target)
    for one in (model, *plan.others):
        one.spec.target(plan.target)
        check_kind(one.spec, model.spec.features)
        for method in plan.methods:
            refuse_unsupported(method, one)
    blank = redrawn(model, range(plan.seed, plan.seed + plan.redraws))
    found = Evaluation(plan, model.sha256)
    with progress(len(cases), "evaluating heatmaps", "slide") as bar:
        for case in cases:
            check_kind(model.spec, read_kind(case.path))
            features = read_any(case.path)
            probability = predict_bag(model, features.features)[plan.target]
            if case.label is not None and case.label != int(probability >= 0.5):
                found.wrong.append(features.slide_id)
            else:
                found.slides.append(_one(model, index, features, probability, case, plan, blank))
                found.annotated += any(not math.isnan(n["auroc"]) for n in found.slides[-1].numbers.values())
            bar.update()
    if not found.slides:
        msg = f"of {len(cases)} slides the model classifies none correctly, so no heatmap can be evaluated on them"
        raise InputError(msg)
    return found


def _one(
    model: Model, index: int, features: Features, probability: float, case: Case, plan: Plan, blank: Sequence[Model]
) -> SlideResult:
    positive = probability >= 0.5
    perturber = Perturber(model, features.features, index, positive)
    inside = _inside(features, plan.annotations, case.path)
    numbers: dict[str, dict[str, float]] = {}
    curves: dict[str, Perturbation] = {}
    for name, method, values in _heatmaps(model, features, plan):
        # What has a direction points to the positive class; the explained class may be the other one.
        relevance = -values if not positive and (method is None or method.directed) else values
        curve = perturber.curves(relevance)
        found = {"deletion": curve.deletion, "insertion": curve.insertion, "gain": curve.gain}
        if method is not None and method.signed:
            found["flips"] = float(perturber.without(relevance > 0) < 0.5)
        found |= (NOWHERE if inside is None else localise(values, inside))._asdict()
        if method is not None:
            found["redrawn"] = randomised_likeness(method, blank, features, plan.target, values)
            found |= stability(method, plan.others, features, plan.target, values)._asdict()
        numbers[name], curves[name] = found, curve
    for one in numbers.values():
        one["gain_over_random"] = one["gain"] - numbers[RANDOM]["gain"]
    explained = "positive" if positive else "negative"
    size = len(features.features)
    return SlideResult(features.slide_id, case.patient, size, probability, explained, numbers, curves)


def _heatmaps(model: Model, features: Features, plan: Plan) -> Iterator[tuple[str, Method | None, NDArray[np.float64]]]:
    for method in plan.methods:
        yield method.name, method, method.explain(model, features, [plan.target])[0].values
    # By name, so that a slide's random order does not depend on which other slides are looked at.
    words = np.frombuffer(hashlib.sha256(features.slide_id.encode()).digest(), np.uint32).tolist()
    rng = np.random.Generator(np.random.Philox(np.random.SeedSequence([plan.seed, *words])))
    yield RANDOM, None, rng.random(len(features.features))


def _inside(features: Features, folder: Path | None, path: Path) -> NDArray[np.bool_] | None:
    annotation = find_annotation(folder, features.slide_id) if folder is not None else None
    if annotation is None:
        return None
    if "tile_px_level0" not in features.attrs or len(features.coords) != len(features.features):
        msg = f"{path} does not say where its tiles lie, so they cannot be held against {annotation}; leave it out"
        raise InputError(msg)
    return tiles_inside(features, read_annotation(annotation))
