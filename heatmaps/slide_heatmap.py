"""The heatmap of one slide, from its file, its features and a model to everything that people open."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from heatmaps.explained import ExplainedSlide, overview_of
from heatmaps.facts import heatmap_key
from heatmaps.methods.base import chosen_targets, refuse_unsupported
from heatmaps.opened import opened
from heatmaps.options import Options
from heatmaps.outputs import Outputs, unharmed_sidecar
from models.feature_kind import read_kind
from models.model_file import load_model
from models.predict import check_kind

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from heatmaps.methods.relevance import Relevance
    from models.model_file import Model

__all__ = ["Heatmap", "Options", "explain_slide", "make_heatmap", "opened"]


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
        One per target; empty where outputs were reused.
    reused : bool
        True if outputs of the same key, unharmed, were there already; then nothing was explained again.
    sidecar : dict
        What ``heatmap.json`` says; its ``targets`` hold the results.
    """

    folder: Path
    files: tuple[Path, ...]
    scores: tuple[Relevance, ...]
    reused: bool
    sidecar: dict[str, Any] = field(repr=False, default_factory=dict)

    def document(self, method: str) -> dict[str, Any]:
        """Return the result as JSON values; ``method`` is the name that the command line has for it."""
        kept = ("target", "positive", "probability", "logit", "bias", "details")
        targets = [{name: one[name] for name in kept if name in one} for one in self.sidecar["targets"]]
        return {
            "slide": self.folder.name,
            "method": method,
            "tiles": self.sidecar["tiles"]["count"],
            "targets": targets,
            "files": [str(path) for path in self.files],
            "reused": self.reused,
        }


def make_heatmap(
    slide_path: Path | None,
    model_path: Path,
    features_path: Path,
    out: Path,
    targets: Sequence[str] = (),
    slide_mpp: float | None = None,
    options: Options | None = None,
    created: str = "",
) -> Heatmap:
    """Explain a model's result for one slide; see ``explain_slide``."""
    options = options or Options()
    options.check()
    return explain_slide(slide_path, load_model(model_path), features_path, out, targets, slide_mpp, options, created)


def explain_slide(
    slide_path: Path | None,
    model: Model,
    features_path: Path,
    out: Path,
    targets: Sequence[str] = (),
    slide_mpp: float | None = None,
    options: Options | None = None,
    created: str = "",
    quiet: bool = False,
) -> Heatmap:
    """Explain a model's result for one slide and write everything below ``out/<slide id>``.

    Parameters
    ----------
    slide_path : Path, optional
        Without it the colours lie on a plain ground, and no tile has a picture.
    model : Model
    features_path, out : Path
    targets : sequence of str
        All of the model's if empty.
    slide_mpp : float, optional
        µm per level-0 px, for a slide whose file doesn't say.
    options : Options, optional
    created : str
        Date for the report and the sidecar; it comes from the caller, so that the same call gives the same bytes.
    quiet : bool
        Whether no progress is shown, because the caller shows his own.

    Raises
    ------
    InputError
        If a file is unreadable, the features belong to another slide or encoder than slide and model, or the method
        does not support the model.
    ConfigError
        If an option is out of range.
    """
    options = options or Options()
    options.check()
    method = options.explainer()
    refuse_unsupported(method, model)
    names = [target.name for _, target in chosen_targets(model, targets)]
    check_kind(model.spec, read_kind(features_path))
    with opened(slide_path, slide_mpp, features_path) as (slide, features):
        folder, overview = out / slide.id, overview_of(slide)
        known = unharmed_sidecar(folder, heatmap_key(slide, overview, model, features, names, options))
        if known is not None:
            return Heatmap(folder, _files(folder, known), (), reused=True, sidecar=known)
        scores = tuple(method.explain(model, features, names))
        explained = ExplainedSlide(slide, model, features, scores, options, overview)
        sidecar = Outputs(explained, folder, created, quiet).write()
    return Heatmap(folder, _files(folder, sidecar), scores, reused=False, sidecar=sidecar)


def _files(folder: Path, sidecar: dict[str, Any]) -> tuple[Path, ...]:
    return tuple(folder / name for name in sidecar["outputs"])
