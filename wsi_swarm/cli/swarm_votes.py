"""``wsi-swarm swarm``: what the members decide together."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

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
    tell,
)

if TYPE_CHECKING:
    from wsi_swarm.swarm.identity import Identity
    from wsi_swarm.swarm.ledger.base import Proposal
    from wsi_swarm.swarm.ledger.evm import EvmLedger
    from wsi_swarm.swarm.ledger.federation import Federation, JoinFile

Unchecked = Annotated[bool, typer.Option("--unchecked", help="Go on though the applicant's keys are not proven here.")]
StartModel = Annotated[Path | None, typer.Option(help="For a run that goes on from an old one: that run's model.")]
Label = Annotated[str | None, typer.Option("--name", help="Another label for the applicant than its own.")]


class Choice(Enum):
    """A vote."""

    yes = "yes"
    no = "no"


def propose(
    request: Annotated[Path | None, typer.Option(help="Join request of a centre to be admitted.")] = None,
    remove: Annotated[str | None, typer.Option(help="Name, index or address of a member to be removed.")] = None,
    replace: Annotated[
        str | None,
        typer.Option(
            help="Member whose keys are lost or stolen; --request is its new identity's, which takes its place."
        ),
    ] = None,
    run: Annotated[
        Path | None, typer.Option(help="run.toml of a run to be opened (the same as 'swarm start').")
    ] = None,
    start_model: StartModel = None,
    name: Label = None,
    unchecked: Unchecked = False,
    dir: Dir = HERE,
    federation: FederationFile = FEDERATION,
    rpc: Rpc = RPC,
    as_json: AsJson = False,
) -> None:
    """Put an admission, a removal, a member's new identity or a run to the vote; proposing counts as a yes."""
    from wsi_swarm.errors import ConfigError
    from wsi_swarm.swarm.ledger.federation import read_join_file, write_federation

    given = (request is not None or replace is not None) + (remove is not None) + (run is not None)
    if given != 1 or (replace is not None and request is None):
        msg = "give exactly one of --request, --remove, --run, and --replace together with --request"
        raise ConfigError(msg)
    known = open_federation(federation)
    ledger = open_ledger(dir, rpc, known)
    if request is not None:
        file = read_join_file(request)
        checked = _check_applicant(file, request, open_identity(dir), known, unchecked)
        known = known.with_member(name or file.name, file.request)
        if replace is None:
            number = ledger.propose_member(file.request)
            what = f"admit {file.request.account} ({name or file.name})"
        else:
            member = find_member(ledger, known, replace)
            number = ledger.propose_replacement(member.index, file.request)
            what = f"let {file.request.account} take the place of {known.name_of(member)}"
        write_federation(federation, known)
        told = {"kind": "replace" if replace else "admit", "account": file.request.account, "checked": checked}
    elif remove is not None:
        member = find_member(ledger, known, remove)
        number = ledger.propose_removal(member.index)
        what, told = f"remove {known.name_of(member)} ({member.account})", {"kind": "remove", "account": member.account}
    else:
        assert run is not None  # noqa: S101 (exactly one was given)
        _propose_run(ledger, run, known, federation, as_json, start_model)
        return
    tell(as_json, {"proposal": number, **told}, f"proposal {number}: {what}")


def vote(
    proposal: Annotated[int, typer.Argument(help="Number of the proposal ('swarm status' lists them).")],
    choice: Annotated[Choice, typer.Argument(help="The vote; it is final.")],
    request: Annotated[
        Path | None, typer.Option(help="The applicant's join request, which proves its keys to this centre.")
    ] = None,
    name: Label = None,
    unchecked: Unchecked = False,
    dir: Dir = HERE,
    federation: FederationFile = FEDERATION,
    rpc: Rpc = RPC,
    as_json: AsJson = False,
) -> None:
    """Vote on a proposal; the vote that makes the majority also carries it out.

    A yes to an admission or a new identity checks the applicant's join request first: that it is the one that was
    proposed, signed with its account's key, and made by who holds its CURVE key.
    """
    from wsi_swarm.swarm.ledger.base import ProposalStatus
    from wsi_swarm.swarm.ledger.federation import read_join_file, write_federation

    known = open_federation(federation)
    ledger = open_ledger(dir, rpc, known)
    subject, checked, before = ledger.proposal(proposal), None, known
    if choice is Choice.yes:
        file = read_join_file(request) if request else None
        checked = _check_candidate(subject, file, request, open_identity(dir), known, unchecked)
        if file is not None and checked is not None:
            known = known.with_member(name or file.name, file.request)
    ledger.vote(proposal, choice is Choice.yes)
    told = ledger.proposal(proposal)
    if known is not before:
        write_federation(federation, known)
    tally = f"{len(told.yes)} yes, {len(told.no)} no of {len(told.electorate)}"
    values = {
        "proposal": proposal,
        "vote": choice.value,
        "checked": checked,
        "yes": len(told.yes),
        "no": len(told.no),
        "electorate": len(told.electorate),
        "status": told.status.name,
    }
    text = f"proposal {proposal}: {tally}, {_STATUS.get(told.status.name, told.status.name.lower())}"
    if told.status is ProposalStatus.OPEN:
        text += f"; {len(told.electorate) // 2 + 1 - len(told.yes)} more yes to carry it"
    tell(as_json, values, text)


