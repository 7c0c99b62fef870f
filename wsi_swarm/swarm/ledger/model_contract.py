"""Pure model of the whole contract: members and votes from ``model_registry``, runs and rounds here.

No clock and no chain of its own: chain time is injected, and each call takes its sender. Same rules, same order of
checks and same refusals as ``contracts/Rounds.sol``, which says the reasons.
"""

from __future__ import annotations

from contextlib import contextmanager
from threading import RLock
from typing import TYPE_CHECKING

from wsi_swarm.swarm.ledger.base import Phase, RunState
from wsi_swarm.swarm.ledger.errors import refusal
from wsi_swarm.swarm.ledger.events import (
    CommitsClosed,
    Committed,
    Enrolled,
    Final,
    Left,
    Rejected,
    RoundOpened,
    RunFinished,
    RunOpened,
    RunTerms,
    Struck,
    Void,
    VoidReason,
)
from wsi_swarm.swarm.ledger.model_registry import ZERO_WORD, RegistryModel
from wsi_swarm.swarm.ledger.model_run import NOBODY, RunModel
from wsi_swarm.swarm.ledger.typed_data import attest_digest, next_commits_hash, recover

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping

    from wsi_swarm.swarm.ledger.base import Equivocation


class ContractModel(RegistryModel):
    """The whole contract; see ``contracts/Rounds.sol`` for the reasons behind each rule."""

    def __post_init__(self) -> None:
        self.runs: list[RunModel] = []
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
        self.runs.append(RunModel(terms, terms.base_root, self.clock(), self.block))
        run = len(self.runs)
        self.emit(lambda b, i: RunOpened(b, i, run, proposal, terms.config_hash, terms.base_root))
        return run

    def run_state(self, run: int) -> RunState:
        """Return a run as it stands at the clock's time."""
        r, now = self._run(run), self.clock()
        return RunState(
            run=run,
            terms=r.terms,
            phase=r.phase(now, self.active),
            round=r.round,
            finals=r.finals,
            base_root=r.base_root,
            enrolled=r.enrolled,
            joining=r.joining,
            electorate=r.electorate,
            expected=r.expected,
            committed=r.committed,
            rejected=r.rejected,
            struck=r.struck,
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
        if self._phase(r) is Phase.FINISHED:
            raise refusal("WrongPhase")
        if member in r.struck:
            raise refusal("StruckFromRun")
        if not 1 <= weight <= r.terms.max_weight:
            raise refusal("BadWeight")
        if r.weights.get(member, weight) != weight:
            raise refusal("WeightFixed")
        if member in r.enrolled & (r.joining | r.committed):
            raise refusal("AlreadyEnrolled")
        r.weights[member] = weight
        r.enrolled |= {member}
        r.joining |= {member}
        self.emit(lambda b, i: Enrolled(b, i, run, member, weight, r.round))
        if r.round == 0 and self._enrolment_complete(r):
            self._open_round(run, r, NOBODY)

    def leave(self, sender: str, run: int) -> None:
        """Take the sender out of the run from now on."""
        member, r = self.member_of(sender), self._run(run)
        if self._phase(r) is Phase.FINISHED:
            raise refusal("WrongPhase")
        if member not in r.enrolled:
            raise refusal("NotEnrolled")
        self.emit(lambda b, i: Left(b, i, run, member, r.round))
        self._drop(run, r, member)

    def commit(self, sender: str, run: int, round_: int, commitment: bytes) -> None:
        """Commit to an update; the last expected commit closes the phase."""
        member, r = self.member_of(sender), self._run(run)
        if round_ != r.round:
            raise refusal("WrongRound")
        if member in r.committed:
            raise refusal("AlreadyCommitted")
        if self._phase(r) is not Phase.COMMIT:
            raise refusal("WrongPhase")
        if member not in r.electorate:
            raise refusal("NotInElectorate")
        if commitment == ZERO_WORD:
            raise refusal("BadCommitment")
        r.committed |= {member}
        r.commits_hash = commits_hash = next_commits_hash(r.commits_hash, round_, member, commitment)
        self.commit_log.setdefault((run, round_), {})[member] = commitment
        self.emit(lambda b, i: Committed(b, i, run, round_, member, commitment, commits_hash))
        self._close_if_complete(run, r)

    def reject(self, sender: str, run: int, round_: int) -> None:
        """Note that the sender will not attest in this round."""
        member, r = self.member_of(sender), self._run(run)
        if round_ != r.round:
            raise refusal("WrongRound")
        if member in r.rejected:
            raise refusal("AlreadyRejected")
        if self._phase(r) is not Phase.ATTEST:
            raise refusal("WrongPhase")
        if member not in r.attesters(self.active):
            raise refusal("NotAttester")
        r.rejected |= {member}
        self.emit(lambda b, i: Rejected(b, i, run, round_, member))

    def report_equivocation(self, sender: str, run: int, proof: Equivocation) -> None:
        """Strike the member that signed both roots from the run."""
        self.member_of(sender)
        r = self._run(run)
        if proof.root_a == proof.root_b:
            raise refusal("NoEquivocation")
        signers = {
            recover(self._digest(run, proof.round, proof.base_root, proof.commits_hash, proof.contributors, root), by)
            for root, by in ((proof.root_a, proof.signature_a), (proof.root_b, proof.signature_b))
        }
        signer = signers.pop()
        if signers or signer is None:
            raise refusal("BadSignature")
        member = self._index_of(signer)
        if member not in self.active:
            raise refusal("UnknownMember")
        if member in r.struck:
            raise refusal("AlreadyStruck")
        r.struck |= {member}
        r.rejected |= {member}
        self.emit(lambda b, i: Struck(b, i, run, member, proof.round, proof.root_a, proof.root_b))
        self._drop(run, r, member)

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
        if self._phase(r) is not Phase.ATTEST:
            raise refusal("WrongPhase")
        if merged_root == ZERO_WORD:
            raise refusal("BadRoot")
        if not contributors <= r.committed or len(contributors) < r.terms.min_peers:
            raise refusal("BadContributors")
        attesters = frozenset(signatures)
        if not attesters <= r.attesters(self.active) or any(len(s) != 65 for s in signatures.values()):
            raise refusal("BadAttesters")
        if len(attesters) < r.quorum:
            raise refusal("NoQuorum")
        digest = self._digest(run, round_, r.base_root, r.commits_hash, contributors, merged_root)
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
        phase = self._phase(r)
        if phase is Phase.ENROL and self._enrolment_complete(r):
            self._open_round(run, r, r.committed)
        elif phase is Phase.OVERDUE:
            if len(r.committed) < r.terms.min_peers:
                reason = VoidReason.TOO_FEW_COMMITS
            elif len(r.attesters(self.active)) < r.quorum:
                reason = VoidReason.REJECTED
            else:
                reason = VoidReason.NO_QUORUM
            round_, commits_hash = r.round, r.commits_hash
            self.emit(lambda b, i: Void(b, i, run, round_, reason, commits_hash))
            self._open_round(run, r, r.committed)
        else:
            raise refusal("NothingToPoke")

    def _run(self, run: int) -> RunModel:
        if not 1 <= run <= len(self.runs):
            raise refusal("UnknownRun")
        return self.runs[run - 1]

    def _phase(self, r: RunModel) -> Phase:
        return r.phase(self.clock(), self.active)

    def _digest(
        self, run: int, round_: int, base_root: bytes, commits_hash: bytes, contributors: frozenset[int], root: bytes
    ) -> bytes:
        return attest_digest(self.chain_id, self.address, run, round_, base_root, commits_hash, contributors, root)

    def _enrolment_complete(self, r: RunModel) -> bool:
        over = self.clock() >= r.opened_at + r.terms.enrol_seconds
        enough = len(r.enrolled & self.active) >= r.terms.min_peers
        return enough and (over or self.active - r.struck <= r.enrolled)

    def _drop(self, run: int, r: RunModel, member: int) -> None:
        """Take a member out of everything to come; commits that it alone kept open close."""
        r.enrolled -= {member}
        r.joining -= {member}
        r.electorate -= {member}
        r.expected -= {member}
        if self._phase(r) is Phase.COMMIT:
            self._close_if_complete(run, r)

    def _close_if_complete(self, run: int, r: RunModel) -> None:
        if r.expected <= r.committed and len(r.committed) >= r.terms.min_peers:
            r.closed_at = now = self.clock()
            self.emit(lambda b, i: CommitsClosed(b, i, run, r.round, now))

    def _open_round(self, run: int, r: RunModel, heard: frozenset[int]) -> None:
        r.electorate = r.enrolled & self.active
        r.expected = (heard | r.joining) & r.electorate
        r.committed = r.joining = r.rejected = NOBODY
        r.round += 1
        r.opened_at, r.opened_block, r.closed_at = self.clock(), self.block, 0
        number, base, electorate, expected, now = r.round, r.base_root, r.electorate, r.expected, r.opened_at
        self.emit(lambda b, i: RoundOpened(b, i, run, number, base, electorate, expected, now))
