"""The command line as a whole: fast help, light imports, exit codes, the project file."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

WSI_SWARM = str(Path(sys.executable).with_name("wsi-swarm"))
HEAVY = {"torch", "web3", "eth_tester", "pandas", "matplotlib", "skimage", "sklearn", "timm", "zmq", "h5py", "cv2", "numpy"}


def run(*arguments: str, cwd: Path | None = None, **environment: str) -> subprocess.CompletedProcess[str]:
    import os

    return subprocess.run(
        [WSI_SWARM, *arguments], cwd=cwd, env={**os.environ, **environment}, capture_output=True, text=True, check=False
    )


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys, json; from wsi_swarm.cli import main; import typer; typer.main.get_command(main.app);"
        "print(json.dumps(sorted({name.split('.')[0] for name in sys.modules})))"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert HEAVY.isdisjoint(json.loads(out))


def test_help_lists_the_verbs_and_answers_fast() -> None:
    fastest = float("inf")
    for _ in range(5):
        start = time.perf_counter()
        shown = run("--help")
        fastest = min(fastest, time.perf_counter() - start)
        assert shown.returncode == 0
    for verb in ("tile", "extract", "train-swarm", "heatmap", "predict", "evaluate", "swarm", "chain", "demo"):
        assert f" {verb} " in shown.stdout
    assert fastest < 0.4


def test_unknown_command_is_usage_error() -> None:
    assert run("nonsense").returncode == 2


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("[tile]\nmpq = 0.5\n", "[tile] does not know 'mpq'"),
        ("[tiles]\nmpp = 0.5\n", "its top level does not know 'tiles'"),
        ("[tile\n", "is not valid TOML"),
    ],
)
def test_project_file_faults_are_one_sentence(tmp_path: Path, text: str, sentence: str) -> None:
    (tmp_path / "wsi-swarm.toml").write_text(text)
    shown = run("tile", "--help", cwd=tmp_path)
    assert shown.returncode == 3
    assert sentence in shown.stderr
    assert len(shown.stderr.strip().splitlines()) == 1


def test_missing_named_project_file_is_refused(tmp_path: Path) -> None:
    shown = run("--help", cwd=tmp_path, WSI_SWARM_PROJECT="absent.toml")
    assert shown.returncode == 3
    assert "absent.toml" in shown.stderr
