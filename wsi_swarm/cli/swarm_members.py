"""``wsi-swarm swarm``: a centre's identity and its membership."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from wsi_swarm.cli.swarm_open import (
    FEDERATION,
    HERE,
    RPC,
    RUN,
    AsJson,
    Dir,
    FederationFile,
    Rpc,
    RunFile,
    find_member,
    open_federation,
    open_identity,
    open_ledger,
    open_reader,
    run_of,
    tell,
)


def init(
    name: Annotated[str, typer.Option(help="Name of this centre, a label for people, for example centre-a.")],
    endpoint: Annotated[
        str | None, typer.Option(help="Where the other centres reach this one: tcp://HOST:PORT.")
    ] = None,
    dial_only: Annotated[
        bool, typer.Option("--dial-only", help="Nobody can reach this centre from outside; it calls the others.")
    ] = False,
    dir: Annotated[Path, typer.Option("--dir", help="Folder for keys, join request and project file.")] = HERE,
    chain_id: Annotated[int, typer.Option(help="Chain of a swarm that is yet to be founded.")] = 1337,
    federation: Annotated[
        Path | None, typer.Option(help="Federation file of an existing swarm that this centre wants to join.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Make this centre's keys, its signed join request and a project file with the settings to fill in.

    With WSI_SWARM_PASSPHRASE or WSI_SWARM_PASSPHRASE_FILE set, the account's key is kept in an encrypted keystore.
    """
    import os
    import time

    from pipelines.files import write_text
    from wsi_swarm.errors import ConfigError
    from wsi_swarm.swarm.identity import create_identity, passphrase_from, write_request
    from wsi_swarm.swarm.ledger.typed_data import ZERO_ADDRESS
    from wsi_swarm.swarm.project_template import RUN_EXAMPLE, project_file

    if (endpoint is None) != dial_only:
        msg = "give either --endpoint tcp://HOST:PORT, where the others reach this centre, or --dial-only"
        raise ConfigError(msg)
    known = open_federation(federation) if federation else None
    passphrase = passphrase_from(os.environ)
    identity = create_identity(dir, name, endpoint or "", passphrase)
    where = (known.chain_id, known.contract) if known else (chain_id, ZERO_ADDRESS)
    members = [member.curve_key for member in known.members] if known else []
    request = write_request(dir, identity, *where, int(time.time()), members)
    for file, text in (("wsi-swarm.toml", project_file()), ("run.example.toml", RUN_EXAMPLE)):
        if not (dir / file).exists():
            write_text(dir / file, text)
    told = {"name": name, "account": identity.account, "curve_key": identity.curve_public.hex()}
    lines = [
        f"{name} is {identity.account}" + (" and dials out only" if dial_only else f", reached at {endpoint}"),
        f"keys       {dir / 'keys'}  (back them up; they never leave this machine)",
        f"settings   {dir / 'wsi-swarm.toml'}",
        f"example    {dir / 'run.example.toml'}  (a run to agree on with the other centres)",
        f"request    {request}  (give it to "
        + ("a member, who proposes you)" if known else "the centre that founds the swarm)"),
    ]
    tell(as_json, {**told, "endpoint": endpoint or "", "request": str(request)}, "\n".join(lines))
    if passphrase is None:
        typer.echo(
            "warning: no passphrase was given, so the account's key is readable for whoever can read this user's "
            "files; set WSI_SWARM_PASSPHRASE_FILE before 'swarm init' to encrypt it",
            err=True,
        )


def join(
    dir: Dir = HERE,
    federation: FederationFile = FEDERATION,
    rpc: Rpc = RPC,
    run: RunFile = RUN,
    as_json: AsJson = False,
) -> None:
    """Check a federation file against the chain, this centre's keys and its run.toml; say what is left to do.

    A centre that is no member yet gets a new join request with a proof of its keys for each present member.
    """
    import time

    from wsi_swarm.errors import IntegrityError
    from wsi_swarm.swarm.config import read_run_config
    from wsi_swarm.swarm.identity import write_request
    from wsi_swarm.swarm.ledger.federation import write_federation
    from wsi_swarm.swarm.ledger.rpc_client import RpcClient
    from wsi_swarm.swarm.oversight.joining import (
        Check,
        Outcome,
        check_chain,
        check_members,
        check_run,
        check_self,
    )
    from wsi_swarm.swarm.rotation import pending_rotation

    identity, known = open_identity(dir), open_federation(federation)
    found: list[Check] = []

    def note(check: Check) -> None:
        found.append(check)
        if not as_json:
            typer.echo(f"{check.outcome.value:<6} {check.about:<11} {check.told}")

    note(Check("file", Outcome.OK, f"{federation} has the fingerprint {known.fingerprint}; compare it by telephone"))
    reader = open_reader(rpc, known)
    rotating = pending_rotation(dir, identity) is not None
    for check in check_chain(RpcClient(rpc), known):
        note(check)
    for check in check_members(reader, known):
        note(check)
    for check in check_self(reader, known, identity, rotating):
        note(check)
    config = read_run_config(run) if run.is_file() else None
    for check in check_run(reader, known, config):
        note(check)
    agreed = found[-1].outcome is Outcome.OK
    members = [one for one in reader.members() if one.active]
    member = next((one for one in members if one.account == identity.account), None)
    failed = next((check for check in found if check.outcome is Outcome.FAILED), None)
    request = None
    if member is None and failed is None:
        keys = [one.curve_key for one in members]
        request = write_request(dir, identity, known.chain_id, known.contract, int(time.time()), keys)
    if member is not None and failed is None:
        better = known.with_self(identity.name, identity.account, identity.curve_public, identity.endpoint)
        if config is not None and agreed:
            better = better.with_run(config.name, config.hash)
        if better != known:
            write_federation(federation, better)
    told = {
        "name": identity.name,
        "account": identity.account,
        "member": member.index if member else None,
        "fingerprint": known.fingerprint,
        "request": str(request) if request else None,
        "checks": [{"about": one.about, "outcome": one.outcome.name, "told": one.told} for one in found],
    }
    text = f"{identity.name} is member {member.index if member else ''}; it takes part with 'wsi-swarm train-swarm'"
    if request:
        text = (
            f"{identity.name} is no member yet. Give {request} to a member, who runs 'wsi-swarm swarm propose "
            f"--request {request.name}', and to the others, who vote with it; more than half must say yes"
        )
    if failed is None or as_json:
        tell(as_json, told, text)
    if failed is not None:
        msg = f"{federation}: {failed.told}"
        raise IntegrityError(msg)


