"""Pure model of the contract: the oracle of its tests and the chain of the simulator and of fast tests.

No clock and no chain of its own: chain time is injected. :class:`ContractModel` takes the sender with each call;
:class:`ModelLedger` is one member's view of it and satisfies ``Ledger``.
"""

from __future__ import annotations

from bisect import bisect_left
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from threading import RLock
from typing import TYPE_CHECKING

from wsi_swarm.swarm.ledger.base import Phase, RunState, quorum
from wsi_swarm.swarm.ledger.errors import AlreadyDoneError, NotNowError, refusal
from wsi_swarm.swarm.ledger.events import (
    CommitsClosed,
    Committed,
    Enrolled,
    Event,
    Final,
    RoundOpened,
    RunFinished,
    RunOpened,
    RunTerms,
    Void,
    VoidReason,
)
from wsi_swarm.swarm.ledger.model_registry import ZERO_WORD, RegistryModel
from wsi_swarm.swarm.ledger.typed_data import attest_digest, next_commits_hash, recover

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping

    from wsi_swarm.swarm.ledger.base import JoinRequest, Member, Proposal

_NOBODY: frozenset[int] = frozenset()


@dataclass
class _Run:
    terms: RunTerms
    base_root: bytes
    opened_at: int
    opened_block: int
    round: int = 0
    finals: int = 0
    closed_at: int = 0
    enrolled: frozenset[int] = _NOBODY
    joining: frozenset[int] = _NOBODY
    electorate: frozenset[int] = _NOBODY
    expected: frozenset[int] = _NOBODY
    committed: frozenset[int] = _NOBODY
    commits_hash: bytes = ZERO_WORD
    weights: dict[int, int] = field(default_factory=dict[int, int])

    def commits_closed_at(self, now: int) -> int | None:
        """When the commits closed, or None while they are open at ``now``."""
        if self.closed_at:
            return self.closed_at
        deadline = self.opened_at + self.terms.commit_seconds
        return deadline if now >= deadline else None

    def phase(self, now: int) -> Phase:
        if self.finals == self.terms.rounds:
            return Phase.FINISHED
        if self.round == 0:
            return Phase.ENROL
        closed_at = self.commits_closed_at(now)
        if closed_at is None:
            return Phase.COMMIT
        if len(self.committed) < self.terms.min_peers or now >= closed_at + self.terms.attest_seconds:
            return Phase.OVERDUE
        return Phase.ATTEST


