"""The score table in the formats of other programs, by name; each format is one file here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from heatmaps.exports import deepzoom, dicom, histomics, ome_tiff, tiatoolbox
from pipelines.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from heatmaps.absent_slide import AnySlide
    from heatmaps.explained import ExplainedSlide

__all__ = ["EXPORTERS", "check_exports"]


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


def check_exports(names: Sequence[str], slide: AnySlide) -> None:
    """Refuse what can't be made, before anything is computed.

    Raises
    ------
    ConfigError
        If there is no export of this name, or the slide is not DICOM and a DICOM parametric map is asked for.
    SetupError
        If the library for DICOM is not installed.
    """
    for name in names:
        if name not in EXPORTERS:
            raise ConfigError(f"--export {name} is unknown; known are {', '.join(EXPORTERS)}")
    if "dicom" in names:
        dicom.check(slide)
