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
from wsi_swarm.cli.swarm_open import open_federation, open_ledger
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
    command = [sys.executable, "-m", "wsi_swarm.cli.main", "chain", "dev", "--port", "0", "--block-time", "0", "--json"]
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

    def request_of_another(self) -> Path:
        self.init("stranger", 9, "--federation", self.folder / "federation.json")
        return self.folder / "stranger" / "stranger.join.json"

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
    told = world.swarm("a", "propose", "--request", request)
    assert "proposal 1: admit" in told
    assert "who holds the CURVE key it names" in told
    with pytest.raises(ConfigError, match="--request FILE"):
        world.swarm("b", "vote", 1, "yes")
    with pytest.raises(IntegrityError, match="not what proposal 1 is about"):
        world.swarm("b", "vote", 1, "yes", "--request", world.request_of_another())
    told = world.swarm("b", "vote", 1, "yes", "--request", request)
    assert "checked: " in told
    assert "2 yes, 0 no of 2, carried out" in told
    assert "is member 2" in world.swarm("c", "join")
    members = world.status()["members"]
    assert [(m["name"], m["active"]) for m in members] == [("a", True), ("b", True), ("c", True)]

    account = members[1]["account"]
    assert "proposal 2: remove" in world.swarm("a", "propose", "--remove", account.lower())
    assert "1 yes, 1 no of 3, open; 1 more yes" in world.swarm("b", "vote", 2, "no")
    assert "carried out" in world.swarm("c", "vote", 2, "yes")
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
    assert "run 1 (test): enrolment" in page
    assert "open votes" in page
    assert "run 'test' of 20 rounds" in page


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
    changed(members=[{**good["members"][0], "curve_key": "00" * 32}, good["members"][1]])
    with pytest.raises(IntegrityError, match="another CURVE key"):
        world.swarm("a", "join")
    changed(runs=[{"name": "agreed", "config_sha256": "ab" * 32}])
    run = world.folder / "run.toml"
    run.write_text(run_config_toml(CONFIG))
    with pytest.raises(IntegrityError, match="none of those that the file names: agreed"):
        world.swarm("a", "join", "--run", run)


def test_join_says_each_thing_that_it_checked(world):
    run = world.folder / "run.toml"
    run.write_text(run_config_toml(CONFIG))
    page = world.swarm("a", "join", "--run", run)
    for about in ("file", "chain", "contract", "signatures", "finality", "members", "own keys"):
        assert f"ok     {about}" in page
    assert "note   run" in page
    world.swarm("a", "start", "--run", run)
    told = json.loads(world.swarm("a", "join", "--run", run, "--json"))
    assert told["member"] == 0
    assert told["fingerprint"] in page
    assert {check["about"]: check["outcome"] for check in told["checks"]}["run"] == "OK"
    world.swarm("b", "vote", 1, "yes")
    assert "is run 1 of the contract, with the same terms" in world.swarm("b", "join", "--run", run)


def test_join_notes_members_that_the_file_does_not_know_as_they_are(world):
    path = world.folder / "federation.json"
    good = json.loads(path.read_text())
    path.write_text(json.dumps({**good, "members": [good["members"][0]]}))
    assert "note   members     the file does not know member 1" in world.swarm("a", "join")
    strange = {**good["members"][1], "curve_key": "77" * 32, "account": "0x" + "11" * 20, "name": "strange"}
    path.write_text(json.dumps({**good, "members": [*good["members"], strange]}))
    assert "strange (0x" in world.swarm("a", "join")


def test_join_adds_what_this_centre_knows_itself_to_its_file(world):
    run, path = world.folder / "run.toml", world.folder / "federation.json"
    run.write_text(run_config_toml(CONFIG))
    good = path.read_text()
    told = json.loads(good)
    path.write_text(json.dumps({**told, "members": told["members"][1:]}))
    world.swarm("a", "join")
    after = json.loads(path.read_text())
    assert {member["name"] for member in after["members"]} == {"a", "b"}
    assert after["runs"] == []
    world.swarm("a", "start", "--run", run)
    path.write_text(good)  # the file of a centre that did not propose it
    world.swarm("b", "vote", 1, "yes")
    world.swarm("b", "join", "--run", run)
    assert [one["name"] for one in json.loads(path.read_text())["runs"]] == ["test"]
    assert world.status()["runs"][0]["name"] == "test"


def test_a_proof_for_an_older_key_of_the_voter_is_no_proof(world):
    world.init("c", 3, "--federation", world.folder / "federation.json")
    request = world.folder / "c" / "c.join.json"
    world.swarm("a", "propose", "--request", request)
    world.swarm("b", "rotate-key")
    with pytest.raises(IntegrityError, match="had another key when it was made"):
        world.swarm("b", "vote", 1, "yes", "--request", request)
    world.swarm("c", "join")
    assert "carried out" in world.swarm("b", "vote", 1, "yes", "--request", request)


