"""Real slides in the viewer."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from heatmaps.viewer.slide_tiles import TILE_PX, SlideTiles
from pipelines.slides import open_slide

pytestmark = pytest.mark.real


@pytest.mark.parametrize("name", ["CMU-1-Small-Region.svs", "dicom_cmu_small_region"])
def test_every_level_shows_the_same_slide(real_data, name: str) -> None:
    with open_slide(real_data / "wsi" / name) as slide:
        tiles = SlideTiles(slide)
        truth = slide.thumbnail(slide.mpp * 8).astype(float)
        for level in range(tiles.finest - 3, tiles.finest + 1):
            factor = 2 ** (tiles.finest - level)
            columns, rows = (-(-side // (factor * TILE_PX)) for side in slide.size)
            stripes = []
            for row in range(rows):
                found = [tiles.jpeg(level, column, row) for column in range(columns)]
                pictures = [cv2.imdecode(np.frombuffer(one, np.uint8), cv2.IMREAD_COLOR)[..., ::-1] for one in found]
                stripes.append(np.concatenate(pictures, axis=1))
            whole = np.concatenate(stripes)
            assert whole.shape[:2] == tuple(-(-side // factor) for side in slide.size[::-1])
            small = cv2.resize(whole, truth.shape[1::-1], interpolation=cv2.INTER_AREA)
            # Levels of some files leave pixels out and are not averages, so the place is asked for and not the grey.
            shifts = [(x, y) for x in (-1, 0, 1) for y in (-1, 0, 1)]
            error = {shift: np.abs(np.roll(small, shift, (1, 0)) - truth).mean() for shift in shifts}
            assert min(error, key=error.__getitem__) == (0, 0), (level, error)
            assert error[0, 0] < 8
            assert tiles.jpeg(level, columns, 0) is None
