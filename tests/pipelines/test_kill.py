"""Runs killed with SIGKILL and started again: nothing finished is redone, nothing half-written is trusted."""

from __future__ import annotations

import hashlib
import json
import random
import subprocess
import sys
import threading
import time
from collections import Counter
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pipelines.extract import ExtractOptions, extract_slides
from pipelines.features import read_features, read_tiles
from pipelines.slides import open_slide
from pipelines.tile import TileOptions, tile_slides

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SCRIPT = Path(__file__).with_name("killed_run.py")


class Server:
    """Carries out orders of ``killed_run.py``."""

    def __init__(self, slides: Path, job: Path) -> None:
        self._errors = job.parent / "errors.txt"
        self._process = subprocess.Popen(
            [sys.executable, str(SCRIPT), str(slides), str(job)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def tell(self, order: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(order + "\n")
        self._process.stdin.flush()

    def hear(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()

    def do(self, order: str) -> str:
        self.tell(order)
        answer = self.hear()
        assert answer != "ended 1", self._errors.read_text()
        return answer

    def end(self) -> None:
        self._process.communicate(timeout=60)


@contextmanager
def serving(slides: Path, job: Path) -> Iterator[Server]:
    server = Server(slides, job)
    try:
        yield server
    finally:
        server.end()


@pytest.fixture
def slides(make_slide, tmp_path: Path) -> Path:
    for seed, (name, height) in enumerate({"a": 800, "b": 720, "c": 640}.items()):
        make_slide(f"{name}.tiff", size=(900, height), seed=seed)
    return tmp_path / "slides"


@pytest.fixture
def undisturbed(slides: Path, tmp_path: Path, encoder) -> Path:
    whole = tmp_path / "whole"
    tile_slides(slides, whole, TileOptions(tile_px=112)).check()
    extract_slides(slides, whole, encoder, ExtractOptions(batch_size=4)).check()
    return whole


def stage(job: Path, slide: str, name: str) -> dict[str, object]:
    return json.loads((job / "state" / f"{slide}.json").read_text())["stages"].get(name, {})


def wait_until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < deadline
        threading.Event().wait(0.02)


def attempts(job: Path) -> dict[str, int]:
    states = (json.loads(path.read_text()) for path in sorted((job / "state").glob("*.json")))
    return {state["slide"]: state["stages"].get("extract small", {}).get("attempts", 0) for state in states}


def content(job: Path) -> dict[str, object]:
    """Return all that a job folder holds, but for how often and when slides were worked on."""
    held: dict[str, object] = {}
    for path in sorted(path for path in job.rglob("*") if path.is_file()):
        if path.name == "summary.json":
            stages = json.loads(path.read_text())["runs"]
            held[path.name] = {
                name: {s["slide_id"]: s["counts"] for s in run["slides"]} for name, run in stages.items()
            }
        elif path.parent.name == "state" and path.suffix == ".json":
            state = json.loads(path.read_text())
            for stage in state["stages"].values():
                del stage["attempts"], stage["time"]
            held[path.name] = state
        else:
            held[str(path.relative_to(job))] = path.read_bytes()
    return held


def test_a_killed_run_goes_on_where_it_stopped(slides: Path, undisturbed: Path, tmp_path: Path) -> None:
    job = tmp_path / "job"
    tiles = {name: len(read_tiles(undisturbed / f"tiles/{name}.h5").coords) for name in "abc"}
    assert tiles["a"] >= tiles["b"] >= tiles["c"] > 4  # the order of work
    with serving(slides, job) as server:
        # Batches of 4 cross slide borders: stop where the second slide is half encoded and the first is written.
        server.tell(f"hold {(tiles['a'] + tiles['b'] // 2) // 4 + 1}")
        assert server.hear() == "held"
        wait_until(lambda: stage(job, "a", "extract small").get("status") == "done")  # it is written in a thread
        assert server.do("kill") == "killed"
        done, half = job / "features/small/a.h5", job / "features/small/b.h5"
        before = done.stat()
        assert not half.exists()
        assert attempts(job)["a"] == 1
        assert (job / "state/b.lock").is_file()
        # As if the file system had kept the name but not the content.
        left_over = half.with_name(".b.h5.12345-abcdef01.tmp")
        left_over.write_bytes(b"half")
        half.write_bytes((undisturbed / "features/small/b.h5").read_bytes()[:1000])
        assert server.do(f"log {tmp_path / 'encoded'}") == "ended 0"
    after = done.stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    assert attempts(job) == {"a": 1, "b": 2, "c": 2}
    assert len((tmp_path / "encoded").read_text().splitlines()) == tiles["b"] + tiles["c"]
    assert content(job) == content(undisturbed)
    assert len(read_features(half).coords) == tiles["b"]


def kill_at_random(slides: Path, undisturbed: Path, job: Path, seed: int, kills: int) -> None:
    rng = random.Random(seed)
    with serving(slides, job) as server:
        # Most after few operations, so that a run dies many times over the same slides before it gets through.
        orders = [
            f"event {rng.randrange(1, 40)}" if rng.random() < 0.8 else f"after {0.1 + rng.random() / 2}"
            for _ in range(kills)
        ]
        killed = [server.do(order) for order in orders].count("killed")
        server.tell("event 0")
        print(f"{killed} of {kills} runs were killed; the last one needed {server.hear()} file operations")
        assert server.hear() == "ended 0"
    assert killed >= kills // 3
    assert content(job) == content(undisturbed)


def test_kills_at_random_moments_leave_no_trace(slides: Path, undisturbed: Path, tmp_path: Path) -> None:
    kill_at_random(slides, undisturbed, tmp_path / "job", seed=1, kills=8)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(2, 6))
def test_many_kills_at_random_moments_leave_no_trace(
    slides: Path, undisturbed: Path, tmp_path: Path, seed: int
) -> None:
    kill_at_random(slides, undisturbed, tmp_path / "job", seed, kills=30)


@pytest.mark.slow
def test_two_processes_on_one_folder_do_each_slide_once(slides: Path, undisturbed: Path, tmp_path: Path) -> None:
    job = tmp_path / "job"
    with serving(slides, job) as one, serving(slides, job) as other:
        for number, server in enumerate((one, other)):
            server.tell(f"log {tmp_path / f'encoded-{number}'}")
        assert one.hear() == "ended 0"
        assert other.hear() == "ended 0"
    encoded = [path.read_text().splitlines() for path in sorted(tmp_path.glob("encoded-*"))]
    wanted: Counter[str] = Counter()
    for name in "abc":
        tiles = read_tiles(undisturbed / f"tiles/{name}.h5")
        with open_slide(slides / f"{name}.tiff") as slide:
            pictures = slide.read_tiles(tiles.coords, tiles.attrs["tile_px_level0"], 112)
        wanted.update(hashlib.sha256(picture.tobytes()).hexdigest() for picture in pictures)
    assert sum(map(Counter, encoded), Counter()) == wanted
    assert attempts(job) == {"a": 1, "b": 1, "c": 1}
    assert content(job) == content(undisturbed)
