"""The heatmap of one slide, from its file, its features and a model to everything that people open."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from heatmaps.absent_slide import AbsentSlide
from heatmaps.explained import ExplainedSlide, Options
from heatmaps.exports import check_exports
from heatmaps.exports.added import add_exports, earlier_exports
from heatmaps.outputs import SIDECAR, Outputs, file_name, unharmed_outputs
from models.feature_kind import read_kind
from models.model_file import load_model
from models.predict import check_kind
from pipelines.errors import ConfigError, InputError
from pipelines.features import read_any, read_on_slide
from pipelines.slides import open_slide

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from heatmaps.absent_slide import AnySlide
    from heatmaps.methods.relevance import Relevance
    from pipelines.features import Features
    from pipelines.slides import Slide

__all__ = ["Heatmap", "Options", "check_slide", "make_heatmap"]


@dataclass(frozen=True)
class Heatmap:
    """What was made.

    Attributes
    ----------
    folder : Path
        ``<out>/<slide id>``.
    files : tuple of Path
        All outputs, the report first.
    scores : tuple of Relevance
        One per target.
    reused : bool
        True if outputs of the same key, unharmed, were there already.
    """

    folder: Path
    files: tuple[Path, ...]
    scores: tuple[Relevance, ...]
    reused: bool


def make_heatmap(
    slide_path: Path | None,
    model_path: Path,
    features_path: Path,
    out: Path,
    targets: Sequence[str] = (),
    slide_mpp: float | None = None,
    options: Options | None = None,
    created: str = "",
    exports: Sequence[str] = (),
) -> Heatmap:
    """Explain a model's result for one slide and write everything below ``out/<slide id>``.

    Parameters
    ----------
    slide_path : Path, optional
        Without it the colours lie on a plain ground, and no tile has a picture.
    model_path, features_path, out : Path
    targets : sequence of str
        All of the model's if empty.
    slide_mpp : float, optional
        µm per level-0 px, for a slide whose file doesn't say.
    options : Options, optional
    created : str
        Date for the report and the sidecar; it comes from the caller, so that the same call gives the same bytes.
    exports : sequence of str
        Names of ``heatmaps.exports.EXPORTERS``; those that are there already are kept, whatever is asked for.

    Raises
    ------
    InputError
        If a file is unreadable, the features belong to another slide or encoder than slide and model, or the method
        does not support the model.
    ConfigError
        If an option is out of range.
    """
    options = options or Options()
    if options.clip is not None and not 0 < options.clip < float("inf"):
        raise ConfigError(f"--clip is {options.clip}, but the end of a colour scale is a positive number")
    method = options.explainer()
    model = load_model(model_path)
    check_kind(model.spec, read_kind(features_path))
    with _opened(slide_path, slide_mpp, features_path) as (slide, features):
        check_exports(exports, slide, features)
        scores = tuple(method.explain(model, features, targets))
        explained = ExplainedSlide(slide, model, features, scores, options)
        folder = out / slide.id
        known = unharmed_outputs(folder, explained.key)
        earlier = earlier_exports(folder, SIDECAR, explained.key)
        names = known or Outputs(explained, folder, created).write()
        targets = [file_name(one.target) for one in scores]
        names = [*names, *add_exports(explained, folder, SIDECAR, earlier, exports, targets)]
    return Heatmap(folder, tuple(folder / name for name in names), scores, reused=known is not None)


@contextmanager
def _opened(
    slide_path: Path | None, slide_mpp: float | None, features_path: Path
) -> Iterator[tuple[AnySlide, Features]]:
    if slide_path is None:
        features = read_any(features_path)
        unknown = features.attrs.get("unknown")
        if unknown:
            msg = f"{features_path} does not say {', '.join(unknown)}, which only the slide tells; name the slide, too"
            raise InputError(msg)
        check_tiles(features, features_path)
        yield AbsentSlide(features), features
        return
    with open_slide(slide_path, slide_mpp) as slide:
        features = read_on_slide(features_path, slide.size, slide.mpp)
        check_slide(features, slide, features_path)
        yield slide, features


def check_slide(features: Features, slide: Slide, where: Path) -> None:
    """Refuse features of another slide, or of the same slide at another size or resolution.

    Raises
    ------
    InputError
        If id, size or mpp differ, or there is no tile.
    """
    if features.slide_id != slide.id:
        raise InputError(
            f"{where} belongs to slide {features.slide_id}, not to {slide.id}; give --features of this slide"
        )
    if features.slide_size != tuple(slide.size):
        raise InputError(
            f"{where} was made from a slide of {features.slide_size} px and {slide.path} has {tuple(slide.size)}; "
            "extract this slide again"
        )
    if abs(features.mpp / slide.mpp - 1) > 1e-6:
        raise InputError(
            f"{where} was made at {features.mpp} µm per pixel and {slide.path} is read at {slide.mpp}; "
            "give the same --slide-mpp as for tile and extract, or extract again"
        )
    check_tiles(features, where)


def check_tiles(features: Features, where: Path) -> None:
    """Raise ``InputError`` if there is no tile."""
    if len(features.coords) == 0:
        raise InputError(f"{where} has no tiles, so there is nothing to explain; look at the slide's tissue mask")
