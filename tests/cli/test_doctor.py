"""``wsi-swarm doctor`` on this machine, with real nodes, ports and files."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from wsi_swarm.cli.main import main
from wsi_swarm.doctor import libraries, machine, network
from wsi_swarm.doctor.finding import Finding, examine
from wsi_swarm.doctor.network import Project
from wsi_swarm.swarm.identity import create_identity
from wsi_swarm.swarm.ledger.federation import Federation, write_federation

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

LIBRARIES = {"openslide", "simplejpeg", "opencv", "h5py", "safetensors", "zmq", "torch", "web3", "py-evm", "pandas"}


@pytest.fixture
def doctor(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> Callable[..., tuple[int, str, str]]:
    """Run the command in an empty folder; returns exit code, stdout and stderr."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("WSI_SWARM_PROJECT", raising=False)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")

    def run(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["wsi-swarm", "doctor", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        return (int(ended.value.code or 0), *capsys.readouterr())

    return run


@pytest.fixture(scope="module")
def chain() -> Iterator[str]:
    """URL of a running chain of id 1337."""
    command = [sys.executable, "-m", "wsi_swarm.cli.main", "chain", "dev", "--port", "0", "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        yield json.loads(process.stdout.readline())["url"]
        process.terminate()


def closed_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def test_this_machine_without_a_project(doctor) -> None:
    code, out, _ = doctor("--json")
    findings = {finding["check"]: finding for finding in json.loads(out)}
    assert code == 0
    assert {name: findings[name]["status"] for name in LIBRARIES} == dict.fromkeys(LIBRARIES, "PASS")
    assert {findings[name]["status"] for name in ("chain", "port", "keys")} == {"SKIP"}
    assert {findings[name]["status"] for name in ("locks", "clock", "fonts")} == {"PASS"}
    assert all(finding["remedy"] for finding in findings.values() if finding["status"] in ("WARN", "FAIL"))
    assert not [finding for finding in findings.values() if finding["status"] == "FAIL"]


def test_a_failure_ends_with_code_6_and_its_remedy(doctor, tmp_path: Path) -> None:
    (tmp_path / "wsi-swarm.toml").write_text(f'[train-swarm]\nrpc = "http://127.0.0.1:{closed_port()}"\n')
    code, out, problem = doctor()
    assert code == 6
    assert "does not answer (Connection refused)" in out
    assert "-> start the chain node, or correct `rpc` in wsi-swarm.toml" in out
    assert "1 checks failed: swarm chain" in problem


def test_the_project_file_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "there.toml"
    path.write_text(
        '[swarm.start]\ndir = "me"\nrpc = "http://b"\n[train-swarm]\nrpc = "http://a"\nbind = "tcp://*:1"\n'
    )
    monkeypatch.setenv("WSI_SWARM_PROJECT", str(path))
    assert network.read_project() == Project(path, tmp_path / "me", None, "http://a", "tcp://*:1")


def test_the_chain(chain: str, tmp_path: Path) -> None:
    project = Project(tmp_path / "wsi-swarm.toml", tmp_path, tmp_path / "federation.json", chain)
    (found,) = network.check_chain(project)
    assert (found.status, "chain 1337" in found.found, "no federation file" in found.found) == ("PASS", True, True)
    federation = Federation(1337, "0x" + "11" * 20, b"\0" * 32, 0, ())
    write_federation(tmp_path / "federation.json", replace(federation, chain_id=5))
    (found,) = network.check_chain(project)
    assert (found.status, "is of chain 5" in found.found) == ("FAIL", True)
    write_federation(tmp_path / "federation.json", federation)
    (found,) = network.check_chain(project)
    assert (found.status, "is not there or is another" in found.found) == ("FAIL", True)


def test_what_is_no_chain(tmp_path: Path) -> None:
    (found,) = network.check_chain(Project(tmp_path, rpc="http://no-such-host.invalid:1"))
    assert (found.status, "the name is not found" in found.found) == ("FAIL", True)
    assert found.seconds < network.WAIT_S + 1


def test_a_centre_that_only_dials_out_needs_no_port(tmp_path: Path) -> None:
    create_identity(tmp_path / "me", "me", "", None)
    found = network.check_port(Project(tmp_path / "wsi-swarm.toml", tmp_path / "me"))
    assert (found.status, "only dials out" in found.found) == ("PASS", True)


def test_port_and_keys(tmp_path: Path) -> None:
    port = closed_port()
    create_identity(tmp_path / "me", "me", f"tcp://127.0.0.1:{port}", None)
    project = Project(tmp_path / "wsi-swarm.toml", tmp_path / "me")
    assert network.check_port(project).status == "PASS"
    assert network.check_keys(project).status == "PASS"
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", port))
        taken.listen()
        found = network.check_port(project)
    assert (found.status, "Address already in use" in found.found) == ("WARN", True)
    (tmp_path / "me/keys/account.key").chmod(0o644)
    found = network.check_keys(project)
    assert (found.status, "others may read account.key" in found.found) == ("FAIL", True)
    (tmp_path / "me/identity.json").write_text("{}")
    assert network.check_port(project).status == "FAIL"


def test_the_hub_is_asked_for_at_the_proxy_that_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    with socket.socket() as proxy:
        proxy.bind(("127.0.0.1", 0))
        proxy.listen()
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{proxy.getsockname()[1]}")
        assert network.check_hub().status == "PASS"
    monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{closed_port()}")
    found = network.check_hub()
    assert (found.status, "Connection refused" in found.found, "--weights" in found.remedy) == ("WARN", True, True)


def test_what_a_broken_library_raises_is_the_finding() -> None:
    def broken() -> str:
        raise OSError("libopenslide.so.1: cannot open\nmore")

    found = examine("libraries", "openslide", "install again", broken)
    assert replace(found, seconds=0) == Finding(
        "libraries", "openslide", "FAIL", "OSError: libopenslide.so.1: cannot open", "install again"
    )
    command = [sys.executable, "-c", "raise SystemExit('undefined symbol')"]
    crash = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    (found,) = libraries.finish_elsewhere(crash)
    assert (found.status, "undefined symbol" in found.found) == ("FAIL", True)


def test_small_disks_warn_and_full_ones_fail(tmp_path: Path) -> None:
    statuses = [
        getattr(machine.by_size("disk", free, 20, 1, "text", "free some space"), "status", "PASS")
        for free in (0, 5, 30)
    ]
    assert statuses == ["FAIL", "WARN", "PASS"]
    found = {finding.check: finding for finding in machine.check_machine(tmp_path / "not" / "yet")}
    assert f"disk {tmp_path}" in found
    assert str(tmp_path) in found["locks"].found
