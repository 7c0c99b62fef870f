"""Whole preparations: which pixels judge a slide, what a preparation says of itself, one slide's tiles in one look."""

from __future__ import annotations

import copy
import json
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import cv2
import numpy as np
import pytest

from pipelines.errors import ConfigError, InputError
from pipelines.features import Tiles, describe_tiles
from pipelines.preparation import AsRead
from pipelines.slides import open_slide
from pipelines.stain import preparation, sample
from pipelines.stain.density import map_density, optical_density

PEN_AND_DIRT = [(30, 130, 70), (40, 60, 160), (210, 40, 40), (25, 25, 25), (5, 0, 3), (60, 55, 50), (130, 90, 40)]
GLASS = [(255, 255, 255), (243, 243, 243), (236, 232, 238)]
TISSUE = [(110, 70, 150), (224, 150, 190), (90, 60, 130), (230, 185, 215), (160, 60, 110)]


def tiles_of(path: Path, step: int = 224) -> Tiles:
    with open_slide(path) as slide:
        width, height = slide.size
        corners = [(x, y) for y in range(0, height - step + 1, step) for x in range(0, width - step + 1, step)]
        return Tiles(slide.id, np.array(corners, np.int32), describe_tiles(slide.size, slide.mpp, slide.mpp, step, 0))


@pytest.mark.parametrize("colour", PEN_AND_DIRT + GLASS)
def test_pen_dirt_and_glass_do_not_judge_the_stain(colour):
    assert len(sample.stained(np.array([colour], np.uint8))) == 0


@pytest.mark.parametrize("colour", TISSUE)
def test_tissue_does(colour):
    assert len(sample.stained(np.array([colour], np.uint8))) == 1


def test_the_sample_does_not_depend_on_the_order_of_tiles_and_stays_small(make_slide):
    path = make_slide(size=(2240, 1680))
    tiles = tiles_of(path, 112)
    assert len(tiles.coords) > 2 * sample.SAMPLED_TILES
    backwards = Tiles(tiles.slide_id, tiles.coords[::-1], tiles.attrs)
    with open_slide(path) as slide:
        pixels = sample.slide_pixels(slide, tiles)
        assert (pixels == sample.slide_pixels(slide, backwards)).all()
    assert len(pixels) <= sample.SAMPLED_TILES * 38 * 38


def test_a_tile_that_cannot_be_read_is_passed_over(make_slide, spoil):
    path = make_slide(size=(1600, 1200))
    tiles = tiles_of(path)
    with open_slide(path) as slide:
        whole = sample.slide_pixels(slide, tiles)
    spoil(path, 10)
    with open_slide(path) as slide:
        rest = sample.slide_pixels(slide, tiles)
    assert sample.FEWEST_PIXELS < len(rest) < len(whole)


def test_a_slide_without_readable_tiles_is_refused(make_slide, spoil):
    path = make_slide(size=(512, 512))
    for index in range(4):
        spoil(path, index)
    with open_slide(path) as slide, pytest.raises(InputError, match="none of its 4 tiles can be read"):
        preparation("macenko").for_slide(slide, tiles_of(path))


@pytest.mark.parametrize("method", ["macenko", "reinhard"])
@pytest.mark.parametrize("level", [128, 250])
def test_a_grey_or_empty_slide_is_refused_in_one_sentence(save_slide, tmp_path, method, level):
    path = save_slide(tmp_path / "grey.tiff", np.full((600, 600, 3), level, np.uint8))
    with (
        open_slide(path) as slide,
        pytest.raises(InputError, match=r"grey\.tiff: its stain cannot be estimated, only 0"),
    ):
        preparation(method).for_slide(slide, tiles_of(path))


@pytest.mark.parametrize("method", ["macenko", "reinhard"])
def test_tiles_of_one_slide_come_out_alike_in_any_thread_and_process(make_slide, method):
    path = make_slide(size=(1600, 1200))
    tiles = tiles_of(path)
    with open_slide(path) as slide:
        prepare = preparation(method, augment=1, seed=5).for_slide(slide, tiles)
        corners = tiles.coords.tolist()
        read = [slide.read_region(x, y, 224, 224, (224, 224)) for x, y in corners]
    alone = [prepare(tile, x, y) for tile, (x, y) in zip(read, corners, strict=True)]
    columns, rows = zip(*corners, strict=True)
    with ThreadPoolExecutor(8) as pool:
        elsewhere = list(pool.map(prepare, read, columns, rows))
    with ProcessPoolExecutor(1, get_context("spawn")) as pool:
        assert pool.submit(copy.copy, prepare).result() == prepare
        elsewhere += pool.map(prepare, read, columns, rows)
    for first, second in zip(alone * 2, elsewhere, strict=True):
        assert len(first) == 2
        for one, other in zip(first, second, strict=True):
            assert one.dtype == np.uint8
            assert one.shape == (224, 224, 3)
            assert (one == other).all()


