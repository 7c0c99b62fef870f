"""The seam between the swarm and a chain: the protocol ``Ledger`` and what it returns.

Members are named by their index on the contract (0 to 255, never given twice); sets of members are
``frozenset[int]``. Roots, hashes and keys are 32 ``bytes``; accounts are checksummed ``0x`` strings; times are whole
seconds of *chain* time. Runs and proposals count from 1, rounds from 0 (enrolment).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Protocol

from wsi_swarm.swarm.ledger.errors import (
    AlreadyDoneError,
    LedgerError,
    NotAllowedError,
    NotNowError,
    RefusedError,
    UnreachableError,
    WrongChainError,
)
from wsi_swarm.swarm.ledger.events import (
    Candidate,
    CommitsClosed,
    Committed,
    Deployed,
    Enrolled,
    Event,
    Executed,
    Final,
    KeyRotated,
    Left,
    MemberAdded,
    MemberRemoved,
    MemberReplaced,
    ProposalKind,
    Proposed,
    Rejected,
    Replacement,
    RoundOpened,
    RunFinished,
    RunOpened,
    RunTerms,
    Struck,
    Subject,
    Void,
    VoidReason,
    Voted,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "AlreadyDoneError",
    "Candidate",
    "CommitsClosed",
    "Committed",
    "Deployed",
    "Enrolled",
    "Equivocation",
    "Event",
    "Executed",
    "Final",
    "JoinRequest",
    "KeyRotated",
    "Ledger",
    "LedgerError",
    "LedgerReader",
    "Left",
    "Member",
    "MemberAdded",
    "MemberRemoved",
    "MemberReplaced",
    "NotAllowedError",
    "NotNowError",
    "Phase",
    "Proposal",
    "ProposalKind",
    "ProposalStatus",
    "Proposed",
    "RefusedError",
    "Rejected",
    "Replacement",
    "RoundOpened",
    "RunFinished",
    "RunOpened",
    "RunState",
    "RunTerms",
    "Struck",
    "Subject",
    "UnreachableError",
    "Void",
    "VoidReason",
    "Voted",
    "WrongChainError",
    "committee",
    "quorum",
]


class Phase(Enum):
    """Where a run stands at a chain time."""

    ENROL = 0
    """Round 0: members enrol."""
    COMMIT = 1
    """Members of the electorate may commit."""
    ATTEST = 2
    """Commits are closed; reveal, merge, attest, finalise."""
    OVERDUE = 3
    """A deadline passed without a result, or no quorum is left: any member may ``poke``, which voids the round."""
    FINISHED = 4
    """All final rounds are done."""


class ProposalStatus(Enum):
    """Where a proposal stands at a chain time."""

    OPEN = 0
    EXECUTED = 1
    REJECTED = 2
    """Half of the electorate said no, so that no majority is left."""
    EXPIRED = 3


@dataclass(frozen=True, slots=True)
class Member:
    """One member; ``index`` is its place in every bitmap of the contract, for ever."""

    index: int
    account: str
    curve_key: bytes
    endpoint_hash: bytes
    active: bool


@dataclass(frozen=True, slots=True)
class JoinRequest:
    """A centre asks to be a member, signed with the key of its account.

    Attributes
    ----------
    account : str
        Checksummed address.
    curve_key : bytes
        32 bytes, public CURVE key.
    endpoint : str
        Where peers reach it, for example ``tcp://10.1.2.3:7000``; only its keccak hash goes on chain.
    expiry : int
        Unix seconds after which the request is void.
    signature : bytes
        65 bytes, EIP-712 (``typed_data.join_digest``).
    """

    account: str
    curve_key: bytes
    endpoint: str
    expiry: int
    signature: bytes


@dataclass(frozen=True, slots=True)
class Equivocation:
    """One member's signatures over two roots for the same merge; who that is, the signatures tell.

    Attributes
    ----------
    round, base_root, commits_hash, contributors
        What both are about, as in ``typed_data.attest_digest``.
    root_a, signature_a, root_b, signature_b : bytes
        32 and 65 bytes each.
    """

    round: int
    base_root: bytes
    commits_hash: bytes
    contributors: frozenset[int]
    root_a: bytes
    signature_a: bytes
    root_b: bytes
    signature_b: bytes


@dataclass(frozen=True, slots=True)
class Proposal:
    """A vote, as it stands at ``chain_time``."""

    id: int
    kind: ProposalKind
    proposer: int
    electorate: frozenset[int]
    yes: frozenset[int]
    no: frozenset[int]
    expires_at: int
    status: ProposalStatus
    outcome: int | None
    """Index of the member added, removed or replaced, or id of the run opened; None until executed."""
    subject: Subject


@dataclass(frozen=True, slots=True)
class RunState:
    """A run, as it stands at ``chain_time``: the time that the next transaction would see, as far as the node knows."""

    run: int
    terms: RunTerms
    phase: Phase
    round: int
    finals: int
    base_root: bytes
    """Root of the last final model; the initial root before the first final round."""
    enrolled: frozenset[int]
    joining: frozenset[int]
    """Enrolled (again) since the current round was opened: expected from the next one on."""
    electorate: frozenset[int]
    expected: frozenset[int]
    """Commits close as soon as all of these have committed (and ``min_peers`` are there)."""
    committed: frozenset[int]
    rejected: frozenset[int]
    """Will not attest in this round: by their own word, or because they were struck in it."""
    struck: frozenset[int]
    """Out of this run for good: each signed two roots for one merge."""
    weights: Mapping[int, int]
    """Merge weight of each enrolled member."""
    commits_hash: bytes
    opened_at: int
    opened_block: int
    closed_at: int | None
    """When the commits closed: early, at the deadline, or None while they are open."""
    chain_time: int

    @property
    def enrol_deadline(self) -> int:
        """After this second, ``min_peers`` enrolments are enough (meaningful in round 0)."""
        return self.opened_at + self.terms.enrol_seconds

    @property
    def commit_deadline(self) -> int:
        """First second at which a commit is refused."""
        return self.opened_at + self.terms.commit_seconds

    @property
    def attest_deadline(self) -> int:
        """First second at which ``finalise`` is refused; while commits are open, the latest that it can be."""
        closed = self.commit_deadline if self.closed_at is None else self.closed_at
        return closed + self.terms.attest_seconds

    @property
    def committee(self) -> frozenset[int]:
        """Committers that download, merge and attest in this round, as far as the committers are known now."""
        return committee(self.committed, self.round, self.terms.committee)

    @property
    def quorum(self) -> int:
        """Signatures that ``finalise`` needs, with the committers known now."""
        return quorum(len(self.committee), self.terms.min_peers)


def committee(committed: frozenset[int], round_: int, size: int) -> frozenset[int]:
    """Return who attests in a round: ``size`` of its committers, the next ones in index order in each round.

    With ``n`` committers sorted by index these are the ``size`` places from ``round_ * size % n`` on, beginning
    again after the last. All committers where ``size`` is 0 or not below their number.
    """
    n = len(committed)
    if size == 0 or size >= n:
        return committed
    members = sorted(committed)
    return frozenset(members[(round_ * size + place) % n] for place in range(size))


def quorum(attesters: int, min_peers: int) -> int:
    """Return how many attestations make a round final: a majority of its committee, never below ``min_peers``."""
    return max(min_peers, attesters // 2 + 1)


class LedgerReader(Protocol):
    """The contract as anybody may read it. All calls block; the node makes them in a thread.

    Every method may raise ``UnreachableError``; naming a run or proposal that is not there raises ``RefusedError``.
    """

    @property
    def chain_id(self) -> int:
        """EIP-155 chain id."""
        ...

    @property
    def contract(self) -> str:
        """Address of the contract."""
        ...

    def chain_time(self) -> int:
        """Return the chain's time in seconds: never compare deadlines with another clock."""
        ...

    def members(self) -> tuple[Member, ...]:
        """Return all members, past ones too, by index."""
        ...

    def proposal_count(self) -> int:
        """Return the number of proposals; ids run from 1 to it."""
        ...

    def proposal(self, proposal: int) -> Proposal:
        """Return a proposal."""
        ...

    def run_count(self) -> int:
        """Return the number of runs; ids run from 1 to it."""
        ...

    def run(self, run: int) -> RunState:
        """Return the state of a run."""
        ...

    def commits(self, run: int, round_: int) -> Mapping[int, bytes]:
        """Return the commitments of a round by member index (current round or an earlier one)."""
        ...

    def events(self, since: int = 0) -> tuple[tuple[Event, ...], int]:
        """Return all events from block ``since`` on, in order, and the block to ask from next time."""
        ...


