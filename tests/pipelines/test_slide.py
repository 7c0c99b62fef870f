from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import numpy as np
import pytest

from pipelines.errors import InputError
from pipelines.slides import UnreadableRegion, open_slide

if TYPE_CHECKING:
    from pathlib import Path


def test_mpp_is_what_the_file_says_and_no_bucket(make_slide) -> None:
    with open_slide(make_slide("case.7.tiff", mpp=0.2517)) as slide:
        assert slide.mpp == pytest.approx(0.2517, rel=1e-6)
        assert (slide.mpp_origin, slide.id, slide.size) == ("file", "case.7", (1600, 1200))


def test_a_slide_without_mpp_names_the_flag_and_takes_it(make_slide) -> None:
    path = make_slide(mpp=None)
    with pytest.raises(InputError, match="--slide-mpp"):
        open_slide(path)
    with open_slide(path, 0.31) as slide:
        assert (slide.mpp, slide.mpp_origin) == (0.31, "given")


def test_a_print_resolution_is_no_mpp(make_slide) -> None:
    with pytest.raises(InputError, match=r"352\.8.*--slide-mpp"):
        open_slide(make_slide(mpp=352.8))


def test_a_given_mpp_never_overrules_the_file(make_slide) -> None:
    path = make_slide(mpp=0.5)
    with pytest.raises(InputError, match=r"0\.5 .*0\.25"):
        open_slide(path, 0.25)
    with open_slide(path, 0.25, only_if_missing=True) as slide:
        assert slide.mpp == pytest.approx(0.5)


@pytest.mark.parametrize("given", [0.0, -1.0, 1000.0, float("nan")])
def test_an_impossible_given_mpp_is_refused(make_slide, given: float) -> None:
    with pytest.raises(InputError, match="given mpp"):
        open_slide(make_slide(mpp=None), given)


def test_pixels_that_are_not_square_are_refused_beyond_two_percent(make_slide) -> None:
    with pytest.raises(InputError, match="not square"):
        open_slide(make_slide("bad.tiff", mpp=(0.5, 0.515)))
    with open_slide(make_slide("good.tiff", mpp=(0.5, 0.505))) as slide:
        assert slide.mpp == pytest.approx(0.5025, rel=1e-5)


@pytest.mark.parametrize("content", [b"", b"II*\0garbage", b"\x89PNG"])
def test_what_is_no_slide_gets_one_sentence(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "x.svs"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"x\.svs cannot be opened as a slide") as caught:
        open_slide(path)
    assert "\n" not in str(caught.value)
    with pytest.raises(InputError, match="does not exist"):
        open_slide(tmp_path / "missing.svs")
    with pytest.raises(InputError, match=r"without \.dcm files"):
        open_slide(tmp_path)


@pytest.mark.parametrize("levels", [1, 3])
def test_a_region_is_the_area_mean_of_its_pixels(tissue_picture, save_slide, tmp_path: Path, levels: int) -> None:
    image = tissue_picture(1024, 768)
    with open_slide(save_slide(tmp_path / "s.tiff", image, levels=levels)) as slide:
        assert len(slide.level_sizes) == levels
        got = slide.read_region(128, 256, 512, 256, (64, 32))
        native = slide.read_region(100, 50, 224, 224, (224, 224))
    want = image[256:512, 128:640].reshape(32, 8, 64, 8, 3).mean(axis=(1, 3))
    assert np.abs(got - want).max() <= 1.0
    assert np.array_equal(native, image[50:274, 100:324])


def test_a_fraction_of_a_pixel_more_than_the_output_is_still_the_right_place(make_slide) -> None:
    with open_slide(make_slide(mpp=0.499)) as slide:
        side = 224 * 0.5 / 0.499
        tile = slide.read_region(300, 300, side, side, (224, 224))
        assert np.array_equal(tile, slide.read_region(300, 300, 224, 224, (224, 224)))


def test_what_was_never_scanned_is_no_tile_but_a_sliver_is_white(make_slide) -> None:
    with open_slide(make_slide()) as slide:
        with pytest.raises(UnreadableRegion) as caught:
            slide.read_region(1500, 500, 224, 224, (224, 224))
        assert caught.value.cause == "unscanned"
        tile = slide.read_region(1500, 500, 112, 112, (112, 112))
        assert (tile[:, 101:] == 255).all()
        assert tile[:, :99].max() < 255


def test_one_bad_region_does_not_take_the_slide_from_any_thread(make_slide, spoil) -> None:
    path = make_slide(size=(2048, 1024))
    spoil(path, 10)
    boxes = [(x, y) for y in range(0, 1024, 128) for x in range(0, 2048, 128)] * 3
    bad = {(512, 256), (640, 256), (512, 384), (640, 384)}

    with open_slide(path) as slide:

        def read(box: tuple[int, int]) -> str:
            try:
                slide.read_region(*box, 128, 128, (128, 128))
            except UnreadableRegion as region:
                return region.cause
            return "read"

        with ThreadPoolExecutor(4) as pool:
            results = list(pool.map(read, boxes))
        overview = slide.overview(8)
    assert [box for box, result in zip(boxes, results, strict=True) if result == "unreadable"] == [
        box for box in boxes if box in bad
    ]
    assert set(results) == {"read", "unreadable"}
    # 256 px at 0.5 µm are 16 px of the overview; the hole is as small as the block that is given up.
    assert not overview.readable[16:32, 32:48].any()
    assert (~overview.readable).sum() <= 64 * 64
    assert (overview.image[~overview.readable] == 255).all()


def test_the_overview_is_the_slide_in_small(tissue_picture, save_slide, tmp_path: Path) -> None:
    image = tissue_picture(1600, 1203)
    with open_slide(save_slide(tmp_path / "s.tiff", image, levels=2)) as slide:
        overview = slide.overview(8)
        assert np.array_equal(slide.thumbnail(8), overview.image)
        assert slide.thumbnail(0.1).shape == image.shape
    assert overview.image.shape == (75, 100, 3)
    assert overview.readable.all()
    assert overview.mpp == pytest.approx(8)
    want = image[:1200].reshape(75, 16, 100, 16, 3).mean(axis=(1, 3))
    assert np.abs(overview.image - want).mean() < 1.5
