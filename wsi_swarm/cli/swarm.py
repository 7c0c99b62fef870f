"""``wsi-swarm swarm``: become a member, vote, start a run, watch it and audit it."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from wsi_swarm.cli import simulate
from wsi_swarm.cli.swarm_members import init, join, leave, resign, rotate_key
from wsi_swarm.cli.swarm_open import (
    FEDERATION,
    HERE,
    RPC,
    RUN,
    STATE,
    AsJson,
    Dir,
    FederationFile,
    Rpc,
    RunFile,
    StateDir,
    open_federation,
    open_identity,
    open_reader,
    run_of,
)
from wsi_swarm.cli.swarm_votes import propose, start, vote

if TYPE_CHECKING:
    from wsi_swarm.swarm.config import RunConfig
    from wsi_swarm.swarm.identity import Identity
    from wsi_swarm.swarm.ledger.evm import EvmReader
    from wsi_swarm.swarm.ledger.federation import Federation
    from wsi_swarm.swarm.node.checkpoint import Checkpoint
    from wsi_swarm.swarm.oversight.audit import Audit


class Language(Enum):
    """Of the report."""

    de = "de"
    en = "en"


def register(app: typer.Typer) -> None:
    """Add this command group to the application."""
    group = typer.Typer(no_args_is_help=True)
    for command in (init, join, propose, vote, start, leave, resign, rotate_key, status, audit):
        group.command(command.__name__.replace("_", "-"))(command)
    group.command("simulate")(simulate.simulate)
    app.add_typer(group, name="swarm", help="Become a member, vote, start a run, watch it and audit it.")


def status(
    federation: FederationFile = FEDERATION,
    rpc: Rpc = RPC,
    state: StateDir = STATE,
    as_json: AsJson = False,
    watch: Annotated[bool, typer.Option(help="Show it live, with deadlines counting down, until Ctrl-C.")] = False,
) -> None:
    """Show members, open votes, and the rounds of each run as they stand on the chain.

    Losses and bytes come from this centre's own node, if it has run with this --state folder.
    """
    import json

    from rich.console import Console

    from wsi_swarm.errors import ConfigError
    from wsi_swarm.swarm.node.checkpoint import Checkpoint
    from wsi_swarm.swarm.oversight.page import as_text, page
    from wsi_swarm.swarm.oversight.status import StatusReader
    from wsi_swarm.swarm.oversight.status import as_json as values
    from wsi_swarm.swarm.oversight.watch import watch_status

    known = open_federation(federation)
    reader = StatusReader(open_reader(rpc, known), known, lambda run: Checkpoint(state, known.contract, run).folder)
    console = Console()
    if watch and (as_json or not console.is_terminal):
        msg = "--watch draws on a terminal; leave it out for JSON or a file, and ask again as often as you like"
        raise ConfigError(msg)
    if watch:
        try:
            watch_status(reader, console)
        except KeyboardInterrupt:
            raise typer.Exit(130) from None
        return
    told = values(reader.read())
    if as_json:
        typer.echo(json.dumps(told, ensure_ascii=False))
    elif console.is_terminal:
        console.print(page(told))
    else:
        typer.echo(as_text(told))


def audit(
    run: RunFile = RUN,
    state: StateDir = STATE,
    dir: Dir = HERE,
    federation: FederationFile = FEDERATION,
    rpc: Rpc = RPC,
    out: Annotated[
        Path | None, typer.Option(help="Also write the report as one HTML file, for a data protection officer.")
    ] = None,
    language: Annotated[Language, typer.Option(help="Language shown first; the report holds both.")] = Language.de,
    as_json: AsJson = False,
) -> None:
    """Re-derive every merge of a run from the updates that this centre kept, and hold it against the chain.

    Exit code 8, with the round and the member, if a commitment, an update, a merge or a root does not agree; the report
    is written all the same.
    """
    import json
    from dataclasses import asdict

    from wsi_swarm.errors import IntegrityError
    from wsi_swarm.swarm.config import read_run_config
    from wsi_swarm.swarm.node.checkpoint import Checkpoint
    from wsi_swarm.swarm.oversight.audit import audit_run, summary

    config, identity, known = read_run_config(run), open_identity(dir), open_federation(federation)
    reader = open_reader(rpc, known)
    found = run_of(reader, config, run)
    checkpoint = Checkpoint(state, known.contract, found.run)
    result = audit_run(reader, found.run, checkpoint, config.merge_plan, identity.account)
    if out is not None:
        _write_report(out, language.value, rpc, reader, known, config, identity, checkpoint, result)
    if as_json:
        typer.echo(json.dumps({**asdict(result), "passed": result.passed, "report": str(out) if out else None}))
    else:
        names = {member.account: known.name_of(member) for member in reader.members()}
        typer.echo("\n".join(summary(result, names)))
        if out is not None:
            typer.echo(f"report: {out}")
    failed = next((one for one in result.rounds if one.verdict == "failed"), None)
    if failed is not None:
        msg = f"round {failed.round} of run {found.run} does not re-derive: {failed.reason}"
        raise IntegrityError(msg)


def _write_report(
    out: Path,
    language: str,
    rpc: str,
    reader: EvmReader,
    federation: Federation,
    config: RunConfig,
    identity: Identity,
    checkpoint: Checkpoint,
    result: Audit,
) -> None:
    import time

    from pipelines.files import write_text
    from wsi_swarm import __version__
    from wsi_swarm.swarm.ledger.rpc_client import RpcClient
    from wsi_swarm.swarm.oversight.report import report_html
    from wsi_swarm.swarm.oversight.report_data import Sources, blocks_of, report_data
    from wsi_swarm.swarm.oversight.status import read_node_file

    client = RpcClient(rpc)
    times = {block: client.timestamp(block) for block in sorted(blocks_of(reader.events()[0]))}
    sources = Sources(
        reader=reader,
        federation=federation,
        config=config,
        checkpoint=checkpoint,
        audit=result,
        name=identity.name,
        account=identity.account,
        times=times,
        node=read_node_file(checkpoint.folder),
        now=int(time.time()),
        software=f"wsi-swarm {__version__}",
    )
    write_text(out, report_html(report_data(sources), "de" if language == "de" else "en"))
