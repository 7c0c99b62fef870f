from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest

from pipelines.errors import ConfigError, InputError, PartialError, SetupError
from pipelines.features import read_tiles
from pipelines.grid import make_grid
from pipelines.job import Control
from pipelines.job.locks import acquire
from pipelines.tile import TileOptions, plan_tiling, tile_slides

if TYPE_CHECKING:
    from pathlib import Path

SMALL = TileOptions(tile_px=112)


def statuses(summary) -> dict[str, str]:
    return {outcome.slide_id: outcome.status for outcome in summary.outcomes}


def state(job: Path, slide: str) -> dict:
    return json.loads((job / "state" / f"{slide}.json").read_text())["stages"]["tile"]


def test_a_slide_becomes_tiles_geojson_and_a_preview(make_slide, tmp_path: Path) -> None:
    job = tmp_path / "job"
    summary = tile_slides(make_slide(mpp=0.499), job, SMALL)
    summary.check()
    tiles = read_tiles(job / "tiles/a.h5")
    assert tiles.attrs["tile_px_level0"] == pytest.approx(56 / 0.499)
    assert tiles.attrs["mpp"] == pytest.approx(0.499)
    centres = (tiles.coords + tiles.attrs["tile_px_level0"] / 2) / (1600, 1200) - 0.5
    assert ((centres / (0.36, 0.32)) ** 2).sum(axis=1).max() < 1.15
    inside = 0.36 * 0.32 * np.pi * 1600 * 1200 / tiles.attrs["tile_px_level0"] ** 2
    assert len(tiles.coords) == pytest.approx(inside, rel=0.15)
    assert summary.outcomes[0].counts["tiles"] == len(tiles.coords) == state(job, "a")["counts"]["tiles"]
    assert state(job, "a")["counts"]["tissue_mm2"] == pytest.approx(
        0.36 * 0.32 * np.pi * 1.92e6 * 0.499**2 / 1e6, rel=0.05
    )
    collection = json.loads((job / "geojson/a.geojson").read_text())
    assert len(collection["features"]) == len(tiles.coords) + 1
    preview = cv2.imread(str(job / "thumbnails/a.jpg"))
    assert preview.shape == (1200 + 26, 1600, 3)  # one line of legend
    assert json.loads((job / "summary.json").read_text())["runs"]["tile"]["counts"] == {"done": 1}


def test_the_grid_does_not_depend_on_the_pixels_a_scanner_uses(tissue_picture, save_slide, tmp_path: Path) -> None:
    fine = tissue_picture(2400, 1800)
    coarse = fine.reshape(900, 2, 1200, 2, 3).mean(axis=(1, 3)).astype(np.uint8)
    options = TileOptions(mpp=1.0, tile_px=64)
    tile_slides(save_slide(tmp_path / "fine.tiff", fine, mpp=0.3), tmp_path / "job", options)
    tile_slides(save_slide(tmp_path / "coarse.tiff", coarse, mpp=0.6), tmp_path / "job", options)
    one, two = (read_tiles(tmp_path / "job/tiles" / f"{name}.h5") for name in ("fine", "coarse"))
    assert len(one.coords) == len(two.coords)
    assert np.abs(one.coords * 0.3 - two.coords * 0.6).max() < 0.6


@pytest.mark.parametrize("options", [TileOptions(), TileOptions(mpp=1.14, tile_px=224), TileOptions(overlap_px=32)])
def test_tiles_of_0265_and_025_um_per_px_are_as_large_within_a_pixel(options: TileOptions) -> None:
    # The same glass seen by two scanners that other tools both call 40x.
    width_um, height_um = 26_500.0, 21_000.0
    grids = {}
    for mpp in (0.25, 0.265):
        size = (round(width_um / mpp), round(height_um / mpp))
        grids[mpp] = make_grid(size, mpp, options.mpp, options.tile_px, options.overlap_px)
    one, other = grids[0.25], grids[0.265]
    assert len(one.coords) == len(other.coords)
    # Exact but for the rounding of a corner to a pixel: also the last of a hundred tiles in a row.
    assert np.abs(one.coords * 0.25 - other.coords * 0.265).max() <= 0.265
    assert one.tile_px_level0 * 0.25 == pytest.approx(other.tile_px_level0 * 0.265) == options.tile_px * options.mpp


def test_workers_change_nothing_but_the_time(make_slide, tmp_path: Path) -> None:
    for seed, name in enumerate("cab"):
        make_slide(f"{name}.tiff", size=(1400 + 200 * seed, 1200), seed=seed)
    make_slide("d.tiff", mpp=None)
    runs = {}
    for workers in (1, 3):
        job = tmp_path / f"job{workers}"
        summary = tile_slides(tmp_path / "slides", job, SMALL, clock=lambda: 0.0, workers=workers)
        files = [
            p for p in sorted(job.rglob("*")) if p.is_file() and "state" not in p.parts and p.name != "summary.json"
        ]
        runs[workers] = (
            [(o.slide_id, o.status, o.reason, o.counts) for o in summary.outcomes],
            {str(path.relative_to(job)): path.read_bytes() for path in files},
        )
    assert runs[1] == runs[3]
    assert [row[0] for row in runs[1][0]] == ["a", "b", "c", "d"]
    assert len(runs[1][1]) == 9
    with pytest.raises(ConfigError, match="--workers 0"):
        tile_slides(tmp_path / "slides", tmp_path / "job", SMALL, workers=0)