def leave(
    run: RunFile = RUN,
    dir: Dir = HERE,
    federation: FederationFile = FEDERATION,
    rpc: Rpc = RPC,
    as_json: AsJson = False,
) -> None:
    """Take no part in a run any more, so that nobody waits for this centre.

    Its node ends; started again, it takes part again.
    """
    from wsi_swarm.errors import ConfigError
    from wsi_swarm.swarm.config import read_run_config
    from wsi_swarm.swarm.ledger.base import Phase

    known = open_federation(federation)
    ledger = open_ledger(dir, rpc, known)
    state = run_of(ledger, read_run_config(run), run)
    number = state.run
    if state.phase is Phase.FINISHED:
        msg = f"run {number} is finished, and nobody waits for anybody in it any more"
        raise ConfigError(msg)
    ledger.leave(number)
    tell(as_json, {"run": number, "left": True}, f"left run {number}; 'wsi-swarm train-swarm' takes part again")


def resign(
    dir: Dir = HERE,
    federation: FederationFile = FEDERATION,
    rpc: Rpc = RPC,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    as_json: AsJson = False,
) -> None:
    """Stop being a member, at once. Only a vote of the others admits this centre again."""
    known = open_federation(federation)
    ledger = open_ledger(dir, rpc, known)
    if not yes:
        typer.confirm("Stop being a member? Only a vote of the others admits this centre again.", abort=True)
    ledger.resign()
    tell(as_json, {"account": ledger.account, "member": False}, f"{ledger.account} is no member any more")


def rotate_key(
    endpoint: Annotated[
        str | None, typer.Option(help="The endpoint that the others reach from now on; without it the old one stays.")
    ] = None,
    dial_only: Annotated[bool, typer.Option("--dial-only", help="Nobody can reach this centre any more.")] = False,
    dir: Dir = HERE,
    federation: FederationFile = FEDERATION,
    rpc: Rpc = RPC,
    as_json: AsJson = False,
) -> None:
    """Give this centre a new CURVE key (and another endpoint); the others believe it as soon as the chain does.

    Stop this centre's node first and start it again afterwards. A rotation that was cut short ends when this is run
    again. The account's key cannot be rotated: 'swarm propose --replace' puts another account in its place.
    """
    from wsi_swarm.errors import ConfigError
    from wsi_swarm.swarm.ledger.federation import write_federation
    from wsi_swarm.swarm.ledger.typed_data import endpoint_hash
    from wsi_swarm.swarm.network.links import bind_address
    from wsi_swarm.swarm.rotation import begin_rotation, end_rotation

    if endpoint is not None and dial_only:
        msg = "give --endpoint or --dial-only, not both"
        raise ConfigError(msg)
    if endpoint is not None:
        bind_address(endpoint)
    known, identity = open_federation(federation), open_identity(dir)
    ledger = open_ledger(dir, rpc, known)
    find_member(ledger, known, identity.account)
    rotated = begin_rotation(dir, identity, "" if dial_only else endpoint)
    ledger.rotate_key(rotated.curve_public, endpoint_hash(rotated.endpoint))
    end_rotation(dir, rotated)
    write_federation(federation, known.with_self(rotated.name, rotated.account, rotated.curve_public, rotated.endpoint))
    where = rotated.endpoint or "(dials only)"
    tell(
        as_json,
        {"account": rotated.account, "curve_key": rotated.curve_public.hex(), "endpoint": rotated.endpoint},
        f"{rotated.name} has the CURVE key {rotated.curve_public.hex()[:16]}… and the endpoint {where}; back the keys "
        "up and start the node again",
    )
