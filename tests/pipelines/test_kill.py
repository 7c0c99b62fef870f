"""A run killed with SIGKILL and started again: nothing finished is redone, nothing half-written is trusted."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from pipelines.extract import ExtractOptions, extract_slides
from pipelines.features import read_features, read_tiles
from pipelines.tile import TileOptions, tile_slides

SCRIPT = Path(__file__).with_name("killed_run.py")


def run(slides: Path, job: Path, hold_at: int) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, str(SCRIPT), str(slides), str(job), str(hold_at)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def attempts(job: Path) -> dict[str, int]:
    states = (json.loads(path.read_text()) for path in sorted((job / "state").glob("*.json")))
    return {state["slide"]: state["stages"].get("extract small", {}).get("attempts", 0) for state in states}


def test_a_killed_run_goes_on_where_it_stopped(make_slide, tmp_path: Path, encoder) -> None:
    for seed, name in enumerate("abc"):
        make_slide(f"{name}.tiff", size=(1000, 720), seed=seed)
    slides, job = tmp_path / "slides", tmp_path / "job"
    tile_slides(slides, tmp_path / "whole", TileOptions(tile_px=112)).check()
    extract_slides(slides, tmp_path / "whole", encoder, ExtractOptions(batch_size=4)).check()
    tiles = {name: len(read_tiles(tmp_path / f"whole/tiles/{name}.h5").coords) for name in "abc"}

    # Batches of 4 cross slide borders: stop where the second slide is half encoded and the first is written.
    victim = run(slides, job, (tiles["a"] + tiles["b"] // 2) // 4 + 1)
    assert victim.stdout is not None
    assert victim.stdout.readline() == "held\n"
    victim.kill()
    victim.communicate(timeout=60)
    done, half = job / "features/small/a.h5", job / "features/small/b.h5"
    before = done.stat()
    assert not half.exists()
    assert attempts(job)["a"] == 1
    assert (job / "state/b.lock").is_file()
    # As if the file system had kept the name but not the content.
    left_over = half.with_name(".b.h5.12345-abcdef01.tmp")
    left_over.write_bytes(b"half")
    half.write_bytes((tmp_path / "whole/features/small/b.h5").read_bytes()[:1000])

    second = run(slides, job, -1)
    output, errors = second.communicate(timeout=120)
    assert second.returncode == 0, errors
    after = done.stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    assert attempts(job) == {"a": 1, "b": 2, "c": 2}
    assert int(output) == -(-(tiles["b"] + tiles["c"]) // 4)
    for name in "abc":
        one, other = (folder / f"features/small/{name}.h5" for folder in (job, tmp_path / "whole"))
        assert one.read_bytes() == other.read_bytes()
        assert len(read_features(one).coords) == tiles[name]
    assert not list((job / "state").glob("*.lock"))
    assert not left_over.exists()
