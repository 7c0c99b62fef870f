"""The score table of one slide: the truth of a heatmap, of which pictures and GeoJSON are exports."""

from __future__ import annotations

import csv
import hashlib
import io
import json
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from heatmaps.methods.relevance import Relevance
    from pipelines.features import Features


def score_table(features: Features, scores: Sequence[Relevance]) -> str:
    """Return the table as CSV text, one row per tile in the order of the feature file.

    Columns: ``tile_id`` (row of the feature file), ``x0, y0, w0, h0`` (level-0 px, top-left corner and side),
    ``x_um, y_um`` (micrometres, top-left corner), and for each target the measures of the method; by default
    ``contribution_<target>`` (log-odds; the column and the bias of the sidecar sum to the logit) and
    ``attention_x_uniform_<target>``.
    """
    side = features.tile_px_level0
    columns: list[tuple[str, list[str]]] = [
        ("tile_id", [str(index) for index in range(len(features.coords))]),
        ("x0", [str(x) for x in features.coords[:, 0]]),
        ("y0", [str(y) for y in features.coords[:, 1]]),
        ("w0", [number_text(side)] * len(features.coords)),
        ("h0", [number_text(side)] * len(features.coords)),
        ("x_um", [number_text(x * features.mpp, 3) for x in features.coords[:, 0].astype(np.float64)]),
        ("y_um", [number_text(y * features.mpp, 3) for y in features.coords[:, 1].astype(np.float64)]),
    ]
    for one in scores:
        for measure in one.measures:
            cells = [f"{value:{measure.digits}}" for value in measure.values]
            columns.append((f"{measure.column}_{one.target}", cells))
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([name for name, _ in columns])
    writer.writerows(zip(*(cells for _, cells in columns), strict=True))
    return text.getvalue()


def number_text(value: float, digits: int = 6) -> str:
    """Return a number without the zeros at its end."""
    return f"{value:.{digits}f}".rstrip("0").rstrip(".")


def content_sha256(features: Features) -> str:
    """SHA-256 over the tiles themselves (features, corners, geometry), whatever file they came from."""
    digest = hashlib.sha256()
    for array in (features.features, features.coords):
        digest.update(f"{array.dtype.str} {array.shape};".encode())
        digest.update(np.ascontiguousarray(array).tobytes())
    geometry = [features.slide_id, features.encoder, features.tile_px_level0, features.mpp, *features.slide_size]
    digest.update(json.dumps(geometry).encode())
    return digest.hexdigest()


def cache_key(model_sha256: str, features_sha256: str, method: str, parameters: dict[str, Any]) -> str:
    """Hash all that the outputs follow from; a file that merely exists proves nothing."""
    everything = {"model": model_sha256, "features": features_sha256, "method": method, "parameters": parameters}
    text = json.dumps(everything, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()
