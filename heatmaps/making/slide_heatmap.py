"""The heatmap of one slide, from its file, its features and a model to everything that people open."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from heatmaps.exports import check_exports
from heatmaps.exports.added import add_exports, earlier_exports
from heatmaps.making.outputs import Outputs
from heatmaps.methods.base import chosen_targets, refuse_unsupported
from heatmaps.slide.explained import ExplainedSlide, overview_of
from heatmaps.slide.folder import SIDECAR, file_name, unharmed_sidecar
from heatmaps.slide.key import heatmap_key
from heatmaps.slide.opened import opened
from heatmaps.slide.options import Options
from models.feature_kind import read_kind
from models.predict import check_kind

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from heatmaps.methods.relevance import Relevance
    from models.model_file import Model

__all__ = ["Heatmap", "make_heatmap"]


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
        One per target; empty where nothing had to be explained again.
    reused : bool
        True if outputs of the same key, unharmed, were there already.
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
    model: Model,
    features_path: Path,
    out: Path,
    targets: Sequence[str] = (),
    slide_mpp: float | None = None,
    options: Options | None = None,
    created: str = "",
    exports: Sequence[str] = (),
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
    exports : sequence of str
        Names of ``heatmaps.exports.EXPORTERS``; those that are there already are kept, whatever is asked for.
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
        check_exports(exports, slide, features)
        folder, overview = out / slide.id, overview_of(slide)
        key = heatmap_key(slide, overview, model, features, names, options)
        known, earlier = unharmed_sidecar(folder, key), earlier_exports(folder, SIDECAR, key)
        explained, scores = None, ()
        if known is None or set(exports) - earlier.keys():
            scores = tuple(method.explain(model, features, names))
            explained = ExplainedSlide(slide, model, features, scores, options, overview)
        if explained is not None and known is None:
            Outputs(explained, folder, created, quiet).write()
        targets = [file_name(name) for name in names]
        sidecar = add_exports(explained, folder, SIDECAR, earlier, exports, targets, quiet)
    # Of an export that is a pyramid the file that is opened, not its tiles.
    added = [file for name in dict.fromkeys(exports) for file in sidecar["exports"][name] if "/" not in file]
    files = tuple(folder / name for name in (*sidecar["outputs"], *added))
    return Heatmap(folder, files, scores, known is not None, sidecar)
