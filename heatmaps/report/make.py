"""Makes the report of one slide from its file, its features and a model."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from heatmaps.drawing import render
from heatmaps.methods import METHODS, methods_for
from heatmaps.methods.attribution import Scores
from heatmaps.report.evaluated import read_evaluation
from heatmaps.report.slide_report import Wishes, slide_report
from heatmaps.report.words import Words
from heatmaps.slide.explained import ExplainedSlide
from heatmaps.slide.facts import sidecar_facts
from heatmaps.slide.opened import opened
from heatmaps.slide.options import Options
from heatmaps.slide.scores import content_sha256
from heatmaps.slide.shown_tiles import shown_tiles
from models.feature_kind import read_kind
from models.model_file import load_model
from models.predict import check_kind
from pipelines.errors import ConfigError
from pipelines.progress import progress

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from heatmaps.methods import Method
    from heatmaps.methods.relevance import Relevance
    from models.model_file import Model
    from pipelines.features import Features

OVERVIEW_PX = 4096
LEAST_OVERVIEW_PX, MOST_OVERVIEW_PX = 512, 16384
MOST_BYTES = 25_000_000
CHEAP = ("contribution", "attention", "single")
"""Methods that cost a pass or two through the network, so that a page can hold them all."""


@dataclass(frozen=True)
class Asked:
    """What a report is asked to show.

    Attributes
    ----------
    targets : sequence of str
        All of the model's if empty.
    slide_mpp : float, optional
        µm per level-0 px, for a slide whose file doesn't say.
    options : Options
        Of the figures.
    language : str
    identify : bool
        Whether the page calls the slide by its id, which may hold a patient's name.
    overview_px : int
        Longest side of the viewer's picture.
    evaluation : Path, optional
        Folder of ``wsi-swarm evaluate --out``.
    created : str
        Date for the page.
    """

    targets: Sequence[str] = ()
    slide_mpp: float | None = None
    options: Options = field(default_factory=Options)
    language: str = "en"
    identify: bool = False
    overview_px: int = OVERVIEW_PX
    evaluation: Path | None = None
    created: str = ""


@dataclass(frozen=True)
class Report:
    """A page, what it calls the slide, and the scores it shows."""

    html: str
    name: str
    scores: tuple[Relevance, ...]


def make_report(slide_path: Path | None, model_path: Path, features_path: Path, asked: Asked) -> Report:
    """Explain a model's result for one slide as one page.

    Raises
    ------
    InputError
        If a file is unreadable, things do not belong together, or the evaluation is of another model.
    ConfigError
        If an option is out of range, or the page would be too large.
    """
    _check(asked)
    model = load_model(model_path)
    check_kind(model.spec, read_kind(features_path))
    method = asked.options.explainer()
    with (
        opened(slide_path, asked.slide_mpp, features_path) as (slide, features),
        progress(3, "report", "step") as bar,
    ):
        scores = tuple(method.explain(model, features, asked.targets))
        evaluated = ()
        if asked.evaluation is not None:
            wanted = [(one.target, one.positive) for one in scores]
            evaluated = read_evaluation(asked.evaluation, model.sha256, wanted)
        explained = ExplainedSlide(slide, model, features, scores, asked.options)
        name = slide.id if asked.identify else short_name(content_sha256(features))
        wishes = Wishes(
            language=asked.language,
            name=name,
            overview_px=asked.overview_px,
            more=_more(method, model, features, scores),
            evaluated=evaluated,
        )
        bar.update()
        ground = render.underlay(explained.thumbnail, asked.options.underlay)
        pictures = [explained.on_thumbnail(one) for one in scores]
        shown = [shown_tiles(explained, one) for one in scores]
        bar.update()
        html = slide_report(explained, sidecar_facts(explained, asked.created), ground, pictures, shown, wishes)
        bar.update()
    check_size(html, "give a smaller --overview-px, or fewer targets")
    return Report(html, name, scores)


def short_name(features_sha256: str) -> str:
    """Return a name that tells whose slide it is only to who has its features: their hash stands in heatmap.json."""
    return features_sha256[:10]


def check_size(html: str, mend: str) -> None:
    """Raise ``ConfigError`` if a page is larger than mail and browsers take easily."""
    size = len(html.encode())
    if size > MOST_BYTES:
        raise ConfigError(f"the page would have {size / 1e6:.0f} MB, and at most {MOST_BYTES / 1e6:.0f} pass; {mend}")


def _check(asked: Asked) -> None:
    Words(asked.language)
    if not LEAST_OVERVIEW_PX <= asked.overview_px <= MOST_OVERVIEW_PX:
        msg = f"--overview-px is {asked.overview_px}; choose {LEAST_OVERVIEW_PX} to {MOST_OVERVIEW_PX}"
        raise ConfigError(msg)
    asked.options.check()


def _more(
    method: Method, model: Model, features: Features, scores: Sequence[Relevance]
) -> list[tuple[Method, Sequence[Relevance]]]:
    """Explain the same targets by the other cheap methods that the model supports."""
    targets = [one.target for one in scores]
    given = {method.name} | ({"attention"} if isinstance(scores[0], Scores) else set())
    names = [name for name in CHEAP if name in methods_for(model.spec.aggregator) and name not in given]
    return [(other, other.explain(model, features, targets)) for other in (METHODS[name]() for name in names)]
