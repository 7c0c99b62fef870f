"""The committed artifact is what the sources in the tree compile to."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
from pathlib import Path

import pytest

CONTRACTS = Path(__file__).parents[2] / "contracts"
ARTIFACT = CONTRACTS / "artifacts" / "Swarm.json"


def test_artifact_was_compiled_from_the_sources_in_the_tree() -> None:
    told = json.loads(ARTIFACT.read_text())["sources"]
    ours = {name: told[name] for name in told if name.startswith("contracts/")}
    there = {f"contracts/{p.name}": hashlib.sha256(p.read_bytes()).hexdigest() for p in CONTRACTS.glob("*.sol")}
    assert ours == there, "run `npm ci && node compile.mjs` in contracts/ and commit the artifact"


def test_lock_names_no_host_to_download_from() -> None:
    lock = json.loads((CONTRACTS / "package-lock.json").read_text())
    packages = {name: p for name, p in lock["packages"].items() if name}
    assert packages
    assert [name for name, p in packages.items() if "resolved" in p or "integrity" not in p] == []


def test_nothing_of_this_machine_is_in_the_artifact() -> None:
    text = ARTIFACT.read_text()
    assert str(CONTRACTS.parent) not in text
    assert "node_modules" not in text


@pytest.mark.slow
def test_compiling_again_gives_the_same_bytes(tmp_path: Path) -> None:
    node = shutil.which("node")
    if node is None or not (CONTRACTS / "node_modules" / "solc").is_dir():
        pytest.skip("node or contracts/node_modules is absent; run `npm ci` in contracts/")
    out = tmp_path / "Swarm.json"
    # From another folder: where one stands must not matter.
    subprocess.run([node, str(CONTRACTS / "compile.mjs"), str(out)], cwd=tmp_path, check=True, capture_output=True)
    assert out.read_bytes() == ARTIFACT.read_bytes()
