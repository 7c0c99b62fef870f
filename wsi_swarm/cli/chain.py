"""``wsi-swarm chain``: the embedded chain, and the contract of a new swarm."""

from __future__ import annotations

import json
import secrets
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from wsi_swarm.cli.chain_genesis import genesis, node_key
from wsi_swarm.errors import ConfigError

if TYPE_CHECKING:
    from wsi_swarm.swarm.chain.devchain import DevChain


def register(app: typer.Typer) -> None:
    """Add this command group to the application."""
    group = typer.Typer(no_args_is_help=True)
    group.command("dev")(dev)
    group.command("deploy")(deploy)
    group.command("node-key")(node_key)
    group.command("genesis")(genesis)
    app.add_typer(
        group, name="chain", help="Run the embedded chain, prepare one that the centres run together, found a swarm."
    )


def dev(
    port: Annotated[int, typer.Option(help="Port of the JSON-RPC server; 0 picks a free one.")] = 8545,
    host: Annotated[
        str, typer.Option(help="Address to listen on; others than this machine's own expose it.")
    ] = "127.0.0.1",
    data: Annotated[Path | None, typer.Option(help="Folder of the journal; without it the chain forgets all.")] = None,
    chain_id: Annotated[int, typer.Option(help="Chain id; members refuse another than their federation's.")] = 1337,
    block_time: Annotated[
        int, typer.Option(min=0, help="Seconds between two blocks at least; 0 mines each transaction at once.")
    ] = 1,
    ready_file: Annotated[
        Path | None, typer.Option(help="File that is written, with URL and block as JSON, once the chain answers.")
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Say where the chain is reached as one line of JSON.")
    ] = False,
) -> None:
    """Run a chain in this process, for demos and tests: one node, gas is free.

    It is no substitute for a chain that the centres run together: whoever runs it can stop it and begin it anew.
    """
    from pipelines.files import write_json
    from wsi_swarm.swarm.chain.server import run_dev_chain

    def ready(url: str, chain: DevChain) -> None:
        told = {
            "url": url,
            "chain_id": chain_id,
            "block": chain.engine.head.number,
            "hash": chain.engine.head.hash.hex(),
        }
        if ready_file:
            write_json(ready_file, told)
        kept = f"journal in {data}" if data else "no journal"
        typer.echo(
            json.dumps(told) if as_json else f"Chain {chain_id} answers at {url} (block {told['block']}, {kept})."
        )

    if ready_file:
        ready_file.unlink(missing_ok=True)  # one of an earlier run would be taken for ours
    run_dev_chain(host, port, data, chain_id, block_time, ready)


def deploy(
    rpc: Annotated[str, typer.Option(help="URL of the chain's JSON-RPC, for example http://127.0.0.1:8545.")],
    founder: Annotated[list[Path], typer.Option(help="Join request of a founding centre (NAME.join.json); repeat.")],
    out: Annotated[Path, typer.Option(help="Federation file to write, for all centres.")],
    key: Annotated[
        Path | None,
        typer.Option(help="File with the deploying key as 64 hex digits; it gets no rights. Default: a fresh key."),
    ] = None,
    confirmations: Annotated[
        int,
        typer.Option(min=0, help="Blocks that must follow one before it is believed; 0 where a block is final (QBFT)."),
    ] = 0,
    voting_hours: Annotated[float, typer.Option(help="How long a proposal is open to votes.")] = 168.0,
    max_fee_wei: Annotated[int, typer.Option(help="Price per gas to offer; 0 where gas is free.")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Put the contract of a new swarm on a chain, with the centres that asked for it as its first members."""
    from wsi_swarm.swarm.ledger.deploy import deploy as deploy_contract
    from wsi_swarm.swarm.ledger.federation import read_join_file, write_federation
    from wsi_swarm.swarm.ledger.rpc_client import RpcClient

    if out.exists():
        msg = f"{out} exists already; a second contract would split the swarm. Move the file away to go on."
        raise ConfigError(msg)
    files = [read_join_file(path) for path in founder]
    founders = {file.name: file.request for file in files}
    if len(founders) != len(founder):
        msg = "Two join requests are of centres with the same name; ask one to choose another ('swarm init --name')."
        raise ConfigError(msg)
    secret = _read_key(key) if key else secrets.token_bytes(32)
    journal = out.with_name(f".{out.name}.deploying")
    federation = deploy_contract(
        RpcClient(rpc),
        secret,
        journal,
        founders,
        voting_seconds=round(voting_hours * 3600),
        now=int(time.time()),
        max_fee_wei=max_fee_wei,
        confirmations=confirmations,
    )
    write_federation(out, federation)
    for left in (journal, journal.with_name(journal.name + ".lock")):
        left.unlink(missing_ok=True)
    if as_json:
        typer.echo(out.read_text(), nl=False)
    else:
        typer.echo(f"Contract {federation.contract} on chain {federation.chain_id} with {len(founders)} members.")
        typer.echo(f"Give {out} to every centre; its fingerprint is {federation.fingerprint}")


def _read_key(path: Path) -> bytes:
    try:
        key = bytes.fromhex(path.read_text().strip().removeprefix("0x"))
    except (OSError, ValueError) as error:
        msg = f"The key file {path} cannot be read ({error}); it holds one line of 64 hex digits."
        raise ConfigError(msg) from error
    if len(key) != 32:
        msg = f"The key file {path} holds {len(key)} bytes, a key has 32."
        raise ConfigError(msg)
    return key
