"""``wsi-swarm swarm``: a centre's identity, the members' votes, what stands on the chain, and the audit."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from wsi_swarm.swarm.identity import Identity
    from wsi_swarm.swarm.ledger.evm import EvmLedger, EvmReader
    from wsi_swarm.swarm.ledger.federation import Federation

Dir = Annotated[Path, typer.Option("--dir", help="Folder of this centre's identity.")]
FederationFile = Annotated[Path, typer.Option("--federation", help="The swarm's federation file.")]
Rpc = Annotated[str, typer.Option("--rpc", help="URL of this centre's chain node.")]
RunFile = Annotated[Path, typer.Option("--run", help="The run's run.toml.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]

_HERE, _FEDERATION, _RUN, _STATE = Path(), Path("federation.json"), Path("run.toml"), Path("state")
_RPC = "http://127.0.0.1:8545"


class Choice(Enum):
    """A vote."""

    yes = "yes"
    no = "no"


def register(app: typer.Typer) -> None:
    """Add this command group to the application."""
    group = typer.Typer(no_args_is_help=True)
    for command in (init, join, propose, vote, start, status, audit):
        group.command(command.__name__)(command)
    app.add_typer(group, name="swarm", help="Become a member, vote, start a run, watch it and audit it.")


def init(
    name: Annotated[str, typer.Option(help="Name of this centre, a label for people, for example centre-a.")],
    endpoint: Annotated[str, typer.Option(help="Where the other centres reach this one: tcp://HOST:PORT.")],
    dir: Annotated[Path, typer.Option("--dir", help="Folder for keys, join request and project file.")] = _HERE,
    chain_id: Annotated[int, typer.Option(help="Chain of a swarm that is yet to be founded.")] = 1337,
    federation: Annotated[
        Path | None, typer.Option(help="Federation file of an existing swarm that this centre wants to join.")
    ] = None,
) -> None:
    """Make this centre's keys, its signed join request and a project file with the settings to fill in.

    With WSI_SWARM_PASSPHRASE or WSI_SWARM_PASSPHRASE_FILE set, the account's key is kept in an encrypted keystore.
    """
    import os
    import time

    from pipelines.files import write_text
    from wsi_swarm.swarm.identity import create_identity, passphrase_from, write_request
    from wsi_swarm.swarm.ledger.federation import read_federation
    from wsi_swarm.swarm.ledger.typed_data import ZERO_ADDRESS
    from wsi_swarm.swarm.project_template import RUN_EXAMPLE, project_file

    known = read_federation(federation) if federation else None
    passphrase = passphrase_from(os.environ)
    identity = create_identity(dir, name, endpoint, passphrase)
    where = (known.chain_id, known.contract) if known else (chain_id, ZERO_ADDRESS)
    request = write_request(dir, identity, *where, int(time.time()))
    for file, text in (("wsi-swarm.toml", project_file()), ("run.example.toml", RUN_EXAMPLE)):
        if not (dir / file).exists():
            write_text(dir / file, text)
    typer.echo(f"{name} is {identity.account}")
    typer.echo(f"keys       {dir / 'keys'}  (back them up; they never leave this machine)")
    typer.echo(f"settings   {dir / 'wsi-swarm.toml'}")
    typer.echo(f"example    {dir / 'run.example.toml'}  (a run to agree on with the other centres)")
    typer.echo(f"request    {request}  (give it to the centre that founds the swarm, or to a member who proposes you)")
    if passphrase is None:
        typer.echo(
            "warning: no passphrase was given, so the account's key is readable for whoever can read this user's "
            "files; set WSI_SWARM_PASSPHRASE_FILE before 'swarm init' to encrypt it",
            err=True,
        )


def join(dir: Dir = _HERE, federation: FederationFile = _FEDERATION, rpc: Rpc = _RPC) -> None:
    """Check a federation file against the chain and this centre's keys; say what is left to do to be a member."""
    import time

    from wsi_swarm.errors import IntegrityError
    from wsi_swarm.swarm.identity import check_against, write_request

    identity, known = _identity(dir), _federation(federation)
    reader = _reader(rpc, known)
    typer.echo(f"chain {known.chain_id} and the code at {known.contract} are those of {federation}")
    member = next((one for one in reader.members() if one.account == identity.account), None)
    if member is not None and member.active:
        differs = check_against(identity, known)
        if differs is not None or member.curve_key != identity.curve_public:
            msg = f"{federation}: {differs or 'the chain knows another CURVE key of this centre'}; ask who sent it"
            raise IntegrityError(msg)
        typer.echo(f"{identity.name} is member {member.index}; it can take part in runs with 'wsi-swarm train-swarm'")
        return
    request = write_request(dir, identity, known.chain_id, known.contract, int(time.time()))
    typer.echo(
        f"{identity.name} is no member yet. Give {request} to a member, who runs 'wsi-swarm swarm propose --request "
        f"{request.name}'; more than half of the members must vote yes"
    )