def test_each_dropped_tile_is_counted_under_its_reason_and_keep_takes_it_back(
    tissue_picture, save_slide, tmp_path: Path
) -> None:
    picture = tissue_picture(2240, 1792).astype(np.float32)
    picture[:, 896:1120] *= np.array((20, 130, 115)) / 243
    picture[-224:] = 3
    path = save_slide(tmp_path / "a.tiff", picture.astype(np.uint8))
    [plain] = tile_slides(path, tmp_path / "job", SMALL).outcomes
    dropped = plain.counts["dropped"]
    assert 2 * 14 <= dropped["green pen"] <= 2 * 14 + 2
    assert dropped["border"] == 20 * 2
    assert plain.counts["tiles"] + sum(dropped.values()) == 20 * 16
    assert read_tiles(tmp_path / "job/tiles/a.h5").attrs["dropped"] == dropped
    coords = read_tiles(tmp_path / "job/tiles/a.h5").coords
    assert not np.isin(coords[:, 0], (896, 1008)).any()
    kept = TileOptions(tile_px=112, keep=("pen",))
    assert tile_slides(path, tmp_path / "job", kept).outcomes[0].status == "done"
    assert "green pen" not in state(tmp_path / "job", "a")["counts"]["dropped"]
    parameters = state(tmp_path / "job", "a")["parameters"]
    assert parameters["keep"] == ["pen"]
    assert parameters["tissue"]["focus.content"] > 0
    assert parameters["tissue"]["pen.stroke_um"] > 0
    with pytest.raises(ConfigError, match="--keep does not know ink; it knows pen, blur"):
        TileOptions(keep=("ink",))


def test_a_changed_threshold_redoes_the_slide(make_slide, tmp_path: Path, monkeypatch) -> None:
    slide = make_slide()
    tile_slides(slide, tmp_path / "job", SMALL).check()
    monkeypatch.setattr("pipelines.tissue.pen.STROKE_UM", 90.0)
    [plan] = plan_tiling(slide, tmp_path / "job", SMALL)
    assert (plan.does, plan.why, plan.detail) == (True, "parameters changed", "tissue.pen.stroke_um")
    assert statuses(tile_slides(slide, tmp_path / "job", SMALL)) == {"a": "done"}
    [plan] = plan_tiling(slide, tmp_path / "job", SMALL, control=Control(force=True))
    assert (plan.does, plan.why) == (True, "forced")


def test_a_slide_that_is_no_he_is_refused_with_the_flag_that_overrules(
    tissue_picture, save_slide, tmp_path: Path
) -> None:
    brown = tissue_picture(1600, 1200)[..., [0, 2, 1]]
    brown[..., 1] -= 30
    path = save_slide(tmp_path / "a.tiff", brown[..., [0, 1, 2]])
    [refused] = tile_slides(path, tmp_path / "job", SMALL).outcomes
    assert refused.status == "failed"
    assert "--any-stain" in refused.reason
    taken = TileOptions(tile_px=112, any_stain=True)
    assert statuses(tile_slides(path, tmp_path / "job", taken)) == {"a": "done"}


def test_what_is_done_is_not_redone_until_something_changes(make_slide, tmp_path: Path) -> None:
    job, slide = tmp_path / "job", make_slide()
    assert statuses(tile_slides(slide, job, SMALL)) == {"a": "done"}
    assert statuses(tile_slides(slide, job, SMALL)) == {"a": "done before"}
    assert statuses(tile_slides(slide, job, TileOptions(tile_px=112, overlap_px=8))) == {"a": "done"}
    (job / "tiles/a.h5").unlink()
    assert statuses(tile_slides(slide, job, TileOptions(tile_px=112, overlap_px=8))) == {"a": "done"}
    os.utime(slide, (1, 1))
    assert statuses(tile_slides(slide, job, TileOptions(tile_px=112, overlap_px=8))) == {"a": "done"}
    assert state(job, "a")["attempts"] == 4


@pytest.mark.parametrize("damage", ["running", "cut", "foreign"])
def test_a_state_that_does_not_say_done_is_not_trusted(make_slide, tmp_path: Path, damage: str) -> None:
    job, slide = tmp_path / "job", make_slide()
    tile_slides(slide, job, SMALL)
    path = job / "state/a.json"
    whole = json.loads(path.read_text())
    if damage == "running":
        whole["stages"]["tile"]["status"] = "running"
    elif damage == "foreign":
        whole["format"] = "another program 3"
    path.write_text(json.dumps(whole)[: 40 if damage == "cut" else None])
    assert statuses(tile_slides(slide, job, SMALL)) == {"a": "done"}


