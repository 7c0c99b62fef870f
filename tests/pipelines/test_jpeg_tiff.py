"""The direct source against OpenSlide: the same pixels, and the same holes."""

from __future__ import annotations

import struct
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
import pytest
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks import mosaic
from pipelines.errors import ConfigError, InputError
from pipelines.slides import READERS, UnreadableRegion, open_slide
from pipelines.slides.jpeg_pages import NotDirectError, find_jpeg_levels
from pipelines.slides.jpeg_tiff import JpegTiffSource, _agree
from pipelines.slides.opening import open_handle
from pipelines.slides.openslide_source import OpenSlideSource
from pipelines.slides.pixels import Raster

if TYPE_CHECKING:
    from pathlib import Path

DECODED_TWICE = 3
"""Grey levels: two builds of libjpeg on one stream."""
SCALED_MEAN, SCALED_P99 = 2.0, 12.0
"""Grey levels: decoded at a smaller scale against decoded whole and averaged."""


CODINGS = {
    "scanner": mosaic.Coding(),
    "aperio": mosaic.Coding(tile=240, rgb=True, tables=True, subsampling="444", aperio=True),
    "ycbcr-tables": mosaic.Coding(tile=512, tables=True, subsampling="422", aperio=True),
    "rgb-generic": mosaic.Coding(tile=112, rgb=True, subsampling="420", quality=60),
}


@cache
def picture() -> np.ndarray:
    return mosaic.tissue(1536)[:1101, :1503]


