"""The score table in the formats of other programs, by name; each format is one file here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from heatmaps.exports import deepzoom, dicom, histomics, ome_tiff, tiatoolbox
from pipelines.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from heatmaps.slide.absent_slide import AnySlide
    from heatmaps.slide.explained import ExplainedSlide
    from pipelines.features import Features

__all__ = ["EXPORTERS", "check_exports", "refuse_unknown"]


class Exporter(Protocol):
    """Makes the files of one target."""

    def __call__(self, explained: ExplainedSlide, index: int, name: str) -> Iterator[tuple[str, bytes]]:
        """Yield path (below the slide's folder) and content of each file, the one that is opened first.

        Parameters
        ----------
        explained : ExplainedSlide
        index : int
            Of the target in ``explained.scores``.
        name : str
            The target as part of a file name.
        """
        ...


EXPORTERS: dict[str, Exporter] = {
    "ome-tiff": ome_tiff.export,
    "deepzoom": deepzoom.export,
    "histomics": histomics.export,
    "tiatoolbox": tiatoolbox.export,
    "dicom": dicom.export,
}


_WHOLE_SLIDE = ("deepzoom", "tiatoolbox")
"""Lie on a slide by having its shape, not by a place of their own."""


def refuse_unknown(names: Sequence[str]) -> None:
    """Raise ``ConfigError`` if there is no export of one of these names."""
    for name in names:
        if name not in EXPORTERS:
            raise ConfigError(f"--export {name} is unknown; known are {', '.join(EXPORTERS)}")


def check_exports(names: Sequence[str], slide: AnySlide, features: Features) -> None:
    """Refuse what can't be made, before anything is computed.

    Raises
    ------
    ConfigError
        If there is no export of this name, the slide is not DICOM and a DICOM parametric map is asked for, or a picture
        of the whole slide is asked for and its size is not known (``size_origin`` of the features).
    SetupError
        If the library for DICOM is not installed.
    """
    refuse_unknown(names)
    for name in names:
        if name in _WHOLE_SLIDE and "size_origin" in features.attrs:
            msg = (
                f"--export {name} covers the whole slide, and neither features nor slide tell the size of {slide.id}; "
                "name the slide, too, or choose ome-tiff"
            )
            raise ConfigError(msg)
    if "dicom" in names:
        dicom.check(slide)