_STATUS = {"EXECUTED": "carried out", "OPEN": "open", "REJECTED": "rejected", "EXPIRED": "expired"}


def start(
    run: RunFile = RUN,
    start_model: StartModel = None,
    dir: Dir = HERE,
    federation: FederationFile = FEDERATION,
    rpc: Rpc = RPC,
    as_json: AsJson = False,
) -> None:
    """Propose the run of a run.toml. The nodes of centres that hold the identical file vote yes by themselves."""
    known = open_federation(federation)
    _propose_run(open_ledger(dir, rpc, known), run, known, federation, as_json, start_model)


def _check_applicant(file: JoinFile, path: Path, identity: Identity, federation: Federation, unchecked: bool) -> bool:
    """Return whether the applicant's keys are proven here; refuse it if not, unless that is wanted."""
    import time

    from wsi_swarm.errors import IntegrityError
    from wsi_swarm.swarm.identity import check_request

    wrong = check_request(file, identity, federation, int(time.time()))
    if wrong is None:
        typer.echo(f"checked: {path} is signed by {file.request.account}, who holds the CURVE key it names", err=True)
    elif not unchecked:
        msg = f"{path}: {wrong} (--unchecked goes on all the same)"
        raise IntegrityError(msg)
    else:
        typer.echo(f"warning: {path}: {wrong}", err=True)
    return wrong is None


def _check_candidate(
    proposal: Proposal,
    file: JoinFile | None,
    path: Path | None,
    identity: Identity,
    federation: Federation,
    unchecked: bool,
) -> bool | None:
    """Return whether the keys of who is proposed are proven here; None if the vote is about nobody's keys."""
    from wsi_swarm.errors import ConfigError, IntegrityError
    from wsi_swarm.swarm.ledger.base import Candidate, Replacement
    from wsi_swarm.swarm.ledger.typed_data import endpoint_hash

    subject = proposal.subject.candidate if isinstance(proposal.subject, Replacement) else proposal.subject
    if not isinstance(subject, Candidate):
        return None
    if file is None or path is None:
        if not unchecked:
            msg = (
                f"proposal {proposal.id} is to admit {subject.account}; give its join request with --request FILE, so "
                "that its keys are checked, or --unchecked"
            )
            raise ConfigError(msg)
        typer.echo(f"warning: nothing proves here that {subject.account} holds the CURVE key it names", err=True)
        return False
    request = file.request
    if (request.account, request.curve_key, endpoint_hash(request.endpoint)) != (
        subject.account,
        subject.curve_key,
        subject.endpoint_hash,
    ):
        msg = f"{path} is the request of {request.account}, not what proposal {proposal.id} is about: {subject.account}"
        raise IntegrityError(msg)
    return _check_applicant(file, path, identity, federation, unchecked)


def _propose_run(
    ledger: EvmLedger, run: Path, known: Federation, federation: Path, as_json: bool, start_model: Path | None
) -> None:
    from wsi_swarm.errors import ConfigError
    from wsi_swarm.swarm.config import read_run_config
    from wsi_swarm.swarm.ledger.federation import write_federation
    from wsi_swarm.swarm.node.learning import hyperparameters, initial_model

    config = read_run_config(run)
    hyperparameters(config)
    first = initial_model(config, start_model)
    if first is None:
        msg = f"{run} starts from an old run's model ({config.start_root[:12]}); give its file with --start-model"
        raise ConfigError(msg)
    number = ledger.propose_run(config.terms(first.root))
    write_federation(federation, known.with_run(config.name, config.hash))
    tell(
        as_json,
        {
            "proposal": number,
            "kind": "run",
            "name": config.name,
            "config_sha256": config.hash.hex(),
            "base_root": first.root.hex(),
        },
        f"proposal {number}: run '{config.name}', configuration {config.hash.hex()}, first model {first.root.hex()}",
    )