def test_keys_rotate_and_the_others_see_it(world):
    before = world.swarm("a", "join")
    told = world.swarm("a", "rotate-key", "--endpoint", "tcp://10.0.0.7:5101")
    assert "tcp://10.0.0.7:5101" in told
    assert "ok     own keys" in world.swarm("a", "join")
    assert json.loads((world.folder / "a" / "identity.json").read_text())["endpoint"] == "tcp://10.0.0.7:5101"
    assert "ok     own keys" in before
    told = json.loads(world.swarm("b", "rotate-key", "--dial-only", "--json"))
    assert told["endpoint"] == ""
    with pytest.raises(ConfigError, match="not both"):
        world.swarm("b", "rotate-key", "--dial-only", "--endpoint", "tcp://h:1")


def test_a_rotation_that_the_chain_knows_and_the_disk_does_not_is_ended_by_another(world):
    from wsi_swarm.swarm.identity import load_identity
    from wsi_swarm.swarm.ledger.typed_data import endpoint_hash
    from wsi_swarm.swarm.rotation import begin_rotation

    folder = world.folder / "a"
    identity = load_identity(folder, None)
    new = begin_rotation(folder, identity, None)
    ledger = open_ledger(folder, world.rpc, open_federation(world.folder / "federation.json"))
    ledger.rotate_key(new.curve_public, endpoint_hash(new.endpoint))
    with pytest.raises(IntegrityError, match="end the rotation with 'swarm rotate-key'"):
        world.swarm("a", "join")
    world.swarm("a", "rotate-key")
    assert load_identity(folder, None) == new
    assert "ok     own keys" in world.swarm("a", "join")


def test_a_member_that_lost_its_keys_gets_its_place_back_by_vote(world):
    world.init("a2", 1, "--federation", world.folder / "federation.json")
    request = world.folder / "a2" / "a2.join.json"
    told = world.swarm("b", "propose", "--replace", "a", "--request", request)
    assert "take the place of a" in told
    with pytest.raises(ConfigError, match="exactly one"):
        world.swarm("b", "propose", "--replace", "a")
    world.swarm("a", "vote", 1, "yes", "--unchecked")  # with two members the old account has to agree
    assert "is member 0" in world.swarm("a2", "join")
    assert "no member yet" in world.swarm("a", "join")
    assert [m["name"] for m in world.status()["members"]] == ["a2", "b"]


def test_resigning_is_at_once_and_asks_first(world):
    world.init("c", 3, "--federation", world.folder / "federation.json")
    where = ("--dir", world.folder / "b", "--federation", world.folder / "federation.json", "--rpc", world.rpc)
    asked = CliRunner().invoke(app, ["swarm", "resign", *map(str, where)], input="n\n")
    assert asked.exit_code != 0
    assert [m["active"] for m in world.status()["members"]] == [True, True]
    assert "no member any more" in world.swarm("b", "resign", "--yes")
    assert [m["active"] for m in world.status()["members"]] == [True, False]
    with pytest.raises(RefusedError):
        world.swarm("a", "resign", "--yes")


def test_a_centre_whose_name_is_anothers_index_is_not_removed_in_its_place(world):
    path = world.folder / "federation.json"
    told = json.loads(path.read_text())
    told["members"][0]["name"] = "1"
    path.write_text(json.dumps(told))
    with pytest.raises(ConfigError, match="give the address"):
        world.swarm("a", "propose", "--remove", "1")


def test_a_run_is_left(world):
    run = world.folder / "run.toml"
    run.write_text(run_config_toml(CONFIG))
    world.swarm("a", "start", "--run", run)
    with pytest.raises(ConfigError, match="no run"):
        world.swarm("a", "leave", "--run", run)
    world.swarm("b", "vote", 1, "yes")
    ledger = open_ledger(world.folder / "a", world.rpc, open_federation(world.folder / "federation.json"))
    ledger.enrol(1, 1)
    assert "left run 1" in world.swarm("a", "leave", "--run", run)
    assert ledger.run(1).enrolled == frozenset()


def test_init_wants_an_endpoint_or_the_word_that_there_is_none(tmp_path):
    arguments = ("swarm", "init", "--name", "a", "--dir", tmp_path / "a")
    for wrong in ((), ("--endpoint", "tcp://h:1", "--dial-only")):
        with pytest.raises(ConfigError, match="either --endpoint"):
            call(*arguments, *wrong)
    told = CliRunner().invoke(app, [*map(str, arguments), "--dial-only", "--json"])
    assert json.loads(told.stdout)["endpoint"] == ""


def test_propose_wants_exactly_one_thing(world):
    for arguments in ((), ("--remove", "0x1", "--run", "run.toml"), ("--replace", "a")):
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
    commands = {"join", "propose", "vote", "start", "leave", "resign", "rotate-key", "status", "audit"}
    assert set(defaults["swarm"]) == commands


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
