"""The Ray engine on a cluster of this machine alone; and what is said where Ray is absent."""

from __future__ import annotations

import os
import sys
from functools import partial
from typing import TYPE_CHECKING

import pytest
import torch

from models.encoders import get_encoder
from pipelines.engine.ray_engine import ray_cluster
from pipelines.errors import SetupError
from pipelines.extract import ExtractOptions, extract_slides, extract_with_ray
from pipelines.job import Control, Job
from pipelines.stain import preparation
from pipelines.tile import TileOptions, tile_slides

if TYPE_CHECKING:
    from pathlib import Path

MAKE = partial(get_encoder, "stain-texture", None)
OPTIONS = ExtractOptions(batch_size=4)


@pytest.fixture
def job(make_slide, spoil, tmp_path: Path) -> Path:
    for seed, name in enumerate("abc"):
        slide = make_slide(f"{name}.tiff", size=(700, 600 + 60 * seed), seed=seed)
    tile_slides(tmp_path / "slides", tmp_path / "job", TileOptions(tile_px=112)).check()
    stat = slide.stat()
    spoil(slide, 4)
    os.utime(slide, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    return tmp_path / "job"


def files(job: Path) -> dict[str, bytes]:
    return {str(path.relative_to(job)): path.read_bytes() for path in sorted(job.glob("features/**/*.h5"))}


def test_without_ray_the_sentence_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)  # what import finds where it is not installed
    with pytest.raises(SetupError, match=r"pip install 'wsi-swarm\[ray\]'"), ray_cluster(None):
        pass


@pytest.mark.slow
def test_two_ray_workers_write_the_bytes_of_one_process(job: Path, tmp_path: Path, monkeypatch) -> None:
    pytest.importorskip("ray")
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    slides, varied = tmp_path / "slides", preparation(augment=1, seed=3)
    summary = extract_with_ray(slides, job, MAKE, ["cpu", "cpu"], OPTIONS, preparation=varied)
    assert {outcome.slide_id: outcome.status for outcome in summary.outcomes} == dict.fromkeys("abc", "done")
    assert summary.outcomes[2].counts["dropped"]["unreadable"] > 0
    assert {Job(job).stage(name, summary.stage)["attempts"] for name in "abc"} == {1}
    assert not list(job.glob("state/*.lock"))
    got = files(job)
    assert len(got) == 6
    torch.set_num_threads(1)
    extract_slides(slides, job, MAKE("cpu"), OPTIONS, preparation=varied, control=Control(force=True)).check()
    assert files(job) == got


@pytest.mark.slow
def test_a_cluster_that_is_not_there_is_one_sentence() -> None:
    pytest.importorskip("ray")
    with pytest.raises(SetupError, match="--ray-address"), ray_cluster("127.0.0.1:1"):
        pass
