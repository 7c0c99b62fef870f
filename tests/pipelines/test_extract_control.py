"""Dry runs, parts of the list, several workers on one folder, feature sets, disks that are full."""

from __future__ import annotations

import json
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch

from models.encoders import get_encoder
from models.feature_kind import read_kind
from pipelines.errors import InputError, PartialError, SetupError
from pipelines.extract import ExtractOptions, extract_on_devices, extract_slides, plan_extraction
from pipelines.features import read_features
from pipelines.job import Control, Job, Shard
from pipelines.job.locks import acquire
from pipelines.preparation import Variant
from pipelines.tile import TileOptions, tile_slides
from wsi_swarm.cli.main import main

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SMALL = TileOptions(tile_px=112)


def statuses(summary) -> dict[str, str]:
    return {outcome.slide_id: outcome.status for outcome in summary.outcomes}


@pytest.fixture(autouse=True)
def one_core() -> Iterator[None]:
    """Leave the other cores to other tests; waiting for them takes longer than computing does."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def three(make_slide, tmp_path: Path) -> tuple[Path, Path]:
    """Return a folder of three slides and the job in which they are tiled."""
    for seed, name in enumerate("abc"):
        make_slide(f"{name}.tiff", size=(700, 600 + 60 * seed), seed=seed)
    tile_slides(tmp_path / "slides", tmp_path / "job", SMALL).check()
    return tmp_path / "slides", tmp_path / "job"


@dataclass(frozen=True)
class Darker:
    """A preparation for the tests: the tiles themselves or darker, and sets that are turned."""

    name: str = ""
    sets: int = 0
    parameters: dict[str, Any] = field(default_factory=dict)

    @property
    def variants(self) -> tuple[Variant, ...]:
        return (Variant("", {}), *(Variant(f"augment-{n + 1}", {"turn": n + 1}) for n in range(self.sets)))

    def for_slide(self, slide, tiles):
        if slide.id == "b" and self.name == "refuses":
            msg = f"{slide.path} shows no stain"
            raise InputError(msg)
        return partial(prepare, bool(self.name), self.sets)


def prepare(darker: bool, sets: int, tile: np.ndarray, x: int, y: int) -> tuple[np.ndarray, ...]:
    plain = tile // 2 if darker else tile
    return (plain, *(np.rot90(plain, n + 1) for n in range(sets)))


def test_a_dry_run_says_why_for_each_slide(three, make_slide, encoder) -> None:
    slides, job = three
    extract_slides(slides, job, encoder).check()
    make_slide("d.tiff")
    (job / "features/small/a.h5").unlink()
    (slides / "b.tiff").touch()
    before = sorted(job.rglob("*"))
    plans = {plan.slide_id: plan for plan in plan_extraction(slides, job, encoder)}
    assert {name: (plan.does, plan.why) for name, plan in plans.items()} == {
        "a": (True, "output missing"),
        "b": (False, "tiles unfit"),
        "c": (False, "done"),
        "d": (False, "not tiled"),
    }
    assert "has changed since it was tiled" in plans["b"].detail
    encoder.weights_sha256 = "x" * 64
    changed = {plan.slide_id: plan for plan in plan_extraction(slides, job, encoder)}["c"]
    assert (changed.why, changed.detail) == ("parameters changed", "weights_sha256")
    encoder.weights_sha256 = None
    assert {plan.slide_id: plan.why for plan in plan_extraction(slides, job, encoder)}["c"] == "done"
    assert sorted(job.rglob("*")) == before


def test_only_failed_and_force(three, encoder) -> None:
    slides, job = three
    extract_slides(slides, job, encoder, preparation=Darker("refuses", parameters={"normaliser": 1}))
    assert Job(job).stage("b", "extract small+refuses")["status"] == "failed"
    again = extract_slides(
        slides,
        job,
        encoder,
        preparation=Darker("refuses", parameters={"normaliser": 1}),
        control=Control(only_failed=True),
    )
    assert statuses(again) == {"a": "done before", "b": "failed", "c": "done before"}
    forced = extract_slides(slides / "a.tiff", job, encoder, control=Control(force=True))
    assert statuses(forced) == {"a": "done"}
    assert statuses(extract_slides(slides, job, encoder, control=Control(only_failed=True)))["c"] == "not asked for"
    assert statuses(extract_slides(slides / "a.tiff", job, encoder, control=Control(force=True))) == {"a": "done"}
    assert Job(job).stage("a", "extract small")["attempts"] == 2


def test_shards_together_are_the_whole(three, encoder) -> None:
    slides, job = three
    for index in (1, 2):
        extract_slides(slides, job, encoder, control=Control(shard=Shard(index, 2))).check()
    told = json.loads((job / "summary.json").read_text())["runs"]["extract small"]["slides"]
    assert [(slide["slide_id"], slide["status"]) for slide in told] == [(name, "done") for name in "abc"]
    assert statuses(extract_slides(slides, job, encoder, control=Control(shard=Shard(9, 9)))) == {}


def test_a_slide_in_other_hands_is_looked_at_again_at_the_end(three, encoder) -> None:
    slides, job = three
    lock = acquire(job / "state/c.lock", lambda: 0.0)
    assert lock is not None
    summary = extract_slides(slides, job, encoder, clock=lambda: 1.0)
    assert statuses(summary) == {"a": "done", "b": "done", "c": "busy"}
    seen: list[int] = []

    def free_it_at_the_last_batch(tiles):
        seen.append(len(tiles))
        lock.release()
        return type(encoder).transform(encoder, tiles)

    encoder.transform = free_it_at_the_last_batch
    control = Control(force=True)
    summary = extract_slides(slides, job, encoder, clock=lambda: 1.0, control=control)
    assert statuses(summary) == {"a": "done", "b": "done", "c": "done"}


def test_all_variants_of_a_slide_are_written_from_tiles_read_once(three, encoder, monkeypatch) -> None:
    slides, job = three
    extract_slides(slides, job, encoder, ExtractOptions(batch_size=8)).check()
    plain = {name: read_features(job / f"features/small/{name}.h5") for name in "abc"}
    varied = Darker(sets=2, parameters={"augmentation": {"seed": 4}})
    from pipelines.slides import Slide

    asked: list[int] = []
    read = Slide.read_tiles
    monkeypatch.setattr(
        Slide, "read_tiles", lambda self, coords, *how: asked.append(len(coords)) or read(self, coords, *how)
    )
    extract_slides(slides, job, encoder, ExtractOptions(batch_size=8), preparation=varied).check()
    assert sum(asked) == sum(len(features.coords) for features in plain.values())
    for name, want in plain.items():
        sets = [read_features(job / f"features/small/{folder}{name}.h5") for folder in ("", "augment-1/", "augment-2/")]
        np.testing.assert_array_equal(sets[0].features, want.features)
        assert len({s.features.tobytes() for s in sets}) == 3
        assert all(np.array_equal(s.coords, want.coords) for s in sets)
        assert [s.attrs.get("turn") for s in sets] == [None, 1, 2]
    # Augmentation alone makes no other kind of features.
    kinds = {read_kind(job / f"features/small/{folder}a.h5") for folder in ("", "augment-1/")}
    assert kinds == {read_kind(job / "features/small/a.h5")}
    (job / "features/small/augment-2/b.h5").unlink()
    again = extract_slides(slides, job, encoder, ExtractOptions(batch_size=8), preparation=varied)
    assert statuses(again) == {"a": "done before", "b": "done", "c": "done before"}


def test_another_look_is_another_kind_of_features(three, encoder) -> None:
    slides, job = three
    extract_slides(slides, job, encoder).check()
    for strength in (1, 2):
        looks = {"normaliser": {"strength": strength}, "augmentation": {"seed": strength}}
        summary = extract_slides(slides / "a.tiff", job, encoder, preparation=Darker("darker", parameters=looks))
        assert summary.stage == "extract small+darker"
        kinds = [read_kind(job / f"features/{name}/a.h5") for name in ("small", "small+darker")]
        assert kinds[1].encoder == "small+darker"
        assert kinds[0].card_sha256 == encoder.card_sha256 != kinds[1].card_sha256
    assert Job(job).stage("a", "extract small+darker")["attempts"] == 2


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Return a file system of 400 kB, where this user may make one."""
    folder = tmp_path / "disk"
    folder.mkdir()
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=400k", "tmpfs", folder], capture_output=True, text=True, check=False
    )
    if made.returncode:
        pytest.skip(f"no file system can be mounted here: {made.stderr.strip()}")
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)


