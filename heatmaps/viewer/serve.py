"""Opens a slide and its heatmap for the viewer."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from heatmaps.report.words import Words
from heatmaps.viewer.folder import read_layers
from heatmaps.viewer.live_page import live_page
from heatmaps.viewer.server import ViewerServer
from heatmaps.viewer.slide_tiles import SlideTiles
from pipelines.slides import open_slide

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@contextmanager
def viewer_server(
    slide_path: Path, heatmap: Path | None, language: str = "en", slide_mpp: float | None = None, port: int = 0
) -> Iterator[ViewerServer]:
    """Yield a server that answers once ``serve_forever`` is called; the slide is closed after it.

    Raises
    ------
    InputError
        If slide or heatmap are unreadable or do not belong together.
    ConfigError, SetupError
        If there is no such language, or the port is taken.
    """
    words = Words(language)
    with open_slide(slide_path, slide_mpp) as slide:
        shown = None if heatmap is None else read_layers(heatmap, slide, words)
        page, policy = live_page(slide, shown, words)
        with ViewerServer(page, policy, SlideTiles(slide), port) as server:
            yield server
