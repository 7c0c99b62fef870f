"""Workers that die, are stopped, or lose who started them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pipelines.engine.devices import parse_devices
from pipelines.errors import ConfigError, SetupError
from pipelines.extract import extract_slides
from pipelines.job import Job
from pipelines.tile import TileOptions, tile_slides

if TYPE_CHECKING:
    from collections.abc import Callable

SCRIPT = Path(__file__).with_name("crew_run.py")
STAGE = "extract small"


@pytest.fixture
def job(make_slide, tmp_path: Path) -> Path:
    """Return a job in which "b" has tiles of 96 px, the others of 112."""
    for seed, name in enumerate("abcd"):
        slide = make_slide(f"{name}.tiff", size=(700, 600), seed=seed)
        tile_slides(slide, tmp_path / "job", TileOptions(tile_px=96 if name == "b" else 112)).check()
    return tmp_path / "job"


def start(job: Path, mode: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, str(SCRIPT), str(job.parent / "slides"), str(job), mode],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def statuses(job: Path) -> dict[str, str]:
    return {name: Job(job).stage(name, STAGE).get("status", "") for name in "abcd"}


def wait_until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 120
    while not holds():
        assert time.monotonic() < deadline
        threading.Event().wait(0.02)


def test_a_slide_that_kills_its_worker_fails_by_name_and_the_others_are_done(job: Path, encoder) -> None:
    out, errors = (process := start(job, "poison")).communicate(timeout=240)
    assert process.returncode == 0, errors
    assert statuses(job) == {"a": "done", "b": "failed", "c": "done", "d": "done"}
    assert "the process that works on it dies (signal 9, SIGKILL), also on this slide alone" in out
    assert "the worker on cpu died (signal 9, SIGKILL) at work on" in errors
    assert not list(job.glob("state/*.lock"))
    crew = {path.name: path.read_bytes() for path in job.glob("features/small/*.h5")}
    assert sorted(crew) == ["a.h5", "c.h5", "d.h5"]


@pytest.mark.slow
def test_a_worker_that_dies_once_costs_nothing_but_time(job: Path, encoder) -> None:
    out, errors = (process := start(job, "once")).communicate(timeout=240)
    assert process.returncode == 0, errors
    assert set(statuses(job).values()) == {"done"}, out
    assert errors.count("died") == 1
    assert out.startswith("extract small: 4 done")


@pytest.mark.slow
def test_workers_that_cannot_begin_are_an_error_not_a_loop(job: Path) -> None:
    _, errors = (process := start(job, "never")).communicate(timeout=240)
    assert process.returncode == 1
    assert "SetupError: every worker died; not done: a, b, c, d" in errors
    assert errors.count("died (exit code 9) at work on nothing") == 2


@pytest.mark.slow
@pytest.mark.parametrize(("number", "locks"), [(signal.SIGINT, False), (signal.SIGKILL, True)])
def test_who_stops_the_run_stops_its_workers(job: Path, encoder, number: int, locks: bool) -> None:
    process = start(job, "hold")
    try:
        wait_until(lambda: len(list(job.parent.glob("held-*"))) == 2)
        workers = [int(path.name.partition("-")[2]) for path in job.parent.glob("held-*")]
        if number == signal.SIGINT:
            os.killpg(process.pid, number)  # as Ctrl-C does: to all processes of the terminal
            process.communicate(timeout=120)
    finally:
        process.kill()
        process.communicate(timeout=120)
    assert process.returncode != 0
    wait_until(lambda: not any(runs(pid) for pid in workers))
    assert bool(list(job.glob("state/*.lock"))) == locks
    extract_slides(job.parent / "slides", job, encoder).check()
    assert set(statuses(job).values()) == {"done"}


def runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"


def test_devices_are_read_from_text() -> None:
    assert parse_devices("cuda:0, cuda:1") == ["cuda:0", "cuda:1"]
    assert parse_devices("auto") == ["auto"]
    with pytest.raises(ConfigError):
        parse_devices("cpu,,cpu")
    import torch

    if not torch.cuda.is_available():
        with pytest.raises(SetupError, match="every CUDA device"):
            parse_devices("all")
