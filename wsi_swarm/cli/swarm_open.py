"""Options that the ``swarm`` commands share, and how they open what the options name."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from wsi_swarm.swarm.config import RunConfig
    from wsi_swarm.swarm.identity import Identity
    from wsi_swarm.swarm.ledger.base import LedgerReader, Member, RunState
    from wsi_swarm.swarm.ledger.evm import EvmLedger, EvmReader
    from wsi_swarm.swarm.ledger.federation import Federation

Dir = Annotated[Path, typer.Option("--dir", help="Folder of this centre's identity.")]
FederationFile = Annotated[Path, typer.Option("--federation", help="The swarm's federation file.")]
Rpc = Annotated[str, typer.Option("--rpc", help="URL of this centre's chain node.")]
RunFile = Annotated[Path, typer.Option("--run", help="The run's run.toml.")]
StateDir = Annotated[Path, typer.Option("--state", help="Folder of this centre's checkpoints.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]

HERE, FEDERATION, RUN, STATE = Path(), Path("federation.json"), Path("run.toml"), Path("state")
RPC = "http://127.0.0.1:8545"


def tell(as_json: bool, values: dict[str, Any], text: str) -> None:
    """Print ``values`` as one line of JSON, or ``text``."""
    typer.echo(json.dumps(values, ensure_ascii=False) if as_json else text)


def open_identity(folder: Path) -> Identity:
    """Read this centre's identity, with the passphrase of the environment."""
    import os

    from wsi_swarm.swarm.identity import load_identity, passphrase_from

    return load_identity(folder, passphrase_from(os.environ))


def open_federation(path: Path) -> Federation:
    """Read the federation file."""
    from wsi_swarm.swarm.ledger.federation import read_federation

    return read_federation(path)


def open_reader(rpc: str, federation: Federation) -> EvmReader:
    """Return the contract as anybody may read it; a chain or contract that is not the federation's is refused."""
    from wsi_swarm.swarm.ledger.evm import EvmReader
    from wsi_swarm.swarm.ledger.rpc_client import RpcClient

    return EvmReader(RpcClient(rpc), federation)


def open_ledger(folder: Path, rpc: str, federation: Federation) -> EvmLedger:
    """Return the contract as this centre may write to it."""
    from wsi_swarm.swarm.identity import JOURNAL
    from wsi_swarm.swarm.ledger.evm import EvmLedger
    from wsi_swarm.swarm.ledger.rpc_client import RpcClient

    return EvmLedger(RpcClient(rpc), federation, open_identity(folder).key, folder / JOURNAL)


def find_member(reader: LedgerReader, federation: Federation, who: str) -> Member:
    """Return the active member that a name, an address or an index means."""
    from wsi_swarm.errors import ConfigError

    active = [member for member in reader.members() if member.active]
    found = [
        member
        for member in active
        if who in (str(member.index), federation.name_of(member)) or who.lower() == member.account.lower()
    ]
    if len(found) == 1:
        return found[0]
    if found:
        accounts = ", ".join(member.account for member in found)
        msg = f"'{who}' may mean any of {accounts}; give the address"
    else:
        msg = f"'{who}' is no member of {federation.contract}; 'wsi-swarm swarm status' lists them"
    raise ConfigError(msg)


def run_of(reader: LedgerReader, config: RunConfig, path: Path) -> RunState:
    """Return the run of a configuration that was read from ``path``."""
    from wsi_swarm.errors import ConfigError
    from wsi_swarm.swarm.node.runs import find_run

    found = find_run(reader, config.hash)
    if found is None:
        msg = f"no run on {reader.contract} has the configuration {config.hash.hex()[:12]} of {path}"
        raise ConfigError(msg)
    return found