def propose(
    request: Annotated[Path | None, typer.Option(help="Join request of a centre to be admitted.")] = None,
    remove: Annotated[str | None, typer.Option(help="Address of a member to be removed.")] = None,
    run: Annotated[
        Path | None, typer.Option(help="run.toml of a run to be opened (the same as 'swarm start').")
    ] = None,
    dir: Dir = _HERE,
    federation: FederationFile = _FEDERATION,
    rpc: Rpc = _RPC,
) -> None:
    """Put the admission or removal of a member, or a run, to the vote; proposing counts as a yes."""
    from wsi_swarm.errors import ConfigError
    from wsi_swarm.swarm.ledger.federation import name_of_request, read_join_request, write_federation

    if sum(option is not None for option in (request, remove, run)) != 1:
        msg = "give exactly one of --request, --remove and --run"
        raise ConfigError(msg)
    known = _federation(federation)
    ledger = _ledger(dir, rpc, known)
    if request is not None:
        told = read_join_request(request)
        number = ledger.propose_member(told)
        write_federation(federation, known.with_member(name_of_request(request), told))
        typer.echo(f"proposal {number}: admit {told.account} ({name_of_request(request)})")
    elif remove is not None:
        index = next((one.index for one in ledger.members() if one.account.lower() == remove.lower()), None)
        if index is None:
            msg = f"{remove} is no member of {known.contract}; 'wsi-swarm swarm status' lists them"
            raise ConfigError(msg)
        typer.echo(f"proposal {ledger.propose_removal(index)}: remove {remove}")
    elif run is not None:
        _propose_run(ledger, run)


def vote(
    proposal: Annotated[int, typer.Argument(help="Number of the proposal ('swarm status' lists them).")],
    choice: Annotated[Choice, typer.Argument(help="The vote; it is final.")],
    dir: Dir = _HERE,
    federation: FederationFile = _FEDERATION,
    rpc: Rpc = _RPC,
) -> None:
    """Vote on a proposal; the vote that makes the majority also carries it out."""
    ledger = _ledger(dir, rpc, _federation(federation))
    ledger.vote(proposal, choice is Choice.yes)
    told = ledger.proposal(proposal)
    typer.echo(
        f"proposal {proposal}: {len(told.yes)} yes, {len(told.no)} no of {len(told.electorate)}, {told.status.name}"
    )


def start(run: RunFile = _RUN, dir: Dir = _HERE, federation: FederationFile = _FEDERATION, rpc: Rpc = _RPC) -> None:
    """Propose the run of a run.toml. The nodes of centres that hold the identical file vote yes by themselves."""
    _propose_run(_ledger(dir, rpc, _federation(federation)), run)


