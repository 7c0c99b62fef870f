"""``wsi-swarm convert`` as a user types it."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

import h5py
import numpy as np
import pytest

from pipelines.features import Features, describe, read_features, write_features
from wsi_swarm.cli.main import main

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture
def convert(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    def run(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["wsi-swarm", "convert", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
        return (int(ended.value.code or 0), *capsys.readouterr())

    return run


def test_there_and_back(tmp_path: Path, convert) -> None:
    attrs = describe(slide_size=(9000, 8000), mpp=0.25, encoder="small")
    source = tmp_path / "job/features/small/s.h5"
    write_features(source, Features("s", np.ones((2, 3)), np.zeros((2, 2), np.int32), attrs))
    code, out, _ = convert(tmp_path / "job", "--to", "stamp", "--out", tmp_path / "stamp")
    assert (code, out.splitlines()) == (0, [f"convert to stamp: 1 done; 2 tiles; {tmp_path / 'stamp'}"])
    assert convert(tmp_path / "stamp/small/s.h5", "--to", "native", "--out", tmp_path / "back")[0] == 0
    assert (tmp_path / "back/features/small/s.h5").read_bytes() == source.read_bytes()
    (failed,) = json.loads((tmp_path / "back/convert.json").read_text())["files"]
    assert (failed["status"], failed["counts"]["tiles"]) == ("done", 2)


def test_what_nobody_says_is_given_by_flags(tmp_path: Path, convert) -> None:
    with h5py.File(tmp_path / "old.h5", "w") as file:
        file["feats"], file["coords"] = np.ones((2, 3), np.float32), np.array([[0, 0], [224, 448]])
    code, out, problem = convert(tmp_path / "old.h5", "--to", "native", "--out", tmp_path / "out")
    assert code == 5
    for flag in ("--slides", "--encoder", "--tile-um", "--tile-px", "--coords-unit"):
        assert flag in out
    assert "1 of 1 files failed" in problem
    flags = "--mpp 0.25 --slide-size 9000x8000 --encoder ours --tile-um 256 --tile-px 224 --coords-unit"
    code, out, problem = convert(
        tmp_path / "old.h5", "--to", "native", "--out", tmp_path / "out", *flags.split(), 256 / 224
    )
    assert code == 0, out + problem
    features = read_features(tmp_path / "out/features/ours/old.h5")
    assert features.coords.tolist() == [[0, 0], [1024, 2048]]
    assert features.tile_px_level0 == 1024


@pytest.mark.parametrize(
    ("flags", "code"),
    [
        (["--slide-size", "9000"], 2),
        (["--coords-unit", "mm"], 2),
        (["--to", "zarr"], 2),
        (["--slides", "none"], 4),
    ],
)
def test_mistakes(flags: list[str], code: int, tmp_path: Path, convert) -> None:
    attrs = describe(slide_size=(9000, 8000), mpp=0.25, encoder="small")
    write_features(tmp_path / "s.h5", Features("s", np.ones((2, 3)), np.zeros((2, 2), np.int32), attrs))
    ended, _, problem = convert(tmp_path / "s.h5", "--to", "clam", "--out", tmp_path / "out", *flags)
    assert ended == code
    assert "Traceback" not in problem
    assert convert(tmp_path / "nothing", "--to", "clam", "--out", tmp_path / "out")[0] == 4