def test_a_slide_in_other_hands_is_left_alone(make_slide, tmp_path: Path) -> None:
    job, slide = tmp_path / "job", make_slide()
    lock = acquire(job / "state/a.lock", lambda: 0.0)
    assert lock is not None
    summary = tile_slides(slide, job, SMALL, clock=lambda: 1.0)
    assert statuses(summary) == {"a": "busy"}
    assert "is working on it" in summary.markdown()
    summary.check()
    assert not (job / "tiles/a.h5").exists()
    lock.release()
    assert statuses(tile_slides(slide, job, SMALL)) == {"a": "done"}


def test_bad_slides_get_a_sentence_each_and_the_good_ones_are_done(make_slide, save_slide, tmp_path: Path) -> None:
    make_slide("good.tiff")
    make_slide("nompp.tiff", mpp=None)
    make_slide("coarse.tiff", mpp=3.0)
    make_slide("tiny.tiff", size=(100, 90))
    folder = tmp_path / "slides"
    save_slide(folder / "glass.tiff", np.full((800, 800, 3), 244, np.uint8))
    save_slide(folder / "black.tiff", np.zeros((800, 800, 3), np.uint8))
    (folder / "garbage.svs").write_bytes(b"no slide at all")
    summary = tile_slides(folder, tmp_path / "job", SMALL)
    reasons = {outcome.slide_id: outcome.reason for outcome in summary.outcomes}
    assert statuses(summary).pop("good") == "done"
    assert "--slide-mpp" in reasons["nompp"]
    assert "too coarse for --mpp 0.5" in reasons["coarse"]
    assert "smaller (100 x 90 px) than one tile" in reasons["tiny"]
    assert "no tissue" in reasons["glass"]
    assert "no tissue" in reasons["black"]
    assert "cannot be opened" in reasons["garbage"]
    with pytest.raises(PartialError, match="6 of 7"):
        summary.check()
    for name in ("nompp", "glass", "garbage"):
        assert reasons[name] in summary.markdown()
        assert state(tmp_path / "job", name)["status"] == "failed"


def test_the_flag_mends_the_refused_and_redoes_nothing_else(make_slide, tmp_path: Path) -> None:
    make_slide("known.tiff", mpp=0.4)
    make_slide("unknown.tiff", mpp=None)
    job, folder = tmp_path / "job", tmp_path / "slides"
    assert statuses(tile_slides(folder, job, SMALL)) == {"known": "done", "unknown": "failed"}
    assert statuses(tile_slides(folder, job, SMALL, slide_mpp=0.5)) == {"known": "done before", "unknown": "done"}
    assert statuses(tile_slides(folder, job, SMALL)) == {"known": "done before", "unknown": "done before"}
    assert statuses(tile_slides(folder, job, SMALL, slide_mpp=0.45)) == {"known": "done before", "unknown": "done"}
    assert read_tiles(job / "tiles/known.h5").attrs["mpp"] == pytest.approx(0.4)
    assert read_tiles(job / "tiles/unknown.h5").attrs["mpp"] == 0.45


def test_a_tables_mpp_is_taken_slide_by_slide(make_slide, tmp_path: Path) -> None:
    make_slide("one.tiff", mpp=None)
    make_slide("two.tiff", mpp=None)
    make_slide("three.tiff", mpp=0.25)
    table = tmp_path / "t.csv"
    table.write_text(
        "FILENAME,mpp\nslides/one.tiff,0.4\nslides/two.tiff,\nslides/three.tiff,0.5\nslides/gone.tiff,0.5\n"
    )
    summary = tile_slides(table, tmp_path / "job", SMALL, slide_mpp=0.5)
    assert statuses(summary) == {"one": "done", "two": "done", "three": "failed", "gone": "failed"}
    assert "does not exist" in summary.outcomes[3].reason
    assert read_tiles(tmp_path / "job/tiles/one.h5").attrs["mpp"] == 0.4
    assert read_tiles(tmp_path / "job/tiles/two.h5").attrs["mpp"] == 0.5


def test_a_region_the_overview_cannot_show_is_left_for_the_reader_to_judge(make_slide, spoil, tmp_path: Path) -> None:
    path = make_slide(size=(1024, 768))
    spoil(path, 0)
    tile_slides(path, tmp_path / "job", SMALL).check()
    corner = (read_tiles(tmp_path / "job/tiles/a.h5").coords < 150).all(axis=1)
    assert corner.sum() == 4


def test_options_and_folders_that_cannot_work_are_refused_at_once(make_slide, tmp_path: Path) -> None:
    for wrong in ({"mpp": 0.0}, {"mpp": 100.0}, {"min_tissue": 0.0}, {"min_tissue": 1.5}, {"tile_px": 0}):
        with pytest.raises(ConfigError):
            TileOptions(**wrong)
    with pytest.raises(InputError, match="holds no slide"):
        tile_slides(tmp_path, tmp_path / "job")
    blocked = tmp_path / "file"
    blocked.touch()
    with pytest.raises(SetupError, match="--out"):
        tile_slides(make_slide(), blocked)
