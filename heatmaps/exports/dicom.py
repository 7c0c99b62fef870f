"""DICOM parametric map, for archives that hold the slide as DICOM."""

from __future__ import annotations

import io
import re
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pipelines.errors import ConfigError, InputError, SetupError
from pipelines.progress import say

if TYPE_CHECKING:
    from collections.abc import Iterator

    from heatmaps.slide.absent_slide import AnySlide
    from heatmaps.slide.explained import ExplainedSlide

_SERIES_NUMBER = 9001
_MAY_BE_EMPTY = (
    "PatientID",
    "PatientName",
    "PatientBirthDate",
    "PatientSex",
    "AccessionNumber",
    "StudyID",
    "StudyDate",
    "StudyTime",
    "ReferringPhysicianName",
)
_NEEDED = ("StudyInstanceUID", "FrameOfReferenceUID", "ImageOrientationSlide", "SharedFunctionalGroupsSequence")
_THIN_MM = 0.001
"""Where the slide does not say how thick its section is; DICOM wants a number."""


def check(slide: AnySlide) -> None:
    """Refuse a slide that is no DICOM (``ConfigError``), or a machine without highdicom (``SetupError``)."""
    if getattr(slide, "vendor", "") != "dicom":
        msg = (
            f"--export dicom needs a DICOM slide, whose study and frame of reference the map belongs to; {slide.id} "
            "is none or not at hand. Choose ome-tiff for its numbers"
        )
        raise ConfigError(msg)
    if find_spec("highdicom") is None:
        raise SetupError("--export dicom needs highdicom; install wsi-swarm[dicom]")


def export(explained: ExplainedSlide, index: int, name: str) -> Iterator[tuple[str, bytes]]:
    """Yield ``dicom-<name>.dcm``: float32, one pixel per tile step, NaN where no tile lies.

    The map belongs to the slide's study, patient and frame of reference, which are taken from its level 0.
    DICOM wants the date in it, so that a map that is made again is another instance, with ids of its own.
    """
    import highdicom as hd
    from pydicom.sr.codedict import codes

    source = _level_0(explained.slide)
    one, grid, scale = explained.scores[index], explained.grid, explained.scales[index]
    values = explained.on_grid(one).astype(np.float32)
    low, high = float(np.nanmin(values)), float(np.nanmax(values))
    measures = source.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0]
    spacing = [float(mm) * grid.step for mm in measures.PixelSpacing]
    mapping = hd.pm.RealWorldValueMapping(
        lut_label=explained.method.name[:16],
        lut_explanation=f"{one.label}: {explained.method.title}, {explained.method.unit}"[:64],
        unit=_unit(explained.method.unit),
        value_range=(low, high),
        intercept=0.0,
        slope=1.0,
        quantity_definition=codes.DCM.ClassActivation,
    )
    made = hd.pm.ParametricMap(
        source_images=[source],
        pixel_array=values[None],
        series_instance_uid=hd.UID(),
        series_number=_SERIES_NUMBER,
        sop_instance_uid=hd.UID(),
        instance_number=index + 1,
        manufacturer="wsi-swarm",
        manufacturer_model_name="wsi-swarm heatmap",
        software_versions=version("wsi-swarm"),
        device_serial_number=explained.model.sha256[:16],
        contains_recognizable_visual_features=False,
        real_world_value_mappings=[mapping],
        voi_lut_transformations=[hd.VOILUTTransformation((scale.low + scale.clip) / 2, scale.clip - scale.low)],
        content_description=f"Heatmap of a model, research use only: {one.label}"[:64],
        content_label="HEATMAP",
        content_qualification="RESEARCH",
        pixel_measures=hd.PixelMeasuresSequence(spacing, float(measures.get("SliceThickness") or _THIN_MM)),
        plane_positions=[_position(source, grid.origin, grid.step)],
        tile_pixel_array=True,
        tile_size=(min(256, values.shape[0]), min(256, values.shape[1])),
        dimension_organization_type="TILED_FULL",
    )
    made.FloatPixelPaddingValue = float("nan")
    data = io.BytesIO()
    made.save_as(data)
    yield f"dicom-{name}.dcm", data.getvalue()


def _level_0(slide: AnySlide) -> Any:
    """Return the header of the slide's level 0."""
    from pydicom import dcmread

    path = Path(getattr(slide, "path", ""))
    series = None if path.is_dir() else dcmread(path, stop_before_pixels=True).get("SeriesInstanceUID")
    for part in sorted((path if path.is_dir() else path.parent).glob("*.dcm")):
        header = dcmread(part, stop_before_pixels=True, force=True)
        size = header.get("TotalPixelMatrixColumns"), header.get("TotalPixelMatrixRows")
        if size == tuple(slide.size) and series in (None, header.get("SeriesInstanceUID")):
            return _completed(header, part)
    raise InputError(f"{path} holds no level of {slide.size[0]} x {slide.size[1]} px; export the slide's level 0, too")


def _completed(header: Any, where: Path) -> Any:
    """Return the header with empty values where an element is absent that DICOM allows to be empty."""
    missing = [name for name in _NEEDED if name not in header]
    if missing:
        raise InputError(f"{where} lacks {', '.join(missing)}, without which no map can refer to it")
    for name in _MAY_BE_EMPTY:
        if name not in header:
            setattr(header, name, "")
    if "TotalPixelMatrixOriginSequence" not in header:
        from pydicom import Dataset

        say(f"{where} does not say where it lies on the glass; it and the map are taken to begin at 0, 0")
        place = Dataset()
        place.XOffsetInSlideCoordinateSystem = place.YOffsetInSlideCoordinateSystem = 0.0
        header.TotalPixelMatrixOriginSequence = [place]
    return header


def _position(source: Any, origin: tuple[float, float], step: float) -> Any:
    """Return where the map's first pixel lies on the glass: the centre of the first tile step."""
    import highdicom as hd

    place = source.TotalPixelMatrixOriginSequence[0]
    corner = (float(place.XOffsetInSlideCoordinateSystem), float(place.YOffsetInSlideCoordinateSystem), 0.0)
    spacing = [float(mm) for mm in source.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0].PixelSpacing]
    to_glass = hd.spatial.ImageToReferenceTransformer(corner, source.ImageOrientationSlide, spacing)
    centre = to_glass(np.array([[origin[0] + step / 2, origin[1] + step / 2]]))[0]
    return hd.PlanePositionSequence("SLIDE", image_position=centre.tolist(), pixel_matrix_position=(1, 1))


def _unit(words: str) -> Any:
    """Return a method's unit as UCUM code; what has none there is an annotation in braces, as UCUM allows."""
    import highdicom as hd

    if words.startswith("probability"):
        return hd.sr.CodedConcept("1", "UCUM", "no units")
    slug = re.sub(r"[^A-Za-z0-9]+", "_", words).strip("_")[:14]
    return hd.sr.CodedConcept("{" + slug + "}", "UCUM", words[:64])