def status(
    federation: FederationFile = _FEDERATION,
    rpc: Rpc = _RPC,
    as_json: AsJson = False,
    watch: Annotated[bool, typer.Option(help="Show it anew every two seconds until Ctrl-C.")] = False,
) -> None:
    """Show members, open votes, and the rounds of each run as they stand on the chain."""
    import json
    import time

    from wsi_swarm.swarm.oversight import status as room

    known = _federation(federation)
    reader = _reader(rpc, known)
    while True:
        seen = room.read_status(reader, known)
        text = json.dumps(room.as_json(seen), ensure_ascii=False) if as_json else room.as_text(seen)
        if watch and not as_json:
            typer.clear()
        typer.echo(text)
        if not watch:
            return
        try:
            time.sleep(2)
        except KeyboardInterrupt:
            raise typer.Exit(130) from None


def audit(
    run: RunFile = _RUN,
    state: Annotated[Path, typer.Option(help="Folder of this centre's checkpoints.")] = _STATE,
    dir: Dir = _HERE,
    federation: FederationFile = _FEDERATION,
    rpc: Rpc = _RPC,
    as_json: AsJson = False,
) -> None:
    """Re-derive every merge of a run from the updates that this centre kept, and hold it against the chain.

    Exit code 8, with the round and the member, if a commitment, an update, a merge or a root does not agree.
    """
    import json
    from dataclasses import asdict

    from wsi_swarm.errors import ConfigError, IntegrityError
    from wsi_swarm.swarm.config import read_run_config
    from wsi_swarm.swarm.node.checkpoint import Checkpoint
    from wsi_swarm.swarm.node.runs import find_run
    from wsi_swarm.swarm.oversight.audit import audit_run, summary

    config, identity, known = read_run_config(run), _identity(dir), _federation(federation)
    reader = _reader(rpc, known)
    found = find_run(reader, config.hash)
    if found is None:
        msg = f"no run on {known.contract} has the configuration {config.hash.hex()[:12]} of {run}"
        raise ConfigError(msg)
    checkpoint = Checkpoint(state, known.contract, found.run)
    result = audit_run(reader, found.run, checkpoint, config.weighting == "patients", identity.account)
    if as_json:
        typer.echo(json.dumps({**asdict(result), "passed": result.passed}))
    else:
        names = {member.account: known.name_of(member) for member in reader.members()}
        typer.echo("\n".join(summary(result, names)))
    failed = next((one for one in result.rounds if one.verdict == "failed"), None)
    if failed is not None:
        msg = f"round {failed.round} of run {found.run} does not re-derive: {failed.reason}"
        raise IntegrityError(msg)


def _propose_run(ledger: EvmLedger, run: Path) -> None:
    from wsi_swarm.swarm.config import read_run_config
    from wsi_swarm.swarm.node.learning import hyperparameters, initial_model

    config = read_run_config(run)
    hyperparameters(config)
    first = initial_model(config)
    number = ledger.propose_run(config.terms(first.root))
    typer.echo(
        f"proposal {number}: run '{config.name}', configuration {config.hash.hex()}, first model {first.root.hex()}"
    )


def _identity(folder: Path) -> Identity:
    import os

    from wsi_swarm.swarm.identity import load_identity, passphrase_from

    return load_identity(folder, passphrase_from(os.environ))


def _federation(path: Path) -> Federation:
    from wsi_swarm.swarm.ledger.federation import read_federation

    return read_federation(path)


def _reader(rpc: str, federation: Federation) -> EvmReader:
    from wsi_swarm.swarm.ledger.evm import EvmReader
    from wsi_swarm.swarm.ledger.rpc_client import RpcClient

    return EvmReader(RpcClient(rpc), federation)


def _ledger(folder: Path, rpc: str, federation: Federation) -> EvmLedger:
    from wsi_swarm.swarm.identity import JOURNAL
    from wsi_swarm.swarm.ledger.evm import EvmLedger
    from wsi_swarm.swarm.ledger.rpc_client import RpcClient

    return EvmLedger(RpcClient(rpc), federation, _identity(folder).key, folder / JOURNAL)
