"""``heatmap compare`` from files to files."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

from heatmaps.comparison.compare import Comparison, Side, compare
from heatmaps.comparison.picture import draw_comparison
from heatmaps.comparison.text import as_json, places_csv, table
from heatmaps.slide.absent_slide import AbsentSlide
from heatmaps.slide.folder import file_name
from heatmaps.slide.opened import check_slide, read_alone
from models.feature_kind import read_kind
from models.model_file import load_model
from pipelines.errors import ConfigError
from pipelines.files import write_bytes, write_json, write_text
from pipelines.slides import open_slide

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from heatmaps.methods import Method


def load_sides(models: Sequence[Path], features: Sequence[Path], mpp: float | None = None) -> tuple[Side, Side]:
    """Load the two sides: two models on one slide's features, one model on two, or each model on its own.

    Raises
    ------
    ConfigError
        If it is another number of files, or both sides are the same.
    InputError
        If a file is unreadable.
    """
    counts = len(models), len(features)
    if counts not in {(2, 1), (1, 2), (2, 2)}:
        msg = (
            f"{counts[0]} models and {counts[1]} feature files are named; give two --model and one --features, one "
            "--model and two --features (two scans of one slide), or two of each, the first with the first"
        )
        raise ConfigError(msg)
    pairs = list(zip(list(models) * (2 // counts[0]), list(features) * (2 // counts[1]), strict=True))
    if pairs[0] == pairs[1]:
        msg = f"both sides are {pairs[0][0]} on {pairs[0][1]}; name another model or another feature file"
        raise ConfigError(msg)
    names = _names([model if counts[0] == 2 else path for model, path in pairs])
    loaded = {path: load_model(path) for path in dict.fromkeys(models)}
    read = {path: (read_alone(path, mpp), read_kind(path)) for path in dict.fromkeys(features)}
    first, second = (Side(name, loaded[model], *read[path]) for name, (model, path) in zip(names, pairs, strict=True))
    return first, second


def _names(paths: Sequence[Path]) -> list[str]:
    stems = [path.stem for path in paths]
    return stems if stems[0] != stems[1] else [f"{path.absolute().parent.name}/{path.stem}" for path in paths]


def run(
    models: Sequence[Path],
    features: Sequence[Path],
    method: Method,
    targets: Sequence[str] = (),
    slides: Sequence[Path] = (),
    mpp: float | None = None,
    out: Path | None = None,
) -> Comparison:
    """Compare, and write figures, table and values into ``out`` where it is given.

    Parameters
    ----------
    models, features : sequence of Path
        See ``load_sides``.
    method : Method
    targets : sequence of str
    slides : sequence of Path
        None; the first side's slide, to lie below the colours; or both, whose pictures then also tell the shift.
    mpp : float, optional
        µm per level-0 px, for files that do not say it.
    out : Path, optional

    Raises
    ------
    InputError, ConfigError
        As ``load_sides`` and ``compare``; also if there are more slides than feature files.
    """
    if len(slides) > len(features):
        msg = f"{len(slides)} slides and {len(features)} feature files are named; give each --features its own --slide"
        raise ConfigError(msg)
    sides = load_sides(models, features, mpp)
    with ExitStack() as stack:
        opened = [stack.enter_context(open_slide(path, mpp)) for path in slides]
        for side, path, slide in zip(sides, features, opened, strict=False):
            check_slide(side.features, slide, path)
        found = compare(*sides, method, targets, (opened[0], opened[1]) if len(opened) > 1 else None)
        ground = opened[0] if opened else AbsentSlide(sides[0].features)
        if out is not None:
            for one in found.targets:
                write_bytes(out / f"compare-{file_name(one.first.target)}.png", draw_comparison(found, one, ground))
            write_text(out / "places.csv", places_csv(found))
            write_text(out / "comparison.txt", table(found) + "\n")
            write_json(out / "comparison.json", as_json(found))
    return found