@pytest.fixture(scope="session")
def slides(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("jpeg")
    return {
        name: mosaic.write_picture(
            folder / f"{name}{'.svs' if coding.aperio else '.tiff'}", picture(), steps=(1, 4), coding=coding
        )
        for name, coding in CODINGS.items()
    }


def regions_of(path: Path, boxes: list[tuple[float, float, float, float]], out_px: tuple[int, int]) -> np.ndarray:
    """Return (2, N, H, W, 3): each box through both readers."""
    both = []
    for reader in ("jpeg-tiff", "openslide"):
        with open_slide(path, reader=reader) as slide:
            both.append([slide.read_region(*box, out_px) for box in boxes])
    return np.array(both).astype(np.int16)


def overwrite(path: Path, page: int, tag: str, index: int, value: int) -> None:
    """Change one entry of a tag's values in place."""
    with tifffile.TiffFile(path) as file:
        found = file.pages[page].tags[tag]
        size = found.valuebytecount // found.count
        place = found.valueoffset + index * size
    with path.open("r+b") as handle:
        handle.seek(place)
        handle.write(struct.pack({2: "<H", 4: "<I", 8: "<Q"}[size], value))


def stream_of(path: Path, index: int) -> tuple[int, int]:
    with tifffile.TiffFile(path) as file:
        return file.pages[0].dataoffsets[index], file.pages[0].databytecounts[index]


@pytest.mark.parametrize("name", CODINGS)
def test_every_coding_is_read_directly_and_shows_what_openslide_shows(slides, name: str) -> None:
    with open_slide(slides[name]) as slide:
        assert slide.reader.startswith("jpeg-tiff (simplejpeg ")
        assert "openslide 4" in slide.reader
        assert slide.mpp == pytest.approx(0.25, rel=1e-4)
    inside = [(0, 0, 224, 224), (37, 51, 300, 300), (240, 256, 336, 336), (1503 - 336, 1101 - 336, 336, 336)]
    ours, theirs = regions_of(slides[name], inside, (224, 224))
    assert np.abs(ours - theirs).max() <= DECODED_TWICE
    ours, theirs = regions_of(slides[name], [(1400, 980, 160, 150)], (160, 150))
    assert (ours[0, 121:] == 255).all()
    assert np.abs(ours - theirs).max() <= DECODED_TWICE


@pytest.mark.parametrize("photometric", ["rgb", "ycbcr"])
@pytest.mark.parametrize("tile", [(240, 240), (256, 512)])
def test_what_another_program_wrote_is_read_the_same(tmp_path: Path, photometric: str, tile: tuple[int, int]) -> None:
    path = tmp_path / "written.tiff"
    tifffile.imwrite(
        path,
        picture(),
        tile=tile,
        photometric=photometric,
        compression="jpeg",
        resolution=(4e4, 4e4),
        resolutionunit="CENTIMETER",
        metadata=None,
    )
    ours, theirs = regions_of(path, [(11, 13, 300, 300), (1053, 651, 450, 450)], (300, 300))
    assert np.abs(ours - theirs).max() <= DECODED_TWICE


def test_the_tiff_decides_on_the_colours_not_the_streams(tmp_path: Path) -> None:
    # Streams that say YCbCr, with a JFIF marker, in a TIFF that says RGB: both show the numbers as they stand.
    path = mosaic.write_picture(tmp_path / "a.tiff", picture())
    overwrite(path, 0, "PhotometricInterpretation", 0, 2)
    ours, theirs = regions_of(path, [(100, 100, 512, 512)], (512, 512))
    assert np.abs(ours - theirs).max() <= DECODED_TWICE
    truth = picture()[100:612, 100:612].astype(np.int16)
    assert np.abs(ours[0] - truth).mean() > 30


@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_any_rectangle_is_the_same_through_both_sources(slides, data: st.DataObject) -> None:
    path = slides[data.draw(st.sampled_from(sorted(CODINGS)))]
    out = data.draw(st.integers(16, 256))
    scale = data.draw(st.sampled_from([0.7, 1.0, 1.3, 1.9, 2.0, 2.3, 3.0]))
    x, y = data.draw(st.floats(-60, 1503 - out)), data.draw(st.floats(-60, 1101 - out))
    read = []
    for reader in ("jpeg-tiff", "openslide"):
        with open_slide(path, reader=reader) as slide:
            try:
                read.append(slide.read_region(x, y, out * scale, out * scale, (out, out)).astype(np.int16))
            except UnreadableRegion as region:
                read.append(region.cause)
    side = out * scale
    spans = [(max(low, 0.0), min(low + side, length)) for low, length in ((x, slide.size[0]), (y, slide.size[1]))]
    scanned = np.prod([max(high - low, 0.0) / side for low, high in spans])
    if any(isinstance(one, str) for one in read):
        # At the very limit a rounded pixel decides, and the two round the slide's edge in other places.
        assert scanned < 0.5 + 4 / side
        assert {one for one in read if isinstance(one, str)} == {"unscanned"}
        return
    difference = np.abs(read[0] - read[1])
    if scale != 2.0:
        assert difference.max() <= DECODED_TWICE
        return
    # At the edge a pixel that is half outside is white for one and half white for the other.
    steps = np.arange(out) * scale
    columns, rows = (
        (low + steps >= 4) & (low + steps + scale <= length - 4)
        for low, length in ((x, slide.size[0]), (y, slide.size[1]))
    )
    inside = difference[rows][:, columns]
    if inside.size >= 3000:  # of fewer, one dark nucleus is a large part
        assert inside.mean() <= SCALED_MEAN
        assert np.percentile(inside, 99) <= SCALED_P99


@pytest.mark.parametrize("scale", [2.0, 4.0, 8.0, 4.56, 7.0])
def test_decoding_at_a_smaller_scale_stays_within_the_stated_tolerance(tmp_path: Path, scale: float) -> None:
    path = mosaic.write_picture(tmp_path / "one-level.tiff", mosaic.tissue(1024))
    side = 100 * scale
    ours, theirs = regions_of(path, [(0, 0, side, side), (101, 77, side, side)], (100, 100))
    difference = np.abs(ours - theirs)
    print(f"scale {scale}: mean {difference.mean():.2f}, p99 {np.percentile(difference, 99):.0f}, {difference.max()}")
    assert 0 < difference.mean() <= SCALED_MEAN
    assert np.percentile(difference, 99) <= SCALED_P99


def test_tiles_that_cannot_be_halved_are_decoded_whole(tmp_path: Path) -> None:
    path = mosaic.write_picture(tmp_path / "a.tiff", mosaic.tissue(512), coding=mosaic.Coding(tile=16 * 9))
    ours, theirs = regions_of(path, [(16, 16, 448, 448)], (28, 28))
    assert np.abs(ours - theirs).mean() <= SCALED_MEAN
    odd = mosaic.write_picture(
        tmp_path / "b.tiff", mosaic.tissue(512), coding=mosaic.Coding(tile=17 * 8, subsampling="444")
    )
    ours, theirs = regions_of(odd, [(16, 16, 448, 448)], (28, 28))
    assert np.abs(ours - theirs).mean() <= SCALED_MEAN


@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_read_tiles_is_read_region_bit_for_bit_whatever_the_block(slides, data: st.DataObject) -> None:
    path = slides[data.draw(st.sampled_from(sorted(CODINGS)))]
    reader = data.draw(st.sampled_from(["jpeg-tiff", "openslide"]))
    out = data.draw(st.sampled_from([64, 100]))
    side = out * data.draw(st.sampled_from([1.0, 1.5, 1.98, 2.0, 4.0]))
    place = st.tuples(st.integers(-40, 1503), st.integers(-40, 1101))
    coords = np.array(data.draw(st.lists(place, min_size=1, max_size=6)), np.int32)
    with open_slide(path, reader=reader) as slide:
        together = slide.read_tiles(coords, side, out)
        for (x, y), tile in zip(coords.tolist(), together, strict=True):
            if isinstance(tile, UnreadableRegion):
                with pytest.raises(UnreadableRegion) as caught:
                    slide.read_region(x, y, side, side, (out, out))
                assert (str(tile), tile.cause) == (str(caught.value), caught.value.cause)
            else:
                assert np.array_equal(tile, slide.read_region(x, y, side, side, (out, out)))


def test_threads_read_what_one_reads(slides) -> None:
    coords = np.array([(x, y) for y in range(0, 1000, 97) for x in range(0, 1400, 101)])
    with open_slide(slides["scanner"]) as slide:
        blocks = np.array_split(np.arange(len(coords)), 12)
        one = [slide.read_tiles(coords[rows], 150.0, 75) for rows in blocks]
        with ThreadPoolExecutor(4) as pool:
            several = list(pool.map(lambda rows: slide.read_tiles(coords[rows], 150.0, 75), blocks))
    for a, b in zip(one, several, strict=True):
        assert all(
            np.array_equal(x, y) if isinstance(x, np.ndarray) else str(x) == str(y) for x, y in zip(a, b, strict=True)
        )


@pytest.mark.parametrize("harm", ["noise", "cut short"])
def test_a_broken_tile_spoils_only_what_touches_it(slides, tmp_path: Path, harm: str) -> None:
    path = tmp_path / "broken.tiff"
    path.write_bytes(slides["scanner"].read_bytes())
    offset, count = stream_of(path, 7)  # the second tile of the second row: x 256-512, y 256-512
    with path.open("r+b") as file:
        file.seek(offset + count // 2)
        file.write(b"\xff" * (count // 2) if harm == "noise" else b"\0" * (count // 2))
    coords = np.array([(x, y) for y in range(0, 900, 128) for x in range(0, 1300, 128)])
    with open_slide(path) as slide:
        assert slide.reader.startswith("jpeg-tiff")
        tiles = slide.read_tiles(coords, 128.0, 128)
        overview = slide.overview(4.0)
    bad = {(x, y) for (x, y), t in zip(coords.tolist(), tiles, strict=True) if isinstance(t, UnreadableRegion)}
    assert bad == {(256, 256), (384, 256), (256, 384), (384, 384)}
    assert {t.cause for t in tiles if isinstance(t, UnreadableRegion)} == {"unreadable"}
    assert overview.readable.all()  # drawn from the other level, which is whole


def test_the_overview_marks_what_is_broken(tmp_path: Path) -> None:
    path = mosaic.write_picture(tmp_path / "a.tiff", mosaic.tissue(1024))
    with open_slide(path) as slide:
        whole = slide.overview(4.0)
    offset, count = stream_of(path, 5)
    with path.open("r+b") as file:
        file.seek(offset + 700)
        file.write(b"\xff" * (count - 700))
    with open_slide(path) as slide:
        harmed = slide.overview(4.0)
    assert whole.readable.all()
    assert not harmed.readable[16:32, 16:32].any()
    assert np.array_equal(harmed.image[harmed.readable], whole.image[harmed.readable])


def test_what_the_file_leaves_out_is_what_openslide_makes_of_it(slides, tmp_path: Path) -> None:
    path = tmp_path / "sparse.svs"
    path.write_bytes(slides["aperio"].read_bytes())
    overwrite(path, 0, "TileByteCounts", 8, 0)  # x 240-480, y 240-480
    overwrite(path, 0, "TileOffsets", 8, 0)
    ours, theirs = regions_of(path, [(100, 100, 224, 224), (480, 480, 224, 224)], (224, 224))
    assert np.abs(ours - theirs).max() <= DECODED_TWICE
    assert np.abs(ours[1] - picture()[480:704, 480:704]).mean() < 5
    # OpenSlide takes the tile of the next level that shows it as missing too, and draws it from the finer level.
    ours, theirs = regions_of(path, [(0, 0, 800, 800), (961, 0, 480, 480)], (200, 200))
    assert np.abs(ours - theirs).max() <= DECODED_TWICE
    assert np.percentile(np.abs(ours[0] - regions_of(slides["aperio"], [(0, 0, 800, 800)], (200, 200))[0, 0]), 99) > 20


def test_a_stream_of_another_size_is_left_to_openslide(slides, tmp_path: Path) -> None:
    path = tmp_path / "odd.tiff"
    path.write_bytes(slides["scanner"].read_bytes())
    offset, count = stream_of(path, 0)
    with path.open("r+b") as file:
        file.seek(offset)
        stream = file.read(count)
        frame = stream.index(b"\xff\xc0")
        file.seek(offset + frame + 5)
        file.write(struct.pack(">HH", 248, 256))
    read = []
    for reader in ("jpeg-tiff", "openslide"):
        with open_slide(path, reader=reader) as slide:
            read += slide.read_tiles(np.array([(10, 10)]), 200.0, 200)
    assert type(read[0]) is type(read[1])
    assert np.array_equal(read[0], read[1]) if isinstance(read[0], np.ndarray) else str(read[0]) == str(read[1])


def test_auto_takes_openslide_for_the_rest_and_force_says_why_not(make_slide, tmp_path: Path) -> None:
    lossless = make_slide()
    with open_slide(lossless) as slide:
        assert slide.reader.startswith("openslide ")
    with pytest.raises(InputError, match=r"cannot be read by jpeg-tiff: its level of 1600 x 1200 px is no JPEG"):
        open_slide(lossless, reader="jpeg-tiff")
    grey = tmp_path / "grey.tiff"
    tifffile.imwrite(grey, picture()[..., 0], tile=(256, 256), compression="jpeg", metadata=None)
    with pytest.raises(InputError, match="neither RGB nor YCbCr"):
        open_slide(grey, 0.5, reader="jpeg-tiff")
    with open_slide(grey, 0.5) as slide:
        assert slide.reader.startswith("openslide ")
    with pytest.raises(ConfigError, match="auto, openslide, jpeg-tiff"):
        open_slide(lossless, reader="magic")
    assert READERS == ("auto", "openslide", "jpeg-tiff")


def test_a_slide_that_looks_different_to_openslide_is_not_read_directly(slides) -> None:
    path = slides["scanner"]
    handle = open_handle(path)
    whole = OpenSlideSource(handle, path)
    level = find_jpeg_levels(path, handle.level_dimensions)[0]
    raster = Raster(0, 1, 1.0, level.size)
    swapped = {**vars(level), "begin": level.begin.replace(b"\x00\x01", b"\x00\x00")}
    other = type(level)(**{**swapped, "offsets": np.roll(level.offsets, 1), "begin": level.begin})
    for levels, agree in (([level], True), ([type(level)(**swapped)], False), ([other], False)):
        source = JpegTiffSource(path, levels, whole)
        assert _agree(source, whole, levels[0], raster) is agree
        source._file.close()
    handle.close()


def test_a_structure_that_cannot_be_followed_is_not_direct(tmp_path: Path) -> None:
    for content in (b"", b"II*\0\xff\xff\xff\x7f", b"II+\0\x08\0\0\0" + b"\xff" * 64):
        path = tmp_path / "x.tiff"
        path.write_bytes(content)
        with pytest.raises(NotDirectError):
            find_jpeg_levels(path, [(16, 16)])