class ContractModel(RegistryModel):
    """The whole contract; see ``contracts/Rounds.sol`` for the reasons behind each rule."""

    def __post_init__(self) -> None:
        self.runs: list[_Run] = []
        self.commit_log: dict[tuple[int, int], dict[int, bytes]] = {}
        self._lock = RLock()
        super().__post_init__()

    @contextmanager
    def mining(self) -> Generator[None]:
        """Hold the model for one block: callers may be threads of several nodes."""
        with self._lock:
            self.block += 1
            yield

    def open_run(self, proposal: int, terms: RunTerms) -> int:
        """Open the run that was voted for, with its enrolment."""
        self.runs.append(_Run(terms, terms.base_root, self.clock(), self.block))
        run = len(self.runs)
        self.emit(lambda b, i: RunOpened(b, i, run, proposal, terms.config_hash, terms.base_root))
        return run

    def run_state(self, run: int) -> RunState:
        """Return a run as it stands at the clock's time."""
        r, now = self._run(run), self.clock()
        return RunState(
            run=run,
            terms=r.terms,
            phase=r.phase(now),
            round=r.round,
            finals=r.finals,
            base_root=r.base_root,
            enrolled=r.enrolled,
            joining=r.joining,
            electorate=r.electorate,
            expected=r.expected,
            committed=r.committed,
            weights=dict(r.weights),
            commits_hash=r.commits_hash,
            opened_at=r.opened_at,
            opened_block=r.opened_block,
            closed_at=r.commits_closed_at(now) if r.round else None,
            chain_time=now,
        )

    def enrol(self, sender: str, run: int, weight: int) -> None:
        """Enrol from the next round on; the enrolment that completes round 0 opens round 1."""
        member, r = self.member_of(sender), self._run(run)
        if r.phase(self.clock()) is Phase.FINISHED:
            raise refusal("WrongPhase")
        if not 1 <= weight <= r.terms.max_weight:
            raise refusal("BadWeight")
        if r.weights.get(member, weight) != weight:
            raise refusal("WeightFixed")
        if member in r.joining | r.committed:
            raise refusal("AlreadyEnrolled")
        r.weights[member] = weight
        r.enrolled |= {member}
        r.joining |= {member}
        self.emit(lambda b, i: Enrolled(b, i, run, member, weight, r.round))
        if r.round == 0 and self._enrolment_complete(r):
            self._open_round(run, r, _NOBODY)

    def commit(self, sender: str, run: int, round_: int, commitment: bytes) -> None:
        """Commit to an update; the last expected commit closes the phase."""
        member, r = self.member_of(sender), self._run(run)
        if round_ != r.round:
            raise refusal("WrongRound")
        if member in r.committed:
            raise refusal("AlreadyCommitted")
        if r.phase(self.clock()) is not Phase.COMMIT:
            raise refusal("WrongPhase")
        if member not in r.electorate:
            raise refusal("NotInElectorate")
        if commitment == ZERO_WORD:
            raise refusal("BadCommitment")
        r.committed |= {member}
        r.commits_hash = commits_hash = next_commits_hash(r.commits_hash, round_, member, commitment)
        self.commit_log.setdefault((run, round_), {})[member] = commitment
        self.emit(lambda b, i: Committed(b, i, run, round_, member, commitment, commits_hash))
        if r.expected <= r.committed and len(r.committed) >= r.terms.min_peers:
            r.closed_at = now = self.clock()
            self.emit(lambda b, i: CommitsClosed(b, i, run, round_, now))

    def finalise(
        self,
        sender: str,
        run: int,
        round_: int,
        contributors: frozenset[int],
        merged_root: bytes,
        signatures: Mapping[int, bytes],
    ) -> None:
        """Make the round final with a quorum of attestations, and open the next one."""
        self.member_of(sender)
        r = self._run(run)
        if round_ != r.round:
            raise refusal("WrongRound")
        if r.phase(self.clock()) is not Phase.ATTEST:
            raise refusal("WrongPhase")
        if merged_root == ZERO_WORD:
            raise refusal("BadRoot")
        if not contributors <= r.committed or len(contributors) < r.terms.min_peers:
            raise refusal("BadContributors")
        attesters = frozenset(signatures)
        if not attesters <= r.committed & self.active or any(len(s) != 65 for s in signatures.values()):
            raise refusal("BadAttesters")
        if len(attesters) < quorum(len(r.committed), r.terms.min_peers):
            raise refusal("NoQuorum")
        digest = attest_digest(self.chain_id, self.address, run, round_, r.base_root, contributors, merged_root)
        if any(recover(digest, s) != self.member_list[m].account for m, s in signatures.items()):
            raise refusal("BadSignature")
        commits_hash = r.commits_hash
        self.emit(lambda b, i: Final(b, i, run, round_, merged_root, contributors, attesters, commits_hash))
        r.base_root = merged_root
        r.finals += 1
        if r.finals == r.terms.rounds:
            self.emit(lambda b, i: RunFinished(b, i, run, merged_root))
        else:
            self._open_round(run, r, contributors)

    def poke(self, sender: str, run: int) -> None:
        """Open round 1 when enrolment is over, or void an overdue round and open the next."""
        self.member_of(sender)
        r = self._run(run)
        phase = r.phase(self.clock())
        if phase is Phase.ENROL and self._enrolment_complete(r):
            self._open_round(run, r, r.committed)
        elif phase is Phase.OVERDUE:
            enough = len(r.committed) >= r.terms.min_peers
            reason = VoidReason.NO_QUORUM if enough else VoidReason.TOO_FEW_COMMITS
            round_, commits_hash = r.round, r.commits_hash
            self.emit(lambda b, i: Void(b, i, run, round_, reason, commits_hash))
            self._open_round(run, r, r.committed)
        else:
            raise refusal("NothingToPoke")

    def _run(self, run: int) -> _Run:
        if not 1 <= run <= len(self.runs):
            raise refusal("UnknownRun")
        return self.runs[run - 1]

    def _enrolment_complete(self, r: _Run) -> bool:
        over = self.clock() >= r.opened_at + r.terms.enrol_seconds
        return len(r.enrolled & self.active) >= r.terms.min_peers and (over or self.active <= r.enrolled)

    def _open_round(self, run: int, r: _Run, heard: frozenset[int]) -> None:
        r.electorate = r.enrolled & self.active
        r.expected = (heard | r.joining) & r.electorate
        r.committed = r.joining = _NOBODY
        r.round += 1
        r.opened_at, r.opened_block, r.closed_at = self.clock(), self.block, 0
        number, base, electorate, expected, now = r.round, r.base_root, r.electorate, r.expected, r.opened_at
        self.emit(lambda b, i: RoundOpened(b, i, run, number, base, electorate, expected, now))