def fill(disk: Path, leave: int) -> Path:
    ballast = disk / "ballast"
    with suppress(OSError), ballast.open("wb", buffering=0) as file:
        while True:
            file.write(bytes(4096))
    with ballast.open("r+b") as file:
        file.truncate(max(0, ballast.stat().st_size - leave))
    return ballast


@pytest.mark.parametrize("leave", [0, 12288, 40960])
def test_a_full_disk_is_one_sentence_per_slide_and_no_half_file(three, small_disk: Path, encoder, leave: int) -> None:
    slides, _ = three
    job = small_disk / "job"
    tile_slides(slides, job, SMALL).check()
    encoder.dim = 3000
    encoder._weight = encoder._weight[:1].repeat(3000, 1, 1, 1)
    ballast = fill(small_disk, leave)
    if leave == 0:
        with pytest.raises(SetupError, match=r"summary\.json cannot be written: No space left on device"):
            extract_slides(slides, job, encoder)
    else:
        summary = extract_slides(slides, job, encoder)
        assert set(statuses(summary).values()) == {"failed"}
        for outcome in summary.failed:
            assert outcome.reason.startswith(str(job))
            assert "cannot be written: No space left on device (0.00 GiB free there)" in outcome.reason
            assert "free some space and run the same command again" in outcome.reason
        with pytest.raises(PartialError):
            summary.check()
    for path in job.glob("features/small/*"):
        read_features(path)
    assert not list(job.rglob(".*.tmp"))
    assert not list(job.glob("state/*.lock"))
    ballast.unlink()
    encoder.dim, encoder._weight = 6, encoder._weight[:6]
    extract_slides(slides, job, encoder).check()
    assert len(list(job.glob("features/small/*.h5"))) == 3


