"""Besu's files: held against values from Besu's documentation, and against each other."""

from __future__ import annotations

import json
import stat
import tomllib

import pytest
from typer.testing import CliRunner

from wsi_swarm.cli.main import app
from wsi_swarm.errors import ConfigError
from wsi_swarm.swarm.chain.genesis import extra_data, genesis, parse_validator, trial_host, validator_of

KEYS = [bytes([n]) * 32 for n in range(1, 5)]


def call(*arguments: object):
    return CliRunner().invoke(app, [str(argument) for argument in arguments], catch_exceptions=False)


def test_extra_data_is_that_of_besus_documentation():
    """The genesis that Besu's page on QBFT shows, for four validators."""
    addresses = """64a702e6263b7297a96638cac6ae65e6541f4169 943923390ad55e90c237593b3b0e401f3b08a031
        aefdb9a738c9f433e5b6b212a6d62f6370c2f692 c7eeb9a4e00ce683cf93039b212648e01c6c6b78"""
    raw = [bytes.fromhex(address) for address in addresses.split()]
    expected = "f87aa0" + "00" * 32 + "f854" + "".join("94" + address.hex() for address in raw) + "c080c0"
    assert extra_data(raw).hex() == expected
    assert extra_data(raw[::-1]).hex() == expected  # Besu keeps validators in ascending order


@pytest.mark.parametrize("count", [1, 2, 3, 4, 7, 12, 13, 100])
def test_extra_data_decodes_with_another_implementation_of_rlp(count):
    import rlp

    addresses = [bytes([n]) * 20 for n in range(1, count + 1)]
    assert rlp.decode(extra_data(addresses)) == [bytes(32), addresses, [], b"", []]


def test_the_genesis_has_what_qbft_and_free_gas_ask_for():
    nodes = [validator_of(f"c{n}", key, "10.0.0.1") for n, key in enumerate(KEYS)]
    told = genesis(nodes, 4711, 3, 1_700_000_000)
    assert told["difficulty"] == "0x1"
    assert told["mixHash"] == "0x63746963616c2062797a616e74696e65206661756c7420746f6c6572616e6365"
    assert told["config"]["chainId"] == 4711
    assert told["config"]["zeroBaseFee"] is True
    assert told["config"]["qbft"]["blockperiodseconds"] == 3
    with pytest.raises(ConfigError, match="of its own"):
        genesis([nodes[0], nodes[0]], 1, 2, 0)


def test_a_validator_has_the_address_of_its_key():
    from wsi_swarm.swarm.ledger.typed_data import account_of

    node = validator_of("a", KEYS[0], "10.0.0.1", 30304)
    assert "0x" + node.address.hex() == account_of(KEYS[0]).lower()
    assert parse_validator(f"a={node.enode}") == node
    six = validator_of("a", KEYS[0], "2001:db8::1")
    assert "@[2001:db8::1]:30303" in six.enode
    assert parse_validator(f"a={six.enode}") == six
    for wrong in (
        "a",
        "a=enode://00@1.2.3.4:1",
        f"a={node.enode}".replace("10.0.0.1", "host.example"),
        f"/={node.enode}",
    ):
        with pytest.raises(ConfigError, match="NAME=enode"):
            parse_validator(wrong)


def test_a_trial_of_four_is_written_whole(tmp_path):
    import yaml

    out = tmp_path / "besu"
    done = call("chain", "genesis", "--out", out, "--validators", 4, "--json")
    told = json.loads(done.stdout)
    described = yaml.safe_load((out / "compose.yaml").read_text())
    enodes = json.loads((out / "static-nodes.json").read_text())
    assert tomllib.loads((out / "permissions.toml").read_text())["nodes-allowlist"] == enodes
    assert [one["enode"] for one in told["validators"]] == enodes
    for place, (name, service) in enumerate(described["services"].items()):
        key = out / name / "key"
        assert stat.S_IMODE(key.stat().st_mode) == 0o600
        node = validator_of(name, bytes.fromhex(key.read_text()), trial_host(place))
        assert node.enode == enodes[place]
        assert node.address.hex() in json.loads((out / "genesis.json").read_text())["extraData"]
        assert service["networks"]["default"]["ipv4_address"] == trial_host(place)
        sources = {volume.split(":")[0] for volume in service["volumes"]}
        assert all((out / source).exists() for source in sources), sources
        assert any(port.startswith("127.0.0.1:") for port in service["ports"])
    with pytest.raises(ConfigError, match="another chain"):
        call("chain", "genesis", "--out", out, "--validators", 4)


def test_each_centre_makes_its_own_key_and_gets_its_own_file(tmp_path):
    import yaml

    texts = []
    for n in range(4):
        done = call("chain", "node-key", "--name", f"c{n}", "--host", f"10.0.0.{n + 1}", "--out", tmp_path / f"c{n}")
        texts += ["--validator", done.stdout.splitlines()[0]]
    with pytest.raises(ConfigError, match="never overwritten"):
        call("chain", "node-key", "--name", "c0", "--host", "10.0.0.1", "--out", tmp_path / "c0")
    done = call("chain", "genesis", "--out", tmp_path / "net", *texts)
    assert done.stderr == ""
    assert not list((tmp_path / "net").rglob("key"))  # no centre's key was ever here
    service = yaml.safe_load((tmp_path / "net" / "c2" / "compose.yaml").read_text())["services"]["chain"]
    assert "30303:30303" in service["ports"]
    assert "--min-gas-price=0" in service["command"]
    assert "warning: 2 validators" in call("chain", "genesis", "--out", tmp_path / "few", *texts[:4]).stderr


def test_what_cannot_be_a_chain_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="either --validator"):
        call("chain", "genesis", "--out", tmp_path / "x")
    with pytest.raises(ConfigError, match="no IP address"):
        call("chain", "node-key", "--name", "a", "--host", "host.example", "--out", tmp_path / "a")
    node = validator_of("a", KEYS[0], "10.0.0.1")
    other = validator_of("a", KEYS[1], "10.0.0.2")
    with pytest.raises(ConfigError, match="same name"):
        call(
            "chain",
            "genesis",
            "--out",
            tmp_path / "x",
            "--validator",
            f"a={node.enode}",
            "--validator",
            f"a={other.enode}",
        )
    assert list(tmp_path.iterdir()) == []


def test_the_projects_own_compose_file_calls_commands_that_exist():
    import shlex
    from pathlib import Path

    import typer
    import yaml

    file = Path(__file__).parents[3] / "compose.yaml"
    for service in yaml.safe_load(file.read_text())["services"].values():
        command = typer.main.get_command(app)
        for word in service["command"]:
            if hasattr(command, "commands"):
                command = command.commands[word]
            elif word.startswith("--"):
                assert any(word in option.opts for option in command.params), shlex.join(service["command"])
