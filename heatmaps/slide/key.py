"""The key under which the outputs of a heatmap are found again."""

from __future__ import annotations

import hashlib
from importlib.metadata import version
from typing import TYPE_CHECKING

from heatmaps.slide.scores import cache_key, content_sha256

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    from heatmaps.slide.absent_slide import AnySlide
    from heatmaps.slide.options import Options
    from models.model_file import Model
    from pipelines.features import Features

FORMAT = "wsi-swarm heatmap 1"


def heatmap_key(
    slide: AnySlide,
    overview: NDArray[np.uint8],
    model: Model,
    features: Features,
    targets: Sequence[str],
    options: Options,
) -> str:
    """Hash all that the outputs follow from, the slide's pixels included; no tile need be explained for it.

    Parameters
    ----------
    slide, model, features, options
        What is explained and how it is drawn.
    overview : (H, W, 3) uint8
        The slide's thumbnail.
    targets : sequence of str
        Names of the targets, in the order asked.
    """
    method = options.explainer()
    parameters = {
        "software": version("wsi-swarm"),
        "format": FORMAT,
        "targets": list(targets),
        **options.parameters(),
        "mpp_origin": slide.mpp_origin,
        "overview_sha256": hashlib.sha256(overview.tobytes()).hexdigest(),
    }
    if method.parameters():
        parameters["method"] = method.parameters()
    return cache_key(model.sha256, content_sha256(features), method.title, parameters)
