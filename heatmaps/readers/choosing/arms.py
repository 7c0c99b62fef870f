"""Arms of a comparison: finished heatmaps of the same slides, by one model each."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from heatmaps.methods import DEFAULT, METHODS
from heatmaps.slide.folder import SIDECAR
from pipelines.errors import ConfigError, InputError
from pipelines.progress import progress

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,29}")
_SCORES = "scores.csv"


@dataclass(frozen=True)
class SlideScores:
    """What one arm says of one slide's N tiles.

    Attributes
    ----------
    coords : (N, 2) float64, level-0 px
    values : (N,) float64, the method's relevance for the target's positive class
    side, side_um : float
        Of a tile in level-0 px and in µm.
    mpp : float
        Of the slide, in µm per level-0 px.
    mpp_given : bool
        Whether the user gave it because the slide's file doesn't say.
    probability : float
    positive : str
        The positive label.
    model_sha256 : str
    table : Path
        The score table.
    """

    coords: NDArray[np.float64]
    values: NDArray[np.float64]
    side: float
    side_um: float
    mpp: float
    mpp_given: bool
    probability: float
    positive: str
    model_sha256: str
    table: Path


@dataclass(frozen=True)
class Arm:
    """A name, the method of its heatmaps, and what it says of each slide, by slide id."""

    name: str
    method: str
    slides: dict[str, SlideScores]


def read_arm(name: str, folder: Path, target: str) -> Arm:
    """Read all heatmaps below a folder, as ``heatmap --out`` filled it.

    Raises
    ------
    ConfigError
        If the name can't be part of a group's name, a heatmap lacks the target, or two are of different methods.
    InputError
        If there is no heatmap, or one is not as it was written.
    """
    if not _NAME.fullmatch(name):
        raise ConfigError(f"--arm {name}: a name has up to 30 letters, digits, '.', '-' or '_'; write NAME=FOLDER")
    sidecars = sorted(folder.glob(f"*/{SIDECAR}")) or sorted(folder.glob(SIDECAR))
    if not sidecars:
        raise InputError(f"{folder} holds no heatmap (<slide>/{SIDECAR}); name the --out of wsi-swarm heatmap")
    slides, methods = {}, {}
    with progress(len(sidecars), f"heatmaps of {name}", "slide") as bar:
        for sidecar in sidecars:
            facts = _facts(sidecar)
            methods[facts.get("method_facts", {}).get("name", DEFAULT)] = sidecar
            slides[str(facts["slide"]["id"])] = _read(sidecar.parent, facts, target)
            bar.update()
    if len(methods) > 1:
        listed = ", ".join(f"{method} ({path})" for method, path in methods.items())
        raise ConfigError(f"{folder} holds heatmaps of several methods: {listed}; make them all with one --method")
    return Arm(name, next(iter(methods)), slides)


def _facts(path: Path) -> dict[str, Any]:
    try:
        facts = json.loads(path.read_text("utf-8"))
        digest = facts["outputs"][_SCORES]
        found = hashlib.sha256((path.parent / _SCORES).read_bytes()).hexdigest()
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path} is no whole sidecar of a heatmap ({error}); make the heatmap again") from error
    if digest != found:
        raise InputError(f"{path.parent / _SCORES} was changed after it was written; make the heatmap again")
    return facts


def _read(folder: Path, facts: dict[str, Any], target: str) -> SlideScores:
    stated = {one["target"]: one for one in facts["targets"]}
    if target not in stated:
        raise ConfigError(f"{folder} explains {', '.join(stated)}, not {target}; choose with --target")
    method = METHODS[facts.get("method_facts", {}).get("name", DEFAULT)]
    column = f"{method.column or method.name}_{target}"
    text = (folder / _SCORES).read_text("utf-8")
    rows = list(csv.reader(io.StringIO(text)))
    header = rows[0]
    if column not in header:
        raise InputError(f"{folder / _SCORES} has no column {column}; make the heatmap again")
    wanted = [header.index(name) for name in ("x0", "y0", column)]
    table = np.array([[float(row[at]) for at in wanted] for row in rows[1:]]).reshape(-1, 3)
    return SlideScores(
        coords=table[:, :2],
        values=table[:, 2],
        side=float(facts["tiles"]["side_px_level0"]),
        side_um=float(facts["tiles"]["side_um"]),
        mpp=float(facts["slide"]["mpp"]),
        mpp_given=facts["slide"]["mpp_origin"] == "given",
        probability=float(stated[target]["probability"]),
        positive=str(stated[target]["positive"]),
        model_sha256=str(facts["model"]["sha256"]),
        table=folder / _SCORES,
    )