@pytest.mark.slow
def test_two_processes_give_the_bytes_of_one(three, tmp_path: Path) -> None:
    slides, job = three
    make = partial(get_encoder, "stain-texture", None)
    summary = extract_on_devices(slides, job, make, ["cpu", "cpu"], ExtractOptions(batch_size=4))
    assert statuses(summary) == {"a": "done", "b": "done", "c": "done"}
    assert {Job(job).stage(name, summary.stage)["attempts"] for name in "abc"} == {1}
    got = {path.name: path.read_bytes() for path in (job / "features/stain-texture").glob("*.h5")}
    alone = extract_slides(slides, job, make("cpu"), ExtractOptions(batch_size=4), control=Control(force=True))
    assert set(statuses(alone).values()) == {"done"}
    assert {path.name: path.read_bytes() for path in (job / "features/stain-texture").glob("*.h5")} == got


@pytest.mark.slow
def test_a_device_that_is_not_there_ends_the_run(three) -> None:
    with pytest.raises(SetupError, match="cuda:77"):
        extract_on_devices(*three, partial(get_encoder, "stain-texture", None), ["cuda:77"])


def test_the_command_line_knows_all_of_it(three, monkeypatch, capsys) -> None:
    slides, job = three

    def run(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["wsi-swarm", "extract", str(slides), "--out", str(job), *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
        said = capsys.readouterr()
        return int(ended.value.code or 0), said.out, said.err

    code, planned, _ = run("--dry-run", "--json", "--shard", "1/2")
    assert [plan["why"] for plan in json.loads(planned)] == ["new", "new"]
    assert code == 0
    assert "2 of 2 slides would be done (2 new)" in run("--dry-run", "--shard", "1/2")[1]
    weights = job.parent / "weights.pth"
    weights.write_bytes(b"nothing that could be loaded")
    code, planned, said = run("--dry-run", "--json", "--encoder", "resnet18", "--weights", weights)
    assert (code, [plan["why"] for plan in json.loads(planned)]) == (0, ["new"] * 3), said
    code, _, said = run("--dry-run", "--encoder", "resnet18", "--weights", job / "absent.pth")
    assert (code, "no such weights file" in said) == (4, True)
    code, _, said = run("--dry-run", "--encoder", "ctranspath")
    assert (code, "comes without weights" in said) == (3, True)
    code, _, said = run("--shard", "3/2")
    assert (code, "--shard 3/2" in said) == (3, True)
    assert run("--only-failed", "--force")[0] == 3
    assert run("--engine", "slurm")[0] == 2
    code, _, said = run("--reader", "guess")
    assert (code, "--reader guess is unknown" in said) == (3, True)
    code, said, _ = run(
        "--shard", "2/2", "--batch-size", 4, "--device", "cpu", "--stain-norm", "macenko", "--augment", 1
    )
    assert (code, "extract stain-texture+macenko: 1 done" in said) == (0, True)
    assert (job / "features/stain-texture+macenko/augment-1/b.h5").is_file()
