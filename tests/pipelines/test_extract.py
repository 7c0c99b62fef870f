from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch

from pipelines.errors import ConfigError, InputError, PartialError
from pipelines.extract import ExtractOptions, extract_slides
from pipelines.features import read_features
from pipelines.slides import open_slide
from pipelines.tile import TileOptions, tile_slides

if TYPE_CHECKING:
    from pathlib import Path

SMALL = TileOptions(tile_px=112)


def statuses(summary) -> dict[str, str]:
    return {outcome.slide_id: outcome.status for outcome in summary.outcomes}


def state(job: Path, slide: str) -> dict:
    return json.loads((job / "state" / f"{slide}.json").read_text())["stages"]["extract small"]


@pytest.fixture
def three(make_slide, tmp_path: Path) -> tuple[Path, Path]:
    """Return a folder of three slides and the job in which they are tiled."""
    for seed, name in enumerate(("a.tiff", "b.tiff", "c.tiff")):
        make_slide(name, size=(1000, 700 + 100 * seed), seed=seed, mpp=0.499)
    tile_slides(tmp_path / "slides", tmp_path / "job", SMALL).check()
    return tmp_path / "slides", tmp_path / "job"


def files(job: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted((job / "features/small").glob("*.h5"))}


def test_each_tile_has_the_vector_of_its_own_pixels(three, encoder) -> None:
    slides, job = three
    extract_slides(slides, job, encoder, ExtractOptions(batch_size=7)).check()
    features = read_features(job / "features/small/b.h5")
    side = features.tile_px_level0
    with open_slide(slides / "b.tiff") as slide:
        tiles = np.stack([slide.read_region(x, y, side, side, (112, 112)) for x, y in features.coords.tolist()])
    want = encoder(encoder.transform(torch.from_numpy(tiles))).numpy()
    assert len(features.coords) > 10
    np.testing.assert_allclose(features.features, want, rtol=2e-3, atol=2e-3)
    assert encoder.seen_dtype == torch.uint8
    assert features.attrs["encoder_card_sha256"] == encoder.card_sha256
    assert features.attrs["dropped"] == {"background": state(job, "b")["counts"]["dropped"]["background"]}