class Ledger(LedgerReader, Protocol):
    """One member's view of the contract.

    A writing method returns when its transaction is in a final block and
    raises ``RefusedError`` (or its families ``AlreadyDoneError``, ``NotNowError``, ``NotAllowedError``) when the
    contract refuses it. Repeating a call that had succeeded with the same arguments is success, not an error;
    only a second ``propose_*`` makes a second proposal, and a second ``poke`` finds nothing due.
    """

    @property
    def account(self) -> str:
        """Address that this ledger signs for."""
        ...

    def propose_member(self, request: JoinRequest) -> int:
        """Propose to admit an applicant (counts as a yes); return the proposal's id."""
        ...

    def propose_removal(self, member: int) -> int:
        """Propose to remove the member with this index (counts as a yes); return the proposal's id."""
        ...

    def propose_run(self, terms: RunTerms) -> int:
        """Propose to open a run (counts as a yes); return the proposal's id."""
        ...

    def propose_replacement(self, member: int, request: JoinRequest) -> int:
        """Propose that a member gets the account and keys of ``request`` (lost or stolen keys); return the id."""
        ...

    def resign(self) -> None:
        """Stop being a member, at once; the last member cannot."""
        ...

    def rotate_key(self, curve_key: bytes, endpoint_hash: bytes) -> None:
        """Use another CURVE key, or be reached elsewhere (``typed_data.endpoint_hash``), from now on."""
        ...

    def vote(self, proposal: int, yes: bool) -> None:
        """Vote; the vote that makes the majority also executes the proposal."""
        ...

    def enrol(self, run: int, weight: int) -> None:
        """Take part in the run from the next round on, with a merge weight that never changes in this run."""
        ...

    def leave(self, run: int) -> None:
        """Take no part in the run any more, from now on; a commit already made stays. Enrol again to come back."""
        ...

    def commit(self, run: int, round_: int, commitment: bytes) -> None:
        """Commit to an update (32 bytes, ``typed_data.commitment``)."""
        ...

    def finalise(
        self, run: int, round_: int, contributors: frozenset[int], merged_root: bytes, signatures: Mapping[int, bytes]
    ) -> None:
        """Submit a quorum of attestations (65 bytes each, by member index); the next round opens in the same step."""
        ...

    def reject(self, run: int, round_: int) -> None:
        """Say that this member will not attest in this round, so that nobody waits for it; not to be taken back."""
        ...

    def report_equivocation(self, run: int, proof: Equivocation) -> None:
        """Have the member that signed both roots struck from the run."""
        ...

    def poke(self, run: int) -> None:
        """Move on a run that is due: open round 1, or void an overdue round; ``NotNowError`` if nothing is due."""
        ...
