"""Stain on real slides and tiles: the same look whatever the laboratory, whatever lies on the tissue."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pipelines.errors import InputError
from pipelines.features import Tiles, describe_tiles
from pipelines.slides import Slide, open_slide
from pipelines.stain import macenko, preparation, reinhard, sample

pytestmark = pytest.mark.real

SOURCES = {
    "crc5": "patches/crc5/training/AC/*.jpg",
    "lc25000": "patches/lc25000_colon/colon_aca/*",
    "hia": "patches/hia_tcga/BLOCKS_NORM_MACENKO/**/*.*",
}
SLIDES = {"CMU-1-Small-Region.svs": None, "C3L-00601-26.tiff": 0.5}


def picture(path: Path) -> np.ndarray:
    with Image.open(path) as file:
        return np.array(file.convert("RGB"))


def tissue_tiles(slide: Slide) -> Tiles:
    width, height = slide.size
    corners = [(x, y) for y in range(0, height - 224, 224) for x in range(0, width - 224, 224)]
    kept = [(x, y) for x, y in corners if slide.read_region(x, y, 224, 224, (28, 28)).mean() < 215]
    return Tiles(slide.id, np.array(kept, np.int32), describe_tiles(slide.size, slide.mpp, slide.mpp, 224, 0))


def look(pixels: np.ndarray) -> np.ndarray:
    """Return mean colour, 10th and 90th percentile of the tissue: what an encoder sees of a laboratory."""
    return np.concatenate([pixels.mean(axis=0), *np.percentile(pixels, [10, 90], axis=0)])


@pytest.fixture(scope="module")
def looks(real_data) -> dict[str, dict[str, np.ndarray]]:
    """Stained pixels by source and method."""
    found: dict[str, dict[str, np.ndarray]] = {}
    for name, mpp in SLIDES.items():
        with open_slide(real_data / "wsi" / name, mpp) as slide:
            tiles = tissue_tiles(slide)
            corners = tiles.coords[::7].tolist()
            read = [slide.read_region(x, y, 224, 224, (224, 224)) for x, y in corners]
            tissue = [(tile.min(axis=2) < 200) for tile in read]
            for method in ("none", "macenko", "reinhard"):
                prepare = preparation(method).for_slide(slide, tiles)
                done = [prepare(tile, *at)[0] for tile, at in zip(read, corners, strict=True)]
                pixels = [tile[mask] for tile, mask in zip(done, tissue, strict=True)]
                found.setdefault(name, {})[method] = np.concatenate(pixels)
    for name, pattern in SOURCES.items():
        paths = [path for path in sorted(real_data.glob(pattern)) if path.suffix in {".jpg", ".jpeg", ".png", ".tif"}]
        assert paths
        pictures = [picture(path) for path in paths[:: max(1, len(paths) // 20)]]
        judged = sample.enough(np.concatenate([p[::3, ::3].reshape(-1, 3) for p in pictures]), Path(name))
        by = {
            "macenko": macenko.between(macenko.estimate(judged, Path(name)), macenko.REFERENCE),
            "reinhard": reinhard.between(reinhard.estimate(judged, Path(name)), reinhard.REFERENCE),
            "none": lambda tile: tile,
        }
        found[name] = {
            method: np.concatenate([normalise(p)[p.min(axis=2) < 200] for p in pictures])
            for method, normalise in by.items()
        }
    return found


def spread(looks: dict[str, dict[str, np.ndarray]], method: str, sources: list[str]) -> float:
    """Return the mean standard deviation of looks between sources, in grey levels."""
    return float(np.std([look(looks[source][method]) for source in sources], axis=0).mean())


def degrees_between(one: tuple[float, ...], other: tuple[float, ...]) -> float:
    return float(np.degrees(np.arccos(np.clip(np.dot(one, other), -1, 1))))


# The two slides hold different tissue (skin; tumour), whose mixture of the stains Macenko keeps and Reinhard levels.
@pytest.mark.parametrize(("method", "two", "five"), [("macenko", 0.75, 0.5), ("reinhard", 0.5, 0.4)])
def test_the_spread_between_two_slides_and_between_five_sources_shrinks(looks, method, two, five):
    for sources, share in ((list(SLIDES), two), (list(looks), five)):
        before, after = spread(looks, "none", sources), spread(looks, method, sources)
        print(f"{method}, {len(sources)} sources: {before:.1f} -> {after:.1f} grey levels")
        assert after < share * before


def test_macenko_takes_the_difference_of_stain_between_two_slides(looks):
    for which in ("haematoxylin", "eosin"):
        apart = {}
        for method in ("none", "macenko"):
            one, other = (macenko.estimate(sample.stained(looks[s][method]), Path(s)) for s in SLIDES)
            apart[method] = degrees_between(getattr(one, which), getattr(other, which))
        print(which, {method: round(degrees, 1) for method, degrees in apart.items()}, "degrees apart")
        assert apart["macenko"] < 0.4 * apart["none"]


def test_all_sources_get_the_reference_stain(looks):
    for source, by in looks.items():
        before = macenko.estimate(sample.stained(by["none"]), Path(source))
        after = macenko.estimate(sample.stained(by["macenko"]), Path(source))
        away = [
            degrees_between(getattr(stain, which), getattr(macenko.REFERENCE, which))
            for stain in (before, after)
            for which in ("haematoxylin", "eosin")
        ]
        print(source, "degrees to the reference (H, E) before", np.round(away[:2], 1), "after", np.round(away[2:], 1))
        assert max(away[2:]) < 5
        assert before.haematoxylin[0] > before.eosin[0] + 0.1


def test_the_constants_are_those_of_the_reference_picture(real_data):
    path = real_data / "qc" / "macenko_reference.png"
    pixels = sample.picture_pixels(path)
    assert macenko.estimate(pixels, path) == macenko.REFERENCE
    assert reinhard.estimate(pixels, path) == reinhard.REFERENCE
    assert preparation("macenko", reference=path).parameters == preparation("macenko").parameters


def test_green_pen_over_a_fifth_of_the_tissue_hardly_moves_the_stain(real_data):
    whole = picture(real_data / "qc" / "pen" / "tcga-green-pen.png")
    free = whole[:, 500:].reshape(-1, 3)
    whole = whole.reshape(-1, 3)
    assert len(sample.stained(free)) > 0.5 * len(free)
    stains = [macenko.estimate(pixels, Path("pen")) for pixels in (sample.stained(free), sample.stained(whole), whole)]
    moved, unguarded = (degrees_between(stains[0].haematoxylin, stain.haematoxylin) for stain in stains[1:])
    print(f"haematoxylin moves by {moved:.1f} degrees; {unguarded:.1f} if every pixel counts")
    assert moved < 8
    assert moved < unguarded / 4
    assert degrees_between(stains[0].eosin, stains[1].eosin) < 6


@pytest.mark.parametrize("name", ["no-tissue.png", "no-tissue-green-pen.png", "almost-white-1.png"])
@pytest.mark.parametrize("method", [macenko, reinhard])
def test_glass_and_pen_have_no_stain(real_data, name, method):
    path = real_data / "qc" / "tiles" / name
    with pytest.raises(InputError, match="its stain cannot be estimated"):
        method.estimate(sample.picture_pixels(path), path)


@pytest.mark.parametrize("name", ["wsi/gc_pyramid_0.97mpp.tif"])
def test_a_slide_that_is_not_stained_is_refused(real_data, name):
    with open_slide(real_data / name) as slide:
        tiles = tissue_tiles(slide)
        with pytest.raises(InputError, match="its stain cannot be estimated"):
            preparation("macenko").for_slide(slide, tiles)
