"""Runs and votes: which run on the contract is the one that this centre's ``run.toml`` is about."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from wsi_swarm.swarm.ledger.base import Phase, Proposal, ProposalKind, ProposalStatus, RunTerms

if TYPE_CHECKING:
    from wsi_swarm.swarm.ledger.base import Ledger, LedgerReader, RunState


@dataclass(frozen=True, slots=True)
class OpenVote:
    """A proposed run on which this centre has not voted.

    Attributes
    ----------
    acceptable
        Whether it is exactly what this centre would have proposed: then a node votes yes by itself.
    """

    proposal: Proposal
    acceptable: bool


def find_run(reader: LedgerReader, config_hash: bytes) -> RunState | None:
    """Return the run of this configuration: one that is going on before a finished one, the latest of several."""
    states = [reader.run(run) for run in range(reader.run_count(), 0, -1)]
    mine = [state for state in states if state.terms.config_hash == config_hash]
    return next((state for state in mine if state.phase is not Phase.FINISHED), mine[0] if mine else None)


def open_votes(reader: LedgerReader, account: str, wanted: RunTerms) -> list[OpenVote]:
    """Return the open proposals of runs of this configuration on which the account may still vote."""
    index = next((member.index for member in reader.members() if member.account == account and member.active), None)
    votes: list[OpenVote] = []
    for number in range(reader.proposal_count(), 0, -1):
        proposal = reader.proposal(number)
        terms = proposal.subject
        if proposal.status is not ProposalStatus.OPEN or proposal.kind is not ProposalKind.OPEN_RUN:
            continue
        may_vote = index in proposal.electorate - proposal.yes - proposal.no
        if may_vote and isinstance(terms, RunTerms) and terms.config_hash == wanted.config_hash:
            votes.append(OpenVote(proposal, terms == wanted))
    return votes


def vote_for_wanted(ledger: Ledger, wanted: RunTerms) -> list[OpenVote]:
    """Vote yes on every proposed run that is exactly the wanted one; return all that were open, for a person."""
    votes = open_votes(ledger, ledger.account, wanted)
    for vote in votes:
        if vote.acceptable:
            ledger.vote(vote.proposal.id, yes=True)
    return votes
