"""The commands of `swarm`, against a chain process: found, join, vote, refuse; and what they say."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

from wsi_swarm.cli.main import app
from wsi_swarm.cli.project_file import defaults_for
from wsi_swarm.errors import ConfigError, IntegrityError
from wsi_swarm.swarm.config import FeatureConfig, RunConfig, TargetConfig, run_config_toml
from wsi_swarm.swarm.ledger.errors import RefusedError, WrongChainError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CONFIG = RunConfig(
    name="test",
    targets=(TargetConfig(name="MSI", positive="MSIH", negative=("MSS",)),),
    features=FeatureConfig(encoder="test", card_sha256="ab", weights_sha256="", dim=4, tile_um=112.0, mpp=0.5),
    learner={"hidden": 4, "attention": 2},
)


def call(*arguments: object) -> str:
    """Run a command in this process; return stdout and stderr."""
    done = CliRunner().invoke(app, [str(argument) for argument in arguments], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.output


@pytest.fixture(scope="module")
def rpc(tmp_path_factory) -> Iterator[str]:
    command = [sys.executable, "-m", "wsi_swarm.cli.main", "chain", "dev", "--port", "0", "--json"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        yield json.loads(process.stdout.readline())["url"]
    finally:
        process.terminate()
        process.wait(20)


class World:
    """Two founders, a, b, and whoever wants to join."""

    def __init__(self, folder: Path, rpc: str) -> None:
        self.folder, self.rpc = folder, rpc
        for number, name in enumerate("ab"):
            self.init(name, number)
        founders = [part for name in "ab" for part in ("--founder", folder / name / f"{name}.join.json")]
        call("chain", "deploy", "--rpc", rpc, *founders, "--out", folder / "federation.json")

    def init(self, name: str, number: int, *more: object) -> str:
        endpoint = f"tcp://10.0.0.{number}:5101"
        return call("swarm", "init", "--dir", self.folder / name, "--name", name, "--endpoint", endpoint, *more)

    def swarm(self, name: str, command: str, *arguments: object) -> str:
        where = ("--dir", self.folder / name, "--federation", self.folder / "federation.json", "--rpc", self.rpc)
        return call("swarm", command, *arguments, *where)

    def status(self) -> dict:
        where = ("--federation", self.folder / "federation.json", "--rpc", self.rpc)
        return json.loads(call("swarm", "status", "--json", *where))


@pytest.fixture
def world(tmp_path, rpc) -> World:
    return World(tmp_path, rpc)


def test_a_centre_is_admitted_by_vote_and_removed_by_vote(world):
    assert "is member 0" in world.swarm("a", "join")
    told = world.init("c", 3, "--federation", world.folder / "federation.json")
    assert "c.join.json" in told
    assert "swarm propose --request" in world.swarm("c", "join")
    request = world.folder / "c" / "c.join.json"
    assert "proposal 1: admit" in world.swarm("a", "propose", "--request", request)
    assert "2 yes, 0 no of 2, EXECUTED" in world.swarm("b", "vote", 1, "yes")
    assert "is member 2" in world.swarm("c", "join")
    members = world.status()["members"]
    assert [(m["name"], m["active"]) for m in members] == [("a", True), ("b", True), ("c", True)]

    account = members[1]["account"]
    assert "proposal 2: remove" in world.swarm("a", "propose", "--remove", account.lower())
    assert "1 yes, 1 no" in world.swarm("b", "vote", 2, "no")
    assert "EXECUTED" in world.swarm("c", "vote", 2, "yes")
    assert [m["active"] for m in world.status()["members"]] == [True, False, True]
    with pytest.raises(RefusedError, match="NotMember"):
        world.swarm("b", "propose", "--remove", members[0]["account"])


def test_a_run_is_proposed_with_its_first_model_and_shown(world):
    path = world.folder / "run.toml"
    path.write_text(run_config_toml(CONFIG))
    first = world.swarm("a", "start", "--run", path)
    assert CONFIG.hash.hex() in first
    assert "proposal 2" in world.swarm("b", "propose", "--run", path)
    world.swarm("b", "vote", 1, "yes")
    status = world.status()
    assert status["runs"][0]["config_sha256"] == CONFIG.hash.hex()
    assert status["runs"][0]["base_root"] in first
    where = ("--federation", world.folder / "federation.json", "--rpc", world.rpc)
    page = call("swarm", "status", *where)
    assert "run 1: enrolment" in page
    assert "open proposals" in page


def test_join_refuses_what_is_not_this_swarm(world, tmp_path):
    path = world.folder / "federation.json"
    good = json.loads(path.read_text())

    def changed(**values) -> None:
        path.write_text(json.dumps({**good, **values}))

    changed(code_hash="00" * 32)
    with pytest.raises(WrongChainError):
        world.swarm("a", "join")
    changed(chain_id=1)
    with pytest.raises(WrongChainError):
        world.swarm("a", "join")
    changed(members=[{**good["members"][0], "endpoint": "tcp://evil:1"}, good["members"][1]])
    with pytest.raises(IntegrityError, match="tcp://evil:1"):
        world.swarm("a", "join")


def test_propose_wants_exactly_one_thing(world):
    for arguments in ((), ("--remove", "0x1", "--run", "run.toml")):
        with pytest.raises(ConfigError, match="exactly one"):
            world.swarm("a", "propose", *arguments)
    with pytest.raises(ConfigError, match="no member"):
        world.swarm("a", "propose", "--remove", "0x1")


def test_audit_of_a_run_that_is_not_there(world):
    path = world.folder / "run.toml"
    path.write_text(run_config_toml(CONFIG))
    with pytest.raises(ConfigError, match="no run"):
        world.swarm("a", "audit", "--run", path, "--state", world.folder / "state")


def test_the_project_file_that_init_writes_is_one_that_the_commands_read(world):
    import typer

    defaults = defaults_for(typer.main.get_command(app), world.folder / "a" / "wsi-swarm.toml")
    assert defaults["train-swarm"]["clini"] == str(world.folder / "a" / "clini.csv")
    assert set(defaults["swarm"]) == {"join", "propose", "vote", "start", "status", "audit"}


def test_without_a_passphrase_init_warns(tmp_path, monkeypatch):
    monkeypatch.delenv("WSI_SWARM_PASSPHRASE", raising=False)
    arguments = ("swarm", "init", "--name", "a", "--endpoint", "tcp://h:1", "--dir")
    assert "no passphrase" in call(*arguments, tmp_path / "a")


def test_a_node_that_waits_ends_with_130_on_sigterm_and_says_so(world):
    from tests.faults.conftest import write_centre

    path = world.folder / "run.toml"
    features = CONFIG.features.model_copy(update={"card_sha256": "ab" * 32, "dim": 16})
    path.write_text(run_config_toml(CONFIG.model_copy(update={"features": features})))
    write_centre(world.folder / "data", patients=4, seed=1)
    command = [sys.executable, "-m", "wsi_swarm.cli.main", "train-swarm", "--dir", str(world.folder / "a")]
    for option in ("clini.csv", "slides.csv", "features"):
        command += [f"--{option.removesuffix('.csv')}", str(world.folder / "data" / option)]
    command += ["--run", str(path), "--federation", str(world.folder / "federation.json"), "--rpc", world.rpc]
    command += ["--state", str(world.folder / "state")]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment)
    assert process.stderr is not None
    said = ""
    while "waiting for the run" not in said:
        line = process.stderr.readline()
        assert line, said
        said += line
    process.send_signal(signal.SIGTERM)
    rest = process.communicate(timeout=30)[1]
    assert process.returncode == 130, rest
    assert "start it again" in rest