def test_batches_run_across_slides(three, encoder) -> None:
    summary = extract_slides(*three, encoder, ExtractOptions(batch_size=16))
    total = sum(outcome.counts["tiles"] for outcome in summary.outcomes)
    assert encoder.batches == [16] * -(-total // 16)


def test_the_bytes_depend_neither_on_workers_nor_on_company(three, encoder) -> None:
    slides, job = three
    extract_slides(slides, job, encoder, ExtractOptions(batch_size=16, workers=1))
    want = files(job)
    assert len(want) == 3
    for workers in (2, 5):
        for path in (job / "features/small").iterdir():
            path.unlink()
        extract_slides(slides, job, encoder, ExtractOptions(batch_size=16, workers=workers))
        assert files(job) == want
    (job / "features/small/b.h5").unlink()
    summary = extract_slides(slides, job, encoder, ExtractOptions(batch_size=16))
    assert statuses(summary) == {"a": "done before", "b": "done", "c": "done before"}
    assert files(job) == want


def test_what_is_done_is_not_encoded_again_until_tiles_or_encoder_change(three, encoder) -> None:
    slides, job = three
    extract_slides(slides, job, encoder).check()
    encoder.batches.clear()
    assert set(statuses(extract_slides(slides, job, encoder)).values()) == {"done before"}
    assert encoder.batches == []
    encoder.weights_sha256 = "x" * 64
    assert set(statuses(extract_slides(slides, job, encoder)).values()) == {"done"}
    tile_slides(slides / "a.tiff", job, TileOptions(tile_px=96)).check()
    assert statuses(extract_slides(slides, job, encoder)) == {"a": "done", "b": "done before", "c": "done before"}
    assert read_features(job / "features/small/a.h5").attrs["tile_px"] == 96


def test_tiles_of_two_sizes_go_through_one_run(three, encoder) -> None:
    slides, job = three
    tile_slides(slides / "b.tiff", job, TileOptions(tile_px=64)).check()
    extract_slides(slides, job, encoder).check()
    assert [read_features(job / f"features/small/{name}.h5").attrs["tile_px"] for name in "abc"] == [112, 64, 112]


def test_an_unreadable_tile_is_dropped_counted_and_named(make_slide, spoil, tmp_path: Path, encoder) -> None:
    path = make_slide(size=(1536, 1024), mpp=0.5)
    job = tmp_path / "job"
    whole = tile_slides(path, job, SMALL).outcomes[0].counts["tiles"]
    stat = path.stat()
    spoil(path, 6 * 1 + 2)
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    summary = extract_slides(path, job, encoder)
    summary.check()
    features = read_features(job / "features/small/a.h5")
    named = state(job, "a")["dropped_tiles"]
    touching = [(x, y) for x in range(448, 768, 112) for y in range(224, 512, 112)]
    assert sorted((tile["x"], tile["y"]) for tile in named) == touching
    assert all("cannot be decoded" in tile["reason"] for tile in named)
    assert features.attrs["dropped"]["unreadable"] == len(named) == whole - len(features.coords)
    assert not {tuple(xy) for xy in features.coords.tolist()} & set(touching)
    assert f"{len(named)} unreadable" in summary.markdown()


def test_a_slide_of_which_nothing_can_be_read_fails_and_the_others_go_on(three, spoil, encoder) -> None:
    slides, job = three
    stat = (slides / "b.tiff").stat()
    for index in range(16):
        spoil(slides / "b.tiff", index)
    os.utime(slides / "b.tiff", ns=(stat.st_atime_ns, stat.st_mtime_ns))
    summary = extract_slides(slides, job, encoder)
    assert statuses(summary) == {"a": "done", "b": "failed", "c": "done"}
    assert "none of its" in summary.outcomes[1].reason
    assert not (job / "features/small/b.h5").exists()
    with pytest.raises(PartialError):
        summary.check()


def test_without_tiles_the_sentence_says_tile_first(three, make_slide, tmp_path: Path, encoder) -> None:
    slides, job = three
    with pytest.raises(InputError, match="wsi-swarm tile"):
        extract_slides(slides, tmp_path / "other", encoder)
    make_slide("d.tiff")
    os.utime(slides / "a.tiff", (1, 1))
    summary = extract_slides(slides, job, encoder)
    assert statuses(summary) == {"a": "failed", "b": "done", "c": "done", "d": "failed"}
    assert "changed since it was tiled" in summary.outcomes[0].reason
    assert "is not tiled" in summary.outcomes[3].reason
    assert "wsi-swarm tile" in summary.outcomes[3].reason


def test_a_slide_that_tile_refused_is_reported_with_the_reason(three, make_slide, encoder) -> None:
    slides, job = three
    make_slide("d.tiff", mpp=None)
    (refused,) = tile_slides(slides, job, SMALL).failed
    assert refused.reason in extract_slides(slides, job, encoder).outcomes[3].reason


def test_the_mpp_given_to_tile_is_remembered_and_not_contradicted(make_slide, tmp_path: Path, encoder) -> None:
    path, job = make_slide(mpp=None), tmp_path / "job"
    tile_slides(path, job, SMALL, slide_mpp=0.4).check()
    refused = extract_slides(path, job, encoder, slide_mpp=0.5)
    assert "tiled with --slide-mpp 0.4" in refused.outcomes[0].reason
    extract_slides(path, job, encoder).check()
    assert read_features(job / "features/small/a.h5").mpp == 0.4


def test_an_encoder_made_for_another_scale_is_refused_unless_one_insists(three, encoder) -> None:
    encoder.supported_mpp = (0.9, 1.2)
    summary = extract_slides(*three, encoder)
    assert set(statuses(summary).values()) == {"failed"}
    assert "--allow-mpp" in summary.outcomes[0].reason
    extract_slides(*three, encoder, ExtractOptions(allow_mpp=True)).check()


def test_the_scale_that_counts_is_the_one_that_the_network_sees(three, encoder) -> None:
    encoder.supported_mpp = (0.4, 1.2)
    encoder.resize_px = SMALL.tile_px * 2
    summary = extract_slides(*three, encoder)
    assert set(statuses(summary).values()) == {"failed"}
    assert f"resized from {SMALL.tile_px} to {SMALL.tile_px * 2} px (0.25 µm per pixel)" in summary.outcomes[0].reason
    assert f"--tile-px {SMALL.tile_px * 2}" in summary.outcomes[0].reason
    encoder.resize_px = SMALL.tile_px // 2
    extract_slides(*three, encoder).check()


def test_values_beyond_float16_fail_the_slide(three, encoder) -> None:
    encoder._weight = encoder._weight * 1e7
    summary = extract_slides(*three, encoder)
    assert set(statuses(summary).values()) == {"failed"}
    assert "float16" in summary.outcomes[0].reason


def test_an_encoder_that_breaks_leaves_no_lock_and_nothing_that_counts_as_done(three, encoder) -> None:
    slides, job = three

    def explode(tiles: torch.Tensor) -> torch.Tensor:
        if encoder.batches:
            raise MemoryError
        return type(encoder).transform(encoder, tiles)

    encoder.transform = explode
    with pytest.raises(MemoryError):
        extract_slides(slides, job, encoder, ExtractOptions(batch_size=8))
    assert not list((job / "state").glob("*.lock"))
    assert state(job, "c")["status"] == "running"  # the longest, so the first
    assert not list(job.glob("features/small/*"))


@pytest.mark.parametrize("wrong", [{"batch_size": 0}, {"workers": 0}])
def test_sizes_must_be_positive(wrong: dict[str, int]) -> None:
    with pytest.raises(ConfigError):
        ExtractOptions(**wrong)
