"""A ledger without a chain: one account's view of the pure model of the contract, for the simulator and fast tests."""

from __future__ import annotations

from bisect import bisect_left
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from wsi_swarm.swarm.ledger.errors import AlreadyDoneError, NotAllowedError, NotNowError
from wsi_swarm.swarm.ledger.events import Event, Final, Rejected, RunTerms
from wsi_swarm.swarm.ledger.model_contract import ContractModel

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wsi_swarm.swarm.ledger.base import Equivocation, JoinRequest, Member, Proposal, RunState

__all__ = ["ContractModel", "ModelLedger"]


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

    def propose_replacement(self, member: int, request: JoinRequest) -> int:
        """Propose a replacement."""
        with self.model.mining():
            return self.model.propose_replacement(self.account, member, request)

    def resign(self) -> None:
        """Stop being a member; a past member has."""
        with self.model.mining():
            try:
                self.model.resign(self.account)
            except NotAllowedError:
                if self.account not in {member.account for member in self.members()}:
                    raise

    def rotate_key(self, curve_key: bytes, endpoint_hash: bytes) -> None:
        """Use another CURVE key or endpoint."""
        with self.model.mining():
            self.model.rotate_key(self.account, curve_key, endpoint_hash)

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

    def leave(self, run: int) -> None:
        """Leave a run; doing so again is success."""
        with self.model.mining(), suppress(AlreadyDoneError):
            self.model.leave(self.account, run)

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

    def reject(self, run: int, round_: int) -> None:
        """Reject a round; having done so is success."""
        with self.model.mining():
            try:
                self.model.reject(self.account, run, round_)
            except (AlreadyDoneError, NotNowError):
                told = (run, round_, self.model.member_of(self.account))
                if not any(isinstance(e, Rejected) and (e.run, e.round, e.member) == told for e in self.model.log):
                    raise

    def report_equivocation(self, run: int, proof: Equivocation) -> None:
        """Have a member struck; that it is already is success."""
        with self.model.mining(), suppress(AlreadyDoneError):
            self.model.report_equivocation(self.account, run, proof)

    def poke(self, run: int) -> None:
        """Move an overdue run on."""
        with self.model.mining():
            self.model.poke(self.account, run)
