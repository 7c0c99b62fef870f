"""``wsi-swarm chain genesis|node-key``: files for a chain that the centres run together."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from wsi_swarm.errors import ConfigError


def node_key(
    name: Annotated[str, typer.Option(help="Name of this centre.")],
    host: Annotated[str, typer.Option(help="IP address at which the other chain nodes reach this one.")],
    out: Annotated[Path, typer.Option(help="Folder for the key; it is made.")],
    port: Annotated[int, typer.Option(help="Port at which the other chain nodes reach this one.")] = 30303,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Make the key of this centre's chain node, and print what the centre that makes the genesis needs of it."""
    from wsi_swarm.swarm.chain.genesis import check_host, new_node_key, parse_validator, validator_of

    key = new_node_key()
    validator = validator_of(name, key, check_host(host), port)
    text = f"{name}={validator.enode}"
    parse_validator(text)
    _write_key(out / "key", key)
    told = {"name": name, "enode": validator.enode, "address": "0x" + validator.address.hex(), "key": str(out / "key")}
    typer.echo(json.dumps(told) if as_json else f"{text}\n{out / 'key'} is the node's key; it never leaves this centre")


def genesis(
    out: Annotated[Path, typer.Option(help="Folder for the files; it must not exist yet.")],
    validator: Annotated[
        list[str] | None,
        typer.Option(help="NAME=enode://KEY@IP:PORT of a centre, as 'chain node-key' printed it; repeat."),
    ] = None,
    validators: Annotated[
        int | None, typer.Option(min=1, help="Make so many node keys here, for a trial on one machine.")
    ] = None,
    chain_id: Annotated[int, typer.Option(help="Chain id; the federation file pins it.")] = 1337,
    block_seconds: Annotated[int, typer.Option(min=1, help="Seconds between two blocks.")] = 2,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Write what Hyperledger Besu needs to run a QBFT chain: genesis, list of nodes, and a compose.yaml per centre.

    Four validators or more bear one that fails or lies. The files follow Besu's documentation; this version of
    wsi-swarm was not run on Besu (docs/besu.md says what was).
    """
    import time

    from pipelines.files import write_json, write_text
    from wsi_swarm.swarm.chain import genesis as besu

    if (validator is None) == (validators is None):
        msg = "give either --validator NAME=enode://KEY@IP:PORT for each centre, or --validators N for a trial"
        raise ConfigError(msg)
    if out.exists():
        msg = f"{out} exists already; a second genesis would be another chain. Choose another folder."
        raise ConfigError(msg)
    keys: dict[str, bytes] = {}
    if validators is not None:
        keys = {f"centre-{place + 1}": besu.new_node_key() for place in range(validators)}
        nodes = [besu.validator_of(name, key, besu.trial_host(place)) for place, (name, key) in enumerate(keys.items())]
    else:
        nodes = [besu.parse_validator(text) for text in validator or []]
    if len({one.name for one in nodes}) != len(nodes):
        msg = "two validators have the same name; name each centre differently"
        raise ConfigError(msg)
    described = besu.genesis(nodes, chain_id, block_seconds, int(time.time()))
    write_json(out / "genesis.json", described)
    write_text(out / "static-nodes.json", besu.static_nodes(nodes))
    write_text(out / "permissions.toml", besu.permissions(nodes))
    for name, key in keys.items():
        _write_key(out / name / "key", key)
        (out / name / "data").mkdir()
    if keys:
        write_text(out / "compose.yaml", besu.trial_compose(list(keys)))
    else:
        for one in nodes:
            write_text(out / one.name / "compose.yaml", besu.compose(one))
    told = {
        "chain_id": chain_id,
        "folder": str(out),
        "validators": [{"name": one.name, "address": "0x" + one.address.hex(), "enode": one.enode} for one in nodes],
    }
    if as_json:
        typer.echo(json.dumps(told))
    else:
        for one in nodes:
            typer.echo(f"{one.name:<20} 0x{one.address.hex()}  {one.host}:{one.port}")
        typer.echo(f"chain {chain_id} in {out}: " + _what_next(out, bool(keys)))
    if len(nodes) < 4:
        text = f"warning: {len(nodes)} validators bear none that lies; the chain stops when more than a third are away"
        typer.echo(text, err=True)


def _what_next(out: Path, trial: bool) -> str:
    if trial:
        return f"'docker compose -f {out / 'compose.yaml'} up' runs all on this machine (a trial, not a consortium)"
    return (
        "each centre gets genesis.json, static-nodes.json, permissions.toml and its compose.yaml, puts its key beside "
        "them, and runs 'docker compose up -d' there"
    )


def _write_key(path: Path, key: bytes) -> None:
    from wsi_swarm.swarm.identity import write_private

    if path.exists():
        msg = f"{path} exists already, and a key is never overwritten; choose another folder"
        raise ConfigError(msg)
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    write_private(path, key.hex() + "\n")