def test_the_tile_that_came_in_is_left_alone(make_slide):
    path = make_slide()
    with open_slide(path) as slide:
        tile = slide.read_region(600, 500, 224, 224, (224, 224))
        before = tile.copy()
        tile.setflags(write=False)
        for method in ("none", "macenko", "reinhard"):
            out = preparation(method, augment=2).for_slide(slide, tiles_of(path))(tile, 600, 500)
            assert len(out) == 3
    assert (tile == before).all()


def test_density_is_mapped_in_every_channel_and_cut_at_black_and_white():
    tile = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    affine = ((0.9, -0.3, 0.2, 0.1), (0.4, 1.1, -0.6, -0.2), (-0.5, 0.2, 1.4, 0.05))
    density = -np.log(np.maximum(tile, 1) / 255.0)
    wanted = 255 * np.exp(-(density @ np.array(affine)[:, :3].T + np.array(affine)[:, 3]))
    assert (wanted > 255).any(axis=(0, 1)).all()
    assert np.abs(map_density(tile, affine) - np.clip(wanted, 0, 255)).max() <= 0.501
    assert (map_density(tile, ((1, 0, 0, 0), (0, 1, 0, 0), (0, 0, 1, 0))) == np.maximum(tile, 1)).all()


def test_density_is_that_of_the_paper():
    assert optical_density(np.array([255, 0, 1, 128])) == pytest.approx(
        [0.0, np.log10(255), np.log10(255), -np.log10(128 / 255)], abs=1e-6
    )


def test_nothing_asked_for_is_nothing_done():
    assert isinstance(preparation(), AsRead)


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ({"normalise": "vahadane"}, "--stain-norm vahadane is unknown; choose one of none, macenko, reinhard"),
        ({"augment": -1}, "--augment"),
        ({"augment": 1, "seed": -1}, "--seed"),
        ({"reference": Path("a.png")}, "--stain-reference needs --stain-norm"),
    ],
)
def test_what_cannot_be_is_refused(how, message):
    with pytest.raises(ConfigError, match=message):
        preparation(**how)


def test_a_preparation_describes_itself():
    plain, normalised = preparation(augment=2, seed=7), preparation("macenko", augment=1, seed=7)
    assert (plain.name, normalised.name, preparation("reinhard").name) == ("", "macenko", "reinhard")
    assert [variant.folder for variant in plain.variants] == ["", "augment-1", "augment-2"]
    assert plain.variants[0].attrs == {}
    assert plain.parameters["augmentation"]["seed"] == 7
    assert "normaliser" not in plain.parameters
    assert normalised.variants[0].attrs == {"stain_normalisation": normalised.parameters["normaliser"]}
    first = normalised.variants[1].attrs
    assert first["augmentation_set"] == 1
    assert first["augmentation"]["albumentations"] == "2.0.8"
    assert first["augmentation"]["seed"] == 7
    names = [step["__class_fullname__"].split(".")[-1] for step in first["augmentation"]["pipeline"]["transforms"]]
    assert names == ["D4", "HedJitter", "GaussianBlur", "ImageCompression"]
    for made in (plain, normalised, preparation("reinhard")):
        described = {"parameters": made.parameters, "attrs": [variant.attrs for variant in made.variants]}
        assert json.loads(json.dumps(described)) == described


def test_more_sets_leave_the_first_ones_as_they_were():
    one, three = preparation(augment=1).variants, preparation(augment=3).variants
    assert one == three[:2]
    assert preparation(augment=1).parameters != preparation(augment=3).parameters


def test_a_reference_picture_sets_the_look(make_slide, tmp_path):
    path = make_slide()
    with open_slide(path) as slide:
        tiles = tiles_of(path)
        picture = tmp_path / "reference.png"
        cv2.imwrite(str(picture), slide.read_region(400, 300, 800, 600, (800, 600))[..., ::-1])
        tile = slide.read_region(600, 500, 224, 224, (224, 224))
        for method in ("macenko", "reinhard"):
            own = preparation(method, reference=picture)
            assert own.parameters != preparation(method).parameters
            to_itself = own.for_slide(slide, tiles)(tile, 600, 500)[0]
            to_default = preparation(method).for_slide(slide, tiles)(tile, 600, 500)[0]
            assert np.abs(to_itself.astype(int) - tile).mean() < 0.3 * np.abs(to_default.astype(int) - tile).mean()


def test_a_reference_that_is_no_stained_picture_is_refused(tmp_path):
    text = tmp_path / "a.png"
    text.write_text("no picture")
    with pytest.raises(InputError, match=r"a\.png cannot be read as a picture"):
        preparation("macenko", reference=text)
    with pytest.raises(InputError, match="cannot be read as a picture"):
        preparation("macenko", reference=tmp_path / "absent.png")
    grey = tmp_path / "grey.png"
    cv2.imwrite(str(grey), np.full((100, 100), 120, np.uint8))
    with pytest.raises(InputError, match=r"grey\.png: its stain cannot be estimated"):
        preparation("reinhard", reference=grey)
