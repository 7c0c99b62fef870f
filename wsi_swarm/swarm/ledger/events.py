"""What the contract records. The events alone are enough to replay members, votes, runs and rounds."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum


class ProposalKind(IntEnum):
    """What a vote is about; the numbers are those of the contract."""

    ADD_MEMBER = 0
    REMOVE_MEMBER = 1
    OPEN_RUN = 2
    REPLACE_MEMBER = 3


class VoidReason(IntEnum):
    """Why a round ended without a result; the numbers are those of the contract."""

    TOO_FEW_COMMITS = 0
    NO_QUORUM = 1
    REJECTED = 2
    """So many refused to attest (or were removed or struck) that no quorum was left."""


@dataclass(frozen=True, slots=True)
class RunTerms:
    """What the members agree on when they open a run.

    Attributes
    ----------
    config_hash : bytes
        32 bytes, hash of the run configuration that every member must hold.
    base_root : bytes
        32 bytes, root of the initial model.
    rounds : int
        Number of *final* rounds after which the run is finished.
    min_peers : int
        Fewest committers, contributors and attesters of a final round; at least 2.
    enrol_seconds, commit_seconds, attest_seconds : int
        Length of enrolment, of the commit phase, and of reveal, merge and attestation together.
    max_weight : int
        Cap of a member's merge weight.
    committee : int
        How many committers of a round download, merge and attest; 0 for all of them, else at least ``min_peers``.
    """

    config_hash: bytes
    base_root: bytes
    rounds: int
    min_peers: int
    enrol_seconds: int
    commit_seconds: int
    attest_seconds: int
    max_weight: int
    committee: int = 0


@dataclass(frozen=True, slots=True)
class Candidate:
    """What stands on chain of an account that asks to join: address and two 32-byte values."""

    account: str
    curve_key: bytes
    endpoint_hash: bytes


@dataclass(frozen=True, slots=True)
class Replacement:
    """A member keeps its index and its runs and gets the candidate's account and keys."""

    member: int
    candidate: Candidate


Subject = Candidate | int | RunTerms | Replacement
"""Of a vote: the candidate, the index of the member to remove, the terms of the run, or the replacement."""


@dataclass(frozen=True, slots=True)
class Event:
    """One record of the contract; ``(block, log_index)`` orders all of them."""

    block: int
    log_index: int


@dataclass(frozen=True, slots=True)
class Deployed(Event):
    """The contract was made; ``predecessor`` is the zero address for a first one."""

    predecessor: str
    voting_seconds: int


@dataclass(frozen=True, slots=True)
class MemberAdded(Event):
    """A member was founded, admitted, or admitted again under its old index."""

    member: int
    account: str
    curve_key: bytes
    endpoint_hash: bytes


@dataclass(frozen=True, slots=True)
class MemberRemoved(Event):
    """A member lost all its rights, at once: by vote, or by its own word."""

    member: int
    account: str


@dataclass(frozen=True, slots=True)
class MemberReplaced(Event):
    """A member got another account and CURVE key by vote; the old account has no say any more."""

    member: int
    account: str
    curve_key: bytes
    endpoint_hash: bytes


@dataclass(frozen=True, slots=True)
class KeyRotated(Event):
    """A member changed its CURVE key or its endpoint."""

    member: int
    curve_key: bytes
    endpoint_hash: bytes


@dataclass(frozen=True, slots=True)
class Proposed(Event):
    """A vote began; proposing counts as the proposer's yes (a :class:`Voted` follows)."""

    proposal: int
    kind: ProposalKind
    proposer: int
    electorate: frozenset[int]
    expires_at: int
    subject: Subject


@dataclass(frozen=True, slots=True)
class Voted(Event):
    """A member voted."""

    proposal: int
    member: int
    yes: bool


@dataclass(frozen=True, slots=True)
class Executed(Event):
    """A proposal got its majority and took effect."""

    proposal: int
    outcome: int
    """Index of the member added, removed or replaced, or id of the run opened."""


@dataclass(frozen=True, slots=True)
class RunOpened(Event):
    """A run began with its enrolment (round 0)."""

    run: int
    proposal: int
    config_hash: bytes
    base_root: bytes


@dataclass(frozen=True, slots=True)
class Enrolled(Event):
    """A member takes part in a run from the next round on."""

    run: int
    member: int
    weight: int
    round: int
    """The round that was open at that moment."""


@dataclass(frozen=True, slots=True)
class Left(Event):
    """A member takes no part in a run any more, until it enrols again."""

    run: int
    member: int
    round: int


@dataclass(frozen=True, slots=True)
class Struck(Event):
    """A member signed two roots for one merge, and is out of the run for good."""

    run: int
    member: int
    round: int
    """The round that its signatures are about."""
    root_a: bytes
    root_b: bytes


@dataclass(frozen=True, slots=True)
class RoundOpened(Event):
    """A round began; its electorate is fixed now."""

    run: int
    round: int
    base_root: bytes
    electorate: frozenset[int]
    expected: frozenset[int]
    opened_at: int


@dataclass(frozen=True, slots=True)
class Committed(Event):
    """A member committed to an update; ``commits_hash`` chains all commits of the run."""

    run: int
    round: int
    member: int
    commitment: bytes
    commits_hash: bytes


@dataclass(frozen=True, slots=True)
class CommitsClosed(Event):
    """Everybody still expected had committed before the deadline."""

    run: int
    round: int
    closed_at: int


@dataclass(frozen=True, slots=True)
class Rejected(Event):
    """A committer said that it will not attest in this round."""

    run: int
    round: int
    member: int


@dataclass(frozen=True, slots=True)
class Final(Event):
    """A quorum attested to one merged model: the base of the next round."""

    run: int
    round: int
    merged_root: bytes
    contributors: frozenset[int]
    attesters: frozenset[int]
    commits_hash: bytes


@dataclass(frozen=True, slots=True)
class Void(Event):
    """The round ended without a result; the base stays."""

    run: int
    round: int
    reason: VoidReason
    commits_hash: bytes


@dataclass(frozen=True, slots=True)
class RunFinished(Event):
    """The last final round of the run is done."""

    run: int
    final_root: bytes