@dataclass
class ModelLedger:
    """One account's view of a shared :class:`ContractModel`; each writing call is a block of its own."""

    model: ContractModel
    account: str

    @property
    def chain_id(self) -> int:
        """Chain id that the model stands for."""
        return self.model.chain_id

    @property
    def contract(self) -> str:
        """Address that the model stands for."""
        return self.model.address

    def chain_time(self) -> int:
        """Return the injected clock's time."""
        return self.model.clock()

    def members(self) -> tuple[Member, ...]:
        """Return all members, past ones too."""
        return tuple(self.model.member_list)

    def proposal_count(self) -> int:
        """Return the number of proposals."""
        return len(self.model.votes)

    def proposal(self, proposal: int) -> Proposal:
        """Return a proposal."""
        return self.model.proposal(proposal)

    def run_count(self) -> int:
        """Return the number of runs."""
        return len(self.model.runs)

    def run(self, run: int) -> RunState:
        """Return the state of a run."""
        return self.model.run_state(run)

    def commits(self, run: int, round_: int) -> Mapping[int, bytes]:
        """Return the commitments of a round."""
        return dict(self.model.commit_log.get((run, round_), {}))

    def events(self, since: int = 0) -> tuple[tuple[Event, ...], int]:
        """Return the events from block ``since`` on and the next block."""
        log = self.model.log
        return tuple(log[bisect_left(log, since, key=lambda event: event.block) :]), self.model.block + 1

    def propose_member(self, request: JoinRequest) -> int:
        """Propose an admission."""
        with self.model.mining():
            return self.model.propose_member(self.account, request)

    def propose_removal(self, member: int) -> int:
        """Propose a removal."""
        with self.model.mining():
            return self.model.propose_removal(self.account, member)

    def propose_run(self, terms: RunTerms) -> int:
        """Propose a run."""
        with self.model.mining():
            return self.model.propose_run(self.account, terms)

    def vote(self, proposal: int, yes: bool) -> None:
        """Vote; the same vote again is success."""
        with self.model.mining():
            try:
                self.model.vote(self.account, proposal, yes)
            except AlreadyDoneError:
                told = self.model.proposal(proposal)
                if self.model.member_of(self.account) not in (told.yes if yes else told.no):
                    raise

    def enrol(self, run: int, weight: int) -> None:
        """Enrol; doing so again is success."""
        with self.model.mining(), suppress(AlreadyDoneError):
            self.model.enrol(self.account, run, weight)

    def commit(self, run: int, round_: int, commitment: bytes) -> None:
        """Commit; the same commitment again is success."""
        with self.model.mining():
            try:
                self.model.commit(self.account, run, round_, commitment)
            except (AlreadyDoneError, NotNowError):
                if self.commits(run, round_).get(self.model.member_of(self.account)) != commitment:
                    raise

    def finalise(
        self, run: int, round_: int, contributors: frozenset[int], merged_root: bytes, signatures: Mapping[int, bytes]
    ) -> None:
        """Submit a quorum of attestations; a result that is final already is success."""
        with self.model.mining():
            try:
                self.model.finalise(self.account, run, round_, contributors, merged_root, signatures)
            except NotNowError:
                told = (
                    e for e in reversed(self.model.log) if isinstance(e, Final) and (e.run, e.round) == (run, round_)
                )
                if not any((e.contributors, e.merged_root) == (contributors, merged_root) for e in told):
                    raise

    def poke(self, run: int) -> None:
        """Move an overdue run on."""
        with self.model.mining():
            self.model.poke(self.account, run)
