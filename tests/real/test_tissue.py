"""Tissue, pens, focus and stain on real pictures: scanned slides, tiles of four sources, marked thumbnails, IHC."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest
import tifffile

from pipelines.features import read_tiles
from pipelines.grid import make_grid
from pipelines.slides import open_slide
from pipelines.tile import TileOptions, tile_slides
from pipelines.tissue.classes import PENS, Area
from pipelines.tissue.coverage import polygon_fraction
from pipelines.tissue.drawn_mask import read_mask
from pipelines.tissue.find import classify
from pipelines.tissue.focus import is_blurred
from pipelines.tissue.stain_check import why_not_he

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.real

MPP = 8.0
INKS = {
    Area.GREEN_PEN: (0.9, 0.38, 0.4),
    Area.RED_PEN: (0.05, 0.9, 0.6),
    Area.BLUE_PEN: (0.9, 0.55, 0.15),
    Area.BLACK_PEN: (1.1, 1.1, 1.0),
}
"""Optical densities; green and red as measured in the marked thumbnail, blue and black chosen: no real case here."""
COLLECTIONS = {
    "crc5": "patches/crc5/*/*/*.jpg",
    "lc25000": "patches/lc25000_colon/*/*.j*",
    "hia": "patches/hia_tcga/*/*/*.jpg",
    "mopadi": "features/mopadi*/**/*.jpg",
}


def picture(path: Path) -> np.ndarray:
    return cv2.cvtColor(cv2.imread(str(path), cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)


def write_slide(path: Path, image: np.ndarray, mpp: float) -> Path:
    """Write a tiled TIFF with two levels."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tifffile.TiffWriter(path) as file:
        for step in (1, 4):
            file.write(
                smaller(image, step),
                tile=(256, 256),
                photometric="rgb",
                compression="adobe_deflate",
                compressionargs={"level": 1},
                subfiletype=int(step > 1),
                resolutionunit="CENTIMETER",
                resolution=(1e4 / mpp / step, 1e4 / mpp / step),
                metadata=None,
            )
    return path


def smaller(image: np.ndarray, factor: float) -> np.ndarray:
    size = (max(1, round(image.shape[1] / factor)), max(1, round(image.shape[0] / factor)))
    return cv2.resize(image, size, interpolation=cv2.INTER_AREA)


def mosaic(paths: list[Path]) -> np.ndarray:
    """Tiles at 0.5 µm/px side by side at 8 µm/px, as an overview would show them."""
    tiles = [smaller(picture(path), 16) for path in paths]
    across = int(len(tiles) ** 0.5)
    rows = len(tiles) // across
    return np.vstack([np.hstack(tiles[row * across : (row + 1) * across]) for row in range(rows)])


@pytest.fixture(scope="module")
def he(real_data: Path) -> dict[str, np.ndarray]:
    """Every real H&E picture without pen, at 8 µm/px."""
    pictures = {}
    for name, mpp in (("CMU-1-Small-Region.svs", None), ("dicom_cmu_small_region", None), ("C3L-00601-26.tiff", 0.5)):
        with open_slide(real_data / "wsi" / name, mpp) as slide:
            pictures[name] = slide.overview(MPP).image
    for folder in sorted((real_data / "patches/crc5/training").iterdir()):
        pictures[f"crc5 {folder.name}"] = mosaic(sorted((real_data / "patches/crc5").glob(f"*/{folder.name}/*.jpg")))
    for folder in sorted(path for path in (real_data / "patches/lc25000_colon").iterdir() if path.is_dir()):
        pictures[f"lc25000 {folder.name}"] = mosaic(sorted(folder.glob("*.j*")))
    pictures["hia"] = mosaic(sorted(real_data.glob(COLLECTIONS["hia"])))
    pictures["macenko"] = smaller(picture(real_data / "qc/macenko_reference.png"), 8)
    return pictures


