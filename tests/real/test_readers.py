"""Real slides through both sources of pixels, and what a DICOM folder may hold."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import numpy as np
import pytest

from models.encoders import get_encoder
from pipelines.errors import InputError
from pipelines.slides import UnreadableRegion, open_slide

if TYPE_CHECKING:
    from pathlib import Path

    from pipelines.slides import Slide

pytestmark = pytest.mark.real

SVS, GENERIC, DICOM = "CMU-1-Small-Region.svs", "C3L-00601-26.tiff", "dicom_cmu_small_region"
PX = 224


def both(folder: Path, name: str) -> tuple[Slide, Slide]:
    mpp = 0.5 if name == GENERIC else None
    return open_slide(folder / "wsi" / name, mpp, reader="jpeg-tiff"), open_slide(
        folder / "wsi" / name, mpp, reader="openslide"
    )


def corners(slide: Slide, side: float, native: int) -> np.ndarray:
    """Lay tiles on the slide's own tiles, beside them, and along all four edges."""
    right, bottom = (int(length - side) for length in slide.size)
    step = max(native, round(side))
    grid = [(x // native * native, y // native * native) for x in range(0, right, step) for y in range(0, bottom, step)]
    beside = [(min(x + 37, right), min(y + 101, bottom)) for x, y in grid]
    edges = [(0, 0), (right, 0), (0, bottom), (right, bottom), (right, bottom // 3), (right // 3, bottom)]
    return np.array(grid[::3] + beside[::3] + edges)


def difference(folder: Path, name: str, scale: float) -> np.ndarray:
    ours, theirs = both(folder, name)
    with ours, theirs:
        assert ours.reader.startswith("jpeg-tiff")
        assert theirs.reader.startswith("openslide")
        places = corners(ours, PX * scale, 240 if name == SVS else 256)
        read = [slide.read_tiles(places, PX * scale, PX) for slide in (ours, theirs)]
    assert not any(isinstance(tile, UnreadableRegion) for tiles in read for tile in tiles)
    return np.abs(np.array(read[0], np.int16) - np.array(read[1], np.int16))


@pytest.mark.parametrize("name", [SVS, GENERIC])
@pytest.mark.parametrize("scale", [1.0, 1.002, 1.37, 1.9])
def test_the_finest_level_is_the_same_pixels(real_data: Path, name: str, scale: float) -> None:
    found = difference(real_data, name, scale)
    print(f"{name} at {scale}: {len(found)} tiles, largest difference {found.max()}")
    assert found.max() <= 3


@pytest.mark.parametrize("scale", [2.0, 4.0, 4.56, 8.0])
def test_scaled_decoding_stays_near_the_area_mean(real_data: Path, scale: float) -> None:
    found = difference(real_data, SVS, scale)  # one level only, so libjpeg reduces
    print(f"{SVS} at {scale}: mean {found.mean():.2f}, p99 {np.percentile(found, 99):.0f}, largest {found.max()}")
    assert 0 < found.mean() <= 2
    assert np.percentile(found, 99) <= 12


@pytest.mark.parametrize("scale", [2.1, 4.3, 8.4, 16.2])
def test_coarser_levels_differ_by_what_openslide_blurs(real_data: Path, scale: float) -> None:
    # Their downsamples are 2.0002 and the like, and OpenSlide shifts by fractions of a px what does not fit its origin.
    found = difference(real_data, GENERIC, scale)
    print(f"{GENERIC} at {scale}: mean {found.mean():.2f}, p99 {np.percentile(found, 99):.0f}")
    assert found.mean() <= 4


@pytest.mark.parametrize("name", [SVS, GENERIC])
@pytest.mark.parametrize("mpp", [8.0, 16.0])
def test_the_overview_is_the_same_picture(real_data: Path, name: str, mpp: float) -> None:
    ours, theirs = both(real_data, name)
    with ours, theirs:
        one, other = ours.overview(mpp), theirs.overview(mpp)
    assert one.readable.all()
    assert one.image.shape == other.image.shape
    assert np.abs(one.image.astype(int) - other.image).mean() < 1


@pytest.mark.parametrize("name", ["stain-texture", "resnet18"])
def test_scaled_decoding_hardly_moves_features(real_data: Path, name: str) -> None:
    import torch

    torch.set_num_threads(1)
    encoder = get_encoder(name, "random" if name == "resnet18" else None, "cpu")
    ours, theirs = both(real_data, SVS)
    with ours, theirs:
        places = corners(ours, 448, 240)
        tiles = [np.array(slide.read_tiles(places, 448.0, PX)) for slide in (ours, theirs)]
    assert not np.array_equal(*tiles)
    with torch.inference_mode():
        one, other = (encoder(encoder.transform(torch.from_numpy(t))).float().numpy() for t in tiles)
    spread = other.std(axis=0)
    shift = np.abs(one - other).mean(axis=0)[spread > 0] / spread[spread > 0]
    print(f"{name}: mean shift of a feature {shift.mean():.4f} of its spread over tiles, worst {shift.max():.4f}")
    assert shift.mean() < 0.05


def test_a_dicom_folder_of_two_series_is_refused_naming_both(real_data: Path, tmp_path: Path) -> None:
    folder = tmp_path / "two"
    shutil.copytree(real_data / "wsi" / DICOM, folder)
    with open_slide(folder) as slide:
        assert slide.vendor == "dicom"
    shutil.copy(real_data / "wsi/openslide_fixtures/boxes_0.dcm", folder)
    with pytest.raises(
        InputError, match=r"1\.2\.276\.\S+ .* and 1\.3\.6\.1\.4\.1\S+ \(boxes_0\.dcm\); give each slide"
    ):
        open_slide(folder)


def test_auto_reads_each_slide_the_fastest_way_that_is_right(real_data: Path) -> None:
    expected = {
        SVS: "jpeg-tiff",
        GENERIC: "jpeg-tiff",
        DICOM: "openslide",
        "gc_no_mpp.tif": "openslide",
        "openslide_fixtures/boxes.tiff": "openslide",
        "openslide_fixtures/small.svs": "jpeg-tiff",
    }
    for name, reader in expected.items():
        with open_slide(real_data / "wsi" / name, 0.5, only_if_missing=True) as slide:
            assert slide.reader.split()[0] == reader, name
