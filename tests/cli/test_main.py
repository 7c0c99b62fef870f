"""The command line as a whole: fast help, light imports, exit codes, the project file."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

WSI_SWARM = str(Path(sys.executable).with_name("wsi-swarm"))
HEAVY = {
    "torch",
    "web3",
    "eth_tester",
    "pandas",
    "matplotlib",
    "skimage",
    "sklearn",
    "timm",
    "zmq",
    "h5py",
    "cv2",
    "numpy",
}


def run(*arguments: str, cwd: Path | None = None, **environment: str) -> subprocess.CompletedProcess[str]:
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


def test_help_lists_the_verbs() -> None:
    shown = run("--help")
    assert shown.returncode == 0
    for verb in ("tile", "extract", "train-swarm", "heatmap", "predict", "evaluate", "swarm", "chain", "demo"):
        assert f" {verb} " in shown.stdout


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


VALUES = """
import json, sys
import typer
from wsi_swarm.cli import main
from wsi_swarm.cli.project_file import defaults_for

name, *rest = sys.argv[1:]
root = typer.main.get_command(main.app)
above = root.make_context("wsi-swarm", [name], auto_envvar_prefix="WSI_SWARM", default_map=defaults_for(root))
print(json.dumps(root.commands[name].make_context(name, rest, parent=above).params, default=str))
"""


def values(folder: Path, command: str, *arguments: str, **environment: str) -> dict[str, object]:
    """Return the option values that a command would see in this folder."""
    shown = subprocess.run(
        [sys.executable, "-c", VALUES, command, *arguments],
        cwd=folder,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(shown.stdout)


def test_flag_beats_environment_beats_project_file(tmp_path: Path) -> None:
    (tmp_path / "wsi-swarm.toml").write_text('[tile]\nslides = "slides"\nout = "job"\nmpp = 0.6\n')
    assert values(tmp_path, "tile")["mpp"] == 0.6
    assert values(tmp_path, "tile", WSI_SWARM_TILE_MPP="0.7")["mpp"] == 0.7
    assert values(tmp_path, "tile", "--mpp", "0.8", WSI_SWARM_TILE_MPP="0.7")["mpp"] == 0.8


def test_paths_of_the_project_file_are_relative_to_it(tmp_path: Path) -> None:
    centre = tmp_path / "centre"
    centre.mkdir()
    (centre / "wsi-swarm.toml").write_text(
        '[train]\nclini = ["clini.csv"]\nslides = ["slides.csv"]\nfeatures = ["job"]\n'
        'target = ["MSI"]\nout = "m.safetensors"\n'
    )
    seen = values(tmp_path, "train", WSI_SWARM_PROJECT=str(centre / "wsi-swarm.toml"))
    assert seen["clini"] == [str(centre / "clini.csv")]
    assert seen["out"] == str(centre / "m.safetensors")
    assert seen["target"] == ["MSI"]


def test_a_repeatable_option_wants_a_list(tmp_path: Path) -> None:
    (tmp_path / "wsi-swarm.toml").write_text('[train]\ntarget = "MSI"\n')
    shown = run("train", "--help", cwd=tmp_path)
    assert shown.returncode == 3
    assert "target = ['MSI']" in shown.stderr
