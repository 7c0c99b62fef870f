"""The DICOM parametric map of a real DICOM slide, read back by highdicom."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from pydicom import dcmread

from heatmaps.making.slide_heatmap import Heatmap, make_heatmap
from models.aggregators.gated_attention import initial_state
from models.feature_kind import read_kind
from models.model_file import Model, ModelSpec, load_model, save_model
from models.targets import Target
from pipelines.features import Features, describe, read_features, write_features
from pipelines.grid import make_grid
from pipelines.slides import open_slide

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.real
hd = pytest.importorskip("highdicom")
SLIDE = "wsi/dicom_cmu_small_region"


@pytest.fixture(scope="module")
def made(real_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Heatmap:
    folder = tmp_path_factory.mktemp("dicom")
    with open_slide(real_data / SLIDE) as slide:
        grid = make_grid(slide.size, slide.mpp, 0.5, 128)
        # A hole, so that NaN has to be there.
        coords = grid.coords[np.arange(len(grid.coords)) % 7 > 0]
        attrs = describe(
            slide_size=slide.size, mpp=slide.mpp, tile_px=128, encoder="planted", encoder_card_sha256="ab" * 32
        )
        vectors = np.random.default_rng(0).normal(size=(len(coords), 4)).astype(np.float16)
        write_features(folder / "f.h5", Features(slide.id, vectors, coords, attrs))
    spec = ModelSpec((Target("MSI", "MSIH", ("MSS",)),), read_kind(folder / "f.h5"), 4, 3)
    state = initial_state(dim_in=4, hidden=4, attention=3, targets=1, seed=8)
    save_model(folder / "m.safetensors", Model(state, spec))
    return make_heatmap(
        real_data / SLIDE, load_model(folder / "m.safetensors"), folder / "f.h5", folder / "out", exports=["dicom"]
    )


def test_numbers_unit_and_references_come_back(made: Heatmap, real_data: Path) -> None:
    image = hd.imread(made.folder / "dicom-MSI.dcm")
    source = dcmread(real_data / SLIDE / "level-0-frames-0-30.dcm", stop_before_pixels=True)
    assert image.SOPClassUID.name == "Parametric Map Storage"
    assert image.ContentQualification == "RESEARCH"
    assert image.StudyInstanceUID == source.StudyInstanceUID
    assert image.FrameOfReferenceUID == source.FrameOfReferenceUID
    referred = image.ReferencedSeriesSequence[0].ReferencedInstanceSequence[0].ReferencedSOPInstanceUID
    assert referred == source.SOPInstanceUID
    mapping = image.SharedFunctionalGroupsSequence[0].RealWorldValueMappingSequence[0]
    assert mapping.MeasurementUnitsCodeSequence[0].CodeMeaning == "log-odds per tile"
    values = image.get_total_pixel_matrix(apply_real_world_transform=True)
    tiles = values[np.isfinite(values)]
    np.testing.assert_allclose(np.sort(tiles), np.sort(made.scores[0].values.astype(np.float32)), rtol=1e-6)
    assert len(tiles) < values.size
    assert np.isnan(image.FloatPixelPaddingValue)


def test_each_number_lies_on_the_glass_where_its_tile_lies(made: Heatmap, real_data: Path) -> None:
    """By the DICOM positions alone: slide's level 0 to glass, glass to the map's pixel."""
    image = hd.imread(made.folder / "dicom-MSI.dcm")
    source = dcmread(real_data / SLIDE / "level-0-frames-0-30.dcm", stop_before_pixels=True)
    spacing = [float(mm) for mm in source.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0].PixelSpacing]
    features = read_features(made.folder.parents[1] / "f.h5")
    to_glass = hd.spatial.ImageToReferenceTransformer((0.0, 0.0, 0.0), source.ImageOrientationSlide, spacing)
    glass = to_glass(features.coords + features.tile_px_level0 / 2)
    place = image.TotalPixelMatrixOriginSequence[0]
    measures = image.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0]
    to_map = hd.spatial.ReferenceToImageTransformer(
        (float(place.XOffsetInSlideCoordinateSystem), float(place.YOffsetInSlideCoordinateSystem), 0.0),
        image.ImageOrientationSlide,
        [float(mm) for mm in measures.PixelSpacing],
    )
    columns, rows = to_map(glass)[:, :2].T
    # A tile's stored corner is rounded to a level-0 px of the 128 of a pixel here.
    assert np.abs(columns % 1 - 0.5).max() < 0.02
    assert np.abs(rows % 1 - 0.5).max() < 0.02
    values = image.get_total_pixel_matrix()
    np.testing.assert_array_equal(
        values[rows.astype(int), columns.astype(int)], made.scores[0].values.astype(np.float32)
    )
