"""Pure model of ``contracts/Members.sol`` and ``Votes.sol``. Same rules, same order of checks, same refusals."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from wsi_swarm.swarm.ledger.base import Member, Proposal, ProposalStatus
from wsi_swarm.swarm.ledger.errors import refusal
from wsi_swarm.swarm.ledger.events import (
    Candidate,
    Deployed,
    Event,
    Executed,
    KeyRotated,
    MemberAdded,
    MemberRemoved,
    MemberReplaced,
    ProposalKind,
    Proposed,
    Replacement,
    RunTerms,
    Voted,
)
from wsi_swarm.swarm.ledger.typed_data import ZERO_ADDRESS, endpoint_hash, join_request_is_authentic

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from wsi_swarm.swarm.ledger.base import JoinRequest, Subject

MAX_MEMBERS = 256
MAX_VOTING_SECONDS = 365 * 24 * 3600
ZERO_WORD = bytes(32)


@dataclass
class _Vote:
    kind: ProposalKind
    proposer: int
    electorate: frozenset[int]
    expires_at: int
    subject: Subject
    yes: frozenset[int] = frozenset()
    no: frozenset[int] = frozenset()
    outcome: int | None = None


@dataclass
class RegistryModel:
    """Members and votes.

    Parameters
    ----------
    founders : sequence of Candidate
        The first members, in index order.
    voting_seconds : int
        How long a proposal is open.
    clock : callable
        Chain time in seconds; never runs backwards.
    chain_id, address, predecessor
        Identity of the contract that this model stands for.

    Raises
    ------
    RefusedError
        The contract's constructor would revert.
    """

    founders: Sequence[Candidate]
    voting_seconds: int
    clock: Callable[[], int]
    chain_id: int = 1337
    address: str = "0x" + "c0" * 20
    predecessor: str = ZERO_ADDRESS
    block: int = 1
    log: list[Event] = field(default_factory=list[Event])

    def __post_init__(self) -> None:
        if not 1 <= self.voting_seconds <= MAX_VOTING_SECONDS:
            raise refusal("BadVotingTime")
        if not self.founders:
            raise refusal("TooFewMembers")
        self.member_list: list[Member] = []
        self.votes: list[_Vote] = []
        self.emit(lambda b, i: Deployed(b, i, self.predecessor, self.voting_seconds))
        for founder in self.founders:
            self._add_member(founder)

    # What a caller may ask and do ------------------------------------------------------------

    @property
    def active(self) -> frozenset[int]:
        """Indices of the members that have a say now."""
        return frozenset(m.index for m in self.member_list if m.active)

    def proposal(self, proposal: int) -> Proposal:
        """Return a proposal as it stands at the clock's time."""
        vote = self._vote(proposal)
        return Proposal(
            id=proposal,
            kind=vote.kind,
            proposer=vote.proposer,
            electorate=vote.electorate,
            yes=vote.yes,
            no=vote.no,
            expires_at=vote.expires_at,
            status=self._status(vote),
            outcome=vote.outcome,
            subject=vote.subject,
        )

    def propose_member(self, sender: str, request: JoinRequest) -> int:
        """Open a vote on admitting an applicant; it lasts no longer than the request is valid."""
        proposer, candidate = self.member_of(sender), candidate_of(request)
        self._check_candidate(candidate)
        return self._propose(ProposalKind.ADD_MEMBER, proposer, self._check_request(request), candidate)

    def propose_replacement(self, sender: str, member: int, request: JoinRequest) -> int:
        """Open a vote on giving a member another account and key; it lasts no longer than the request is valid."""
        proposer, subject = self.member_of(sender), Replacement(member, candidate_of(request))
        self._check_replacement(subject)
        return self._propose(ProposalKind.REPLACE_MEMBER, proposer, self._check_request(request), subject)

    def propose_removal(self, sender: str, member: int) -> int:
        """Open a vote on removing a member."""
        proposer = self.member_of(sender)
        self._check_active(member)
        return self._propose(ProposalKind.REMOVE_MEMBER, proposer, self.clock() + self.voting_seconds, member)

    def propose_run(self, sender: str, terms: RunTerms) -> int:
        """Open a vote on a run."""
        proposer = self.member_of(sender)
        check_terms(terms)
        return self._propose(ProposalKind.OPEN_RUN, proposer, self.clock() + self.voting_seconds, terms)

    def resign(self, sender: str) -> None:
        """Take the sender out."""
        member = self.member_of(sender)
        self._check_removal(member)
        self._remove_member(member)

    def rotate_key(self, sender: str, curve_key: bytes, endpoint_hash_: bytes) -> None:
        """Change the sender's CURVE key and the hash of its endpoint."""
        member = self.member_of(sender)
        self._check_curve_key(curve_key, member)
        known = self.member_list[member]
        self.member_list[member] = replace(known, curve_key=curve_key, endpoint_hash=endpoint_hash_)
        self.emit(lambda b, i: KeyRotated(b, i, member, curve_key, endpoint_hash_))

    def vote(self, sender: str, proposal: int, yes: bool) -> None:
        """Vote on an open proposal; the vote that makes the majority executes it."""
        voter = self.member_of(sender)
        vote = self._vote(proposal)
        if voter in vote.yes | vote.no:
            raise refusal("AlreadyVoted")
        if self._status(vote) is not ProposalStatus.OPEN:
            raise refusal("ProposalClosed")
        if voter not in vote.electorate:
            raise refusal("NotInElectorate")
        self._check_executable(vote, voter, yes)
        self._cast(proposal, vote, voter, yes)

    # For the rounds ---------------------------------------------------------------------------

    def member_of(self, sender: str) -> int:
        """Return the index of the active member that ``sender`` is."""
        for member in self.member_list:
            if member.account == sender and member.active:
                return member.index
        raise refusal("NotMember")

    def emit(self, make: Callable[[int, int], Event]) -> None:
        """Append the event ``make(block, log_index)``."""
        self.log.append(make(self.block, len(self.log)))

    def open_run(self, proposal: int, terms: RunTerms) -> int:
        """Open the run that was voted for; return its id."""
        raise AssertionError((proposal, terms))  # abstract in the contract as well: Rounds defines it

    # Inside -------------------------------------------------------------------------------------

    def _vote(self, proposal: int) -> _Vote:
        if not 1 <= proposal <= len(self.votes):
            raise refusal("UnknownProposal")
        return self.votes[proposal - 1]

    def _status(self, vote: _Vote) -> ProposalStatus:
        if vote.outcome is not None:
            return ProposalStatus.EXECUTED
        if 2 * len(vote.no & self.active) >= len(vote.electorate):
            return ProposalStatus.REJECTED
        return ProposalStatus.EXPIRED if self.clock() >= vote.expires_at else ProposalStatus.OPEN

    def _has_majority(self, vote: _Vote, yes: frozenset[int]) -> bool:
        return 2 * len(yes & self.active) > len(vote.electorate)

    def _propose(self, kind: ProposalKind, proposer: int, expires_at: int, subject: Subject) -> int:
        vote = _Vote(kind, proposer, self.active, expires_at, subject)
        self._check_executable(vote, proposer, yes=True)
        self.votes.append(vote)
        proposal = len(self.votes)
        self.emit(lambda b, i: Proposed(b, i, proposal, kind, proposer, vote.electorate, expires_at, subject))
        self._cast(proposal, vote, proposer, yes=True)
        return proposal

    def _check_executable(self, vote: _Vote, voter: int, yes: bool) -> None:
        """Raise what execution would revert with, before anything is changed (a revert undoes the vote too)."""
        if not yes or not self._has_majority(vote, vote.yes | {voter}):
            return
        if isinstance(vote.subject, Candidate):
            self._check_candidate(vote.subject)
        elif isinstance(vote.subject, Replacement):
            self._check_replacement(vote.subject)
        elif isinstance(vote.subject, int):
            self._check_removal(vote.subject)

    def _cast(self, proposal: int, vote: _Vote, voter: int, yes: bool) -> None:
        if yes:
            vote.yes |= {voter}
        else:
            vote.no |= {voter}
        self.emit(lambda b, i: Voted(b, i, proposal, voter, yes))
        if not yes or not self._has_majority(vote, vote.yes):
            return
        if isinstance(vote.subject, Candidate):
            outcome = self._add_member(vote.subject)
        elif isinstance(vote.subject, Replacement):
            outcome = self._replace_member(vote.subject)
        elif isinstance(vote.subject, int):
            outcome = self._remove_member(vote.subject)
        else:
            outcome = self.open_run(proposal, vote.subject)
        vote.outcome = outcome
        self.emit(lambda b, i: Executed(b, i, proposal, outcome))

    def _check_active(self, member: int) -> None:
        if member not in self.active:
            raise refusal("UnknownMember")

    def _check_removal(self, member: int) -> None:
        self._check_active(member)
        if len(self.active) == 1:
            raise refusal("TooFewMembers")

    def _check_request(self, request: JoinRequest) -> int:
        """Raise unless the request is valid and its account's own; return when a vote on it ends."""
        now = self.clock()
        if now >= request.expiry:
            raise refusal("RequestExpired")
        if not join_request_is_authentic(request, self.chain_id, self.address):
            raise refusal("BadSignature")
        return min(now + self.voting_seconds, request.expiry)

    def _check_candidate(self, candidate: Candidate) -> None:
        if candidate.account == ZERO_ADDRESS:
            raise refusal("BadMember")
        index = self._index_of(candidate.account)
        if index in self.active:
            raise refusal("AlreadyMember")
        if index == MAX_MEMBERS:
            raise refusal("TooManyMembers")
        self._check_curve_key(candidate.curve_key, index)

    def _check_replacement(self, subject: Replacement) -> None:
        account = subject.candidate.account
        self._check_active(subject.member)
        if account == ZERO_ADDRESS:
            raise refusal("BadMember")
        if self._index_of(account) < len(self.member_list):
            raise refusal("AlreadyMember")
        self._check_curve_key(subject.candidate.curve_key, subject.member)

    def _check_curve_key(self, curve_key: bytes, member: int) -> None:
        """Every CURVE key that was ever used belongs to its member: a key is never passed on."""
        if curve_key == ZERO_WORD:
            raise refusal("BadMember")
        told = (e for e in self.log if isinstance(e, MemberAdded | MemberReplaced | KeyRotated))
        if any(e.member != member and e.curve_key == curve_key for e in told):
            raise refusal("CurveKeyTaken")

    def _index_of(self, account: str) -> int:
        """Return the index that the account has, or will have when it is admitted."""
        return next((m.index for m in self.member_list if m.account == account), len(self.member_list))

    def _add_member(self, candidate: Candidate) -> int:
        self._check_candidate(candidate)
        index = self._index_of(candidate.account)
        member = Member(index, candidate.account, candidate.curve_key, candidate.endpoint_hash, active=True)
        self.member_list[index : index + 1] = [member]
        self.emit(
            lambda b, i: MemberAdded(b, i, index, candidate.account, candidate.curve_key, candidate.endpoint_hash)
        )
        return index

    def _replace_member(self, subject: Replacement) -> int:
        index, new = subject.member, subject.candidate
        self.member_list[index] = Member(index, new.account, new.curve_key, new.endpoint_hash, active=True)
        self.emit(lambda b, i: MemberReplaced(b, i, index, new.account, new.curve_key, new.endpoint_hash))
        return index

    def _remove_member(self, member: int) -> int:
        self.member_list[member] = replace(self.member_list[member], active=False)
        self.emit(lambda b, i: MemberRemoved(b, i, member, self.member_list[member].account))
        return member


def candidate_of(request: JoinRequest) -> Candidate:
    """Return what of a request goes on chain."""
    return Candidate(request.account, request.curve_key, endpoint_hash(request.endpoint))


def check_terms(terms: RunTerms) -> None:
    """Raise ``BadTerms`` where the contract does."""
    counts = (terms.rounds, terms.enrol_seconds, terms.commit_seconds, terms.attest_seconds, terms.max_weight)
    sound = all(0 < count < 2**32 for count in counts) and 2 <= terms.min_peers <= MAX_MEMBERS
    sound = sound and (terms.committee == 0 or terms.min_peers <= terms.committee < 2**16)
    if not sound or ZERO_WORD in {terms.config_hash, terms.base_root}:
        raise refusal("BadTerms")