def marked(image: np.ndarray, ink: tuple[float, float, float], seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the picture under a pen stroke 400 µm wide, and where the stroke is dense."""
    height, width = image.shape[:2]
    rng = np.random.default_rng(seed)
    mark = np.zeros((height, width), np.float32)
    line = [(width * x, height * y) for x, y in ((0.3, 0), (0.7, 0.4), (0.35, 0.6), (0.6, 1))]
    cv2.polylines(mark, [np.array(line, np.int32)], False, 1.0, round(400 / MPP))
    mark = cv2.GaussianBlur(mark, (0, 0), 25 / MPP)
    clouds = cv2.GaussianBlur(rng.normal(size=(height, width)).astype(np.float32), (0, 0), 100 / MPP)
    density = mark * (1 + 0.15 * clouds / clouds.std())
    under = image * 10 ** -(density[..., None] * np.array(ink, np.float32))
    return under.clip(0, 255).astype(np.uint8), mark > 0.7


def test_no_real_tissue_is_taken_for_pen(he: dict[str, np.ndarray]) -> None:
    for name, image in he.items():
        lost = np.isin(classify(image, MPP), PENS).mean()
        assert lost < 0.001, f"{name}: {lost:.2%} is called pen"


def test_pictures_full_of_real_tissue_are_tissue(he: dict[str, np.ndarray]) -> None:
    for name, image in he.items():
        if name.split()[0] in {"crc5", "lc25000", "hia", "macenko"}:
            assert (classify(image, MPP) == Area.TISSUE).mean() > 0.99, name


@pytest.mark.parametrize("strength", [0.15, 0.4, 1.6])
def test_weak_and_strong_stain_show_the_same_section(he: dict[str, np.ndarray], strength: float) -> None:
    image = he["C3L-00601-26.tiff"]
    usual = classify(image, MPP) == Area.TISSUE
    other = classify((244 * (image / 244.0).clip(0.01, 1) ** strength).astype(np.uint8), MPP) == Area.TISSUE
    assert (usual & other).sum() / (usual | other).sum() > 0.96


@pytest.mark.parametrize("area", list(INKS), ids=lambda area: area.label)
def test_ink_over_real_tissue_is_no_tissue_and_has_its_colour(he: dict[str, np.ndarray], area: Area) -> None:
    for number, name in enumerate(("C3L-00601-26.tiff", "crc5 AC", "crc5 H", "lc25000 colon_aca")):
        under, stroke = marked(he[name], INKS[area], number)
        classes = classify(under, MPP)
        before = classify(he[name], MPP)
        assert (classes[stroke] == Area.TISSUE).mean() < 0.05, name
        assert (classes[stroke] == area).mean() > 0.9, name
        away = cv2.dilate(stroke.astype(np.uint8), np.ones((25, 25), np.uint8)) == 0
        assert (classes[away] == before[away]).mean() > 0.98, name


def test_the_marked_thumbnail_comes_apart_into_tissue_and_three_inks(real_data: Path) -> None:
    image = picture(real_data / "qc/diagnostic-slide-thumb-rgb.png")
    counted = np.load(real_data / "qc/diagnostic-slide-thumb-rgb.tissue.npy")
    classes = classify(image, 30.0)
    tissue, ink = classes == Area.TISSUE, np.isin(classes, PENS)
    # The reference counts pen as tissue.
    assert 2 * ((tissue | ink) & counted).sum() / ((tissue | ink).sum() + counted.sum()) > 0.9
    red, green, blue = np.moveaxis(image.astype(int), -1, 0)
    assert tissue[green > red + 25].mean() < 0.02
    assert tissue[image.max(axis=-1) < 60].mean() < 0.02
    assert tissue[(red > 190) & (green < 90)].mean() < 0.05
    plain = (image.max(axis=-1) > 140) & (red - green > 15) & (red - green < 60) & (blue - green > 15) & (red < 215)
    assert tissue[plain & counted].mean() > 0.95
    for area in (Area.GREEN_PEN, Area.RED_PEN, Area.BLACK_PEN):
        assert 0.05 < (classes == area).mean() < 0.15
    assert (classes == Area.BLUE_PEN).mean() < 0.003


def test_green_pen_over_breast_tissue_takes_the_stroke_and_leaves_the_fat(real_data: Path) -> None:
    classes = classify(smaller(picture(real_data / "qc/pen/tcga-green-pen.png"), 4), MPP)
    for rows, columns in (
        (slice(8, 20), slice(88, 104)),
        (slice(45, 55), slice(68, 95)),
        (slice(120, 150), slice(46, 68)),
    ):
        assert (classes[rows, columns] == Area.GREEN_PEN).mean() > 0.95
    assert 0.15 < (classes == Area.GREEN_PEN).mean() < 0.23
    assert (classes[55:100, 2:30] == Area.TISSUE).mean() > 0.97
    assert (classes[:, 130:] == Area.TISSUE).mean() > 0.99


def test_tiles_get_the_verdict_in_their_names(real_data: Path) -> None:
    share = {
        path.stem: {area: (classify(smaller(picture(path), 4), MPP) == area).mean() for area in Area}
        for path in (real_data / "qc/tiles").glob("*.png")
    }
    assert share["no-tissue"][Area.TISSUE] == share["almost-white-1"][Area.TISSUE] == 0
    assert share["no-tissue-green-pen"][Area.TISSUE] == 0
    assert share["no-tissue-green-pen"][Area.GREEN_PEN] > 0.6
    assert share["tissue-level0-4302-10273-4814-10785"][Area.TISSUE] > 0.8
    assert 0.1 < share["high-nuclei-score-level2"][Area.TISSUE] < 0.2


def test_every_real_he_picture_passes_in_any_strength_and_tint(he: dict[str, np.ndarray]) -> None:
    for name, image in he.items():
        for strength in (0.3, 1.0, 1.8):
            stained = 255 * (np.maximum(image, 1) / 255.0) ** strength
            for tint in ((255, 255, 255), (255, 245, 225), (235, 240, 255), (255, 238, 238)):
                seen = (stained * (np.array(tint) / 255)).astype(np.uint8)
                assert why_not_he(seen, MPP) is None, (name, strength, tint)


def test_marked_thumbnails_pass_too(real_data: Path) -> None:
    assert why_not_he(picture(real_data / "qc/diagnostic-slide-thumb-rgb.png"), 30.0) is None
    for path in [*(real_data / "qc/tiles").glob("*.png"), *(real_data / "qc/pen").glob("*.png")]:
        assert why_not_he(smaller(picture(path), 4), MPP) is None, path.name


def mistagged(source: Path, folder: Path) -> Path:
    """Write the DICOM slide with the colour tag that its scanner's converter had written: RGB."""
    folder.mkdir()
    for part in source.glob("*.dcm"):
        content = part.read_bytes()
        tag = b"\x28\x00\x04\x00CS"
        right, wrong = tag + b"\x0c\x00YBR_FULL_422", tag + b"\x04\x00RGB "
        assert content.count(right) == 1
        (folder / part.name).write_bytes(content.replace(right, wrong))
    return folder


def test_a_dicom_whose_colours_are_tagged_wrongly_is_refused(real_data: Path, tmp_path: Path) -> None:
    wrong = mistagged(real_data / "wsi/dicom_cmu_small_region", tmp_path / "mistagged")
    [outcome] = tile_slides(wrong, tmp_path / "job").outcomes
    assert outcome.status == "failed"
    assert "YCbCr that the file calls RGB" in outcome.reason
    assert "--any-stain" in outcome.reason


def test_ihc_black_slides_and_masks_are_refused_and_the_flag_takes_ihc(real_data: Path, tmp_path: Path) -> None:
    from skimage.data import immunohistochemistry

    slides = tmp_path / "slides"
    field = np.tile(np.hstack([immunohistochemistry(), np.full((512, 256, 3), 244, np.uint8)]), (2, 2, 1))
    write_slide(slides / "ihc.tiff", field, 0.5)
    # Light on black, as fluorescence is shown: the section's negative.
    with open_slide(real_data / "wsi/C3L-00601-26.tiff", 0.5) as slide:
        negative = 244 - np.minimum(slide.read_region(0, 0, *slide.size, (1368, 1288)), 244)
    write_slide(slides / "fluorescence.tiff", negative, 2.0)
    shutil.copy(real_data / "wsi/gc_pyramid_0.97mpp.tif", slides)
    options = TileOptions(mpp=2.0, tile_px=56)
    reasons = {o.slide_id: o.reason for o in tile_slides(slides, tmp_path / "job", options).outcomes}
    assert "as in immunohistochemistry" in reasons["ihc"]
    assert "its background is black" in reasons["fluorescence"]
    assert "its background is black" in reasons["gc_pyramid_0.97mpp"]
    assert all("no tissue found" in reason and "--any-stain" in reason for reason in reasons.values())
    options = TileOptions(mpp=2.0, tile_px=56, any_stain=True)
    outcomes = {o.slide_id: o for o in tile_slides(slides, tmp_path / "job", options).outcomes}
    assert outcomes["ihc"].counts["tiles"] >= 16
    assert 100 < outcomes["fluorescence"].counts["tiles"] < 300
    assert outcomes["gc_pyramid_0.97mpp"].status == "failed"


def sharp_tiles(real_data: Path) -> list[np.ndarray]:
    """Every fourth real tile at 0.5 µm/px, 112 µm wide."""
    tiles = []
    for pattern in COLLECTIONS.values():
        for path in sorted(real_data.glob(pattern))[:: 4 if "crc5" in pattern or "lc25000" in pattern else 1]:
            tiles.append(picture(path)[:224, :224])
    for name, mpp in (("CMU-1-Small-Region.svs", None), ("C3L-00601-26.tiff", 0.5)):
        with open_slide(real_data / "wsi" / name, mpp) as slide:
            grid = make_grid(slide.size, slide.mpp, 0.5, 224)
            read = slide.read_tiles(grid.coords, grid.tile_px_level0, 224)
            tiles += [tile for tile in read if (tile.min(axis=-1) < 215).mean() > 0.6]
    return tiles


def test_sharp_tissue_is_never_called_blurred_and_a_blur_of_two_um_nearly_always(real_data: Path) -> None:
    tiles = sharp_tiles(real_data)
    assert len(tiles) > 800

    def called(sigma_um: float, quality: int) -> float:
        hits = 0
        for tile in tiles:
            soft = tile if sigma_um == 0 else cv2.GaussianBlur(tile.astype(np.float32), (0, 0), sigma_um / 0.5)
            data = cv2.imencode(".jpg", np.rint(soft).astype(np.uint8), [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
            hits += bool(is_blurred(cv2.resize(cv2.imdecode(data, 1), (112, 112), interpolation=cv2.INTER_AREA)))
        return hits / len(tiles)

    rate = {(sigma, 80): called(sigma, 80) for sigma in (0, 1, 1.5, 2, 3, 6)} | {(0, 30): called(0, 30)}
    print(len(tiles), "tiles:", {f"sigma {s} µm, JPEG {q}": round(share, 4) for (s, q), share in rate.items()})
    assert rate[0, 80] == rate[0, 30] == 0
    assert rate[1, 80] < 0.01
    assert rate[2, 80] > 0.85
    assert rate[3, 80] > 0.97
    assert rate[6, 80] > 0.9


def test_the_blurred_half_of_a_real_section_is_dropped_and_the_sharp_half_kept(real_data: Path, tmp_path: Path) -> None:
    with open_slide(real_data / "wsi/C3L-00601-26.tiff", 0.5) as slide:
        section = slide.read_region(0, 0, *slide.size, slide.size)
    half = section.shape[1] // 2
    section[:, half:] = cv2.GaussianBlur(section, (0, 0), 3 / 0.5)[:, half:]
    path = write_slide(tmp_path / "half.tiff", section, 0.5)
    [outcome] = tile_slides(path, tmp_path / "job").outcomes
    [kept] = tile_slides(path, tmp_path / "kept", TileOptions(keep=("blur",))).outcomes
    assert "blur" not in kept.counts["dropped"]
    # 256 µm between the places that are looked at, 112 µm a tile.
    coords = read_tiles(tmp_path / "job/tiles/half.h5").coords
    everything = read_tiles(tmp_path / "kept/tiles/half.h5").coords
    sharp = (everything[:, 0] + 224 < half - 512).sum()
    assert (coords[:, 0] + 224 < half - 512).sum() == sharp
    assert (coords[:, 0] > half + 512).sum() <= 0.03 * (everything[:, 0] > half + 512).sum()
    assert outcome.counts["dropped"]["blur"] > 0.7 * (everything[:, 0] > half).sum()


def test_the_grids_of_wsinfer_are_ours_where_no_tile_reaches_over_the_edge(real_data: Path, tmp_path: Path) -> None:
    slide = write_slide(tmp_path / "purple.tiff", np.full((4096, 4096, 3), (160, 32, 240), np.uint8), 0.25)
    [refused] = tile_slides(slide, tmp_path / "job").outcomes
    assert "as in a mask or a drawing" in refused.reason
    for name, tile_um in (("breast-tumor-resnet34.tcga-brca", 87.5), ("pancancer-lymphocytes-inceptionv4.tcga", 50.0)):
        table = np.loadtxt(
            real_data / f"conformance/wsinfer_tile_grid/{name}.csv", delimiter=",", skiprows=1, usecols=(0, 1, 2)
        )
        inside = {(int(x), int(y)) for x, y, side in table if max(x, y) + side <= 4096}
        options = TileOptions(mpp=0.25, tile_px=round(tile_um / 0.25), any_stain=True)
        tile_slides(slide, tmp_path / name, options).check()
        assert set(map(tuple, read_tiles(tmp_path / name / "tiles/purple.h5").coords.tolist())) == inside


def test_qupaths_own_files_are_read_as_areas(real_data: Path) -> None:
    folder = real_data / "conformance"
    for name in ("brush", "ellipse", "polygon", "rectangle", "wand"):
        mask = read_mask(folder / f"qupath_geojson/qupath-{name}.json")
        [polygon] = mask.include
        x, y = np.array(polygon[0]).T
        shoelace = abs(np.dot(x[:-1], y[1:]) - np.dot(x[1:], y[:-1])) / 2
        grid = make_grid((30_000, 20_000), 1.0, 1.0, 20)
        assert polygon_fraction([polygon], [], grid).sum() * 400 == pytest.approx(shoelace, rel=2e-3), name
    whole = read_mask(folder / "qupath_multipolygon.geojson")
    assert [len(rings) for rings in whole.include] == [27, 1, 1]
    assert len(read_mask(folder / "dlup_annotations/qupath05.geojson").include) == 3
