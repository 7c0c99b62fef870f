"""A whole swarm on virtual time in one process: real machines, the pure model of the contract, seeded faults.

Everything follows from the seed, so that any failure is repeated by it.
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from wsi_swarm.swarm.ledger.base import Candidate, Phase
from wsi_swarm.swarm.ledger.typed_data import account_of
from wsi_swarm.swarm.merge.whole import start
from wsi_swarm.swarm.protocol.events import (
    ChainSeen,
    Event,
    Tick,
)
from wsi_swarm.swarm.protocol.round import Machine, Plan, Seat
from wsi_swarm.swarm.simulation.chain import RUN, Chain
from wsi_swarm.swarm.simulation.checks import BrokenError, Checks
from wsi_swarm.swarm.simulation.clock import START, Clock
from wsi_swarm.swarm.simulation.faults import Drift, Faults, Outage
from wsi_swarm.swarm.simulation.hands import Hands
from wsi_swarm.swarm.simulation.lies import LIARS
from wsi_swarm.swarm.simulation.network import Network
from wsi_swarm.swarm.simulation.processes import Disk, Dying, Process
from wsi_swarm.swarm.simulation.record import Record
from wsi_swarm.swarm.simulation.setting import Setting
from wsi_swarm.swarm.simulation.training import first_model

if TYPE_CHECKING:
    from wsi_swarm.swarm.ledger.base import RunState
    from wsi_swarm.swarm.ledger.model import ContractModel, ModelLedger

__all__ = ["Faults", "Outage", "Setting", "Simulation"]

RECALL_S = 60.0
"""After so long a person starts a centre again that has left, if another asks for the final model."""


class Simulation:
    """Run one swarm to its end.

    Parameters
    ----------
    seed
        Of every random choice.
    count_bytes
        Count what each member sends and receives.

    Attributes
    ----------
    chain
        The chain; ``chain.contract`` is the pure model, its ``log`` holds all events.
    checks
        What is watched at every step.
    network
        Counts bytes.
    initial
        The model from which the run starts.
    record
        What came of it.
    """

    def __init__(
        self, seed: int, setting: Setting | None = None, faults: Faults | None = None, count_bytes: bool = False
    ) -> None:
        self.setting = s = setting or Setting()
        self.faults = faults or Faults()
        self.seed = seed
        self._random = random.Random(seed)  # noqa: S311 (a simulation wants repeatable chance)
        self.clock = Clock()
        self._keys = [bytes(30) + bytes([1 + i // 256, i % 256]) for i in range(s.members)]
        self._accounts = [account_of(key) for key in self._keys]
        self.initial = start(first_model(s.size), s.merge)
        liars = frozenset(self.faults.lies)
        self.checks = Checks(
            s, self._accounts, liars, self.initial, self._hindered, lambda member: self._disks[member].whole
        )
        self._disks = [Disk() for _ in self._keys]
        founders = [Candidate(account, account.encode()[:32], bytes(32)) for account in self._accounts]
        self.chain = Chain(founders, self.clock, self._random, self.faults.chain, self._on_block)
        self.network = Network(self.clock, self._random, self.faults.weather, s.members, count_bytes)
        self._processes: dict[int, Process] = {}
        self._liars = {m: LIARS[name](self._seat(m), lambda: self.run_state) for m, name in self.faults.lies.items()}
        self._generation = 0
        self._down: dict[int, list[float]] = {}
        self._dying: dict[int, Dying] = {}
        self._troubles = [self.faults.troubles(member) for member in range(s.members)]
        self.record = Record()
        self._hands = Hands(
            seed=seed,
            size=s.size,
            faults=self.faults,
            liars=self._liars,
            clock=self.clock,
            chance=self._random,
            chain=self.chain,
            network=self.network,
            disks=self._disks,
            processes=self._processes,
            record=self.record,
            tell=self._tell,
            look=self._look,
            leave=self._leave,
        )
        self._awaited = frozenset(range(s.members)) - self.faults.lies.keys() - self.faults.gone
        self._open_run()

    @property
    def now(self) -> float:
        """Virtual time in seconds."""
        return self.clock.now

    @property
    def contract(self) -> ContractModel:
        """The contract after the newest block."""
        return self.chain.contract

    @property
    def run_state(self) -> RunState:
        """The run as it stands on the contract."""
        return self.contract.run_state(RUN)

    def run(self) -> Simulation:
        """Play events until everybody has left.

        Raises
        ------
        BrokenError
            An invariant did not hold, or the swarm is stuck.
        """
        faults = self.faults
        for member in range(self.setting.members):
            first = self._random.uniform(0.0, self.setting.poll_s)
            self.clock.at(faults.starts_late.get(member, 0.0) + first, lambda m=member: self._start(m))
        for outage in faults.outages:
            self.clock.at(outage.at, lambda o=outage: self._strike(o))
        for member, at in faults.removals.items():
            self.clock.at(at, lambda m=member: self._remove(m))
        for member, window in faults.leaves.items():
            self.clock.at(window.start, lambda m=member: self._leave_run(m))
            self.clock.at(window.end, lambda m=member: self._come_back(m))
        for member, window in faults.pauses:
            self.clock.at(window.start, lambda m=member, w=window: self._freeze(m, w.end))
        while not self._awaited <= self.record.left:
            if not self.clock.step(self.setting.limit_s):
                self._is_stuck()
        return self

    def _is_stuck(self) -> None:
        """Raise, unless all that is missing is a member that came too late for a run that it had no part in."""
        state = self.run_state
        late = self._awaited - self.record.left - state.enrolled
        if state.phase is not Phase.FINISHED or not self._awaited <= self.record.left | late:
            waiting = sorted(self._awaited - self.record.left)
            msg = f"stuck in round {state.round} ({state.phase.name}): members {waiting} wait for ever"
            raise BrokenError(msg)
        self._awaited -= late

    # The world -------------------------------------------------------------------------------------------------------

    def _on_block(self, contract: ContractModel) -> None:
        self.checks.final_block(contract, self.clock.now)

    def _open_run(self) -> None:
        terms = self.setting.terms(self.initial.root)
        self.chain.at_once(0, lambda ledger: ledger.propose_run(terms))
        for member in range(1, self.setting.members // 2 + 1):
            self.chain.at_once(member, lambda ledger: ledger.vote(1, yes=True))

    def _remove(self, member: int) -> None:
        others = [index for index in range(self.setting.members) if index != member]
        self.chain.submit(others[0], lambda ledger: ledger.propose_removal(member), lambda _: None)
        for other in others[1 : self.setting.members // 2 + 1]:
            last = self.chain.plan.finality_s * 2
            self.clock.later(last, lambda o=other: self.chain.submit(o, _vote_on_newest, lambda _: None))

    def _leave_run(self, member: int) -> None:
        self.chain.submit(member, lambda ledger: ledger.leave(RUN), lambda _: None)

    def _come_back(self, member: int) -> None:
        """Start a centre again that has left the run, unless the run is over or it never left."""
        if member in self.record.left and not self.finished() and member not in self.faults.removals:
            self.record.left.discard(member)
            self._start(member)

    def _hindered(self, member: int, since: float) -> bool:
        """Whether a member was troubled or down at any time since then."""
        first, now = since - START, self.clock.passed
        if any(window.start <= now and window.end >= first for window in self._troubles[member]):
            return True
        return any(first <= time <= now for time in self._down.get(member, [])) or member not in self._processes

    # Processes -------------------------------------------------------------------------------------------------------

    def _seat(self, member: int) -> Seat:
        contract = self.chain.contract
        return Seat(contract.chain_id, contract.address, RUN, member, self._accounts[member], self._keys[member])

    def _start(self, member: int) -> None:
        s, disk = self.setting, self._disks[member]
        hasty = member in self._liars and self._liars[member].hasty
        plan = Plan(
            _weight(member), s.merge, s.update_bits, s.attest_s + (s.reveal_s / 2 if hasty else 0), s.heartbeat_s
        )
        self._generation += 1
        machine = Machine(self._seat(member), plan, disk.models(self.initial), disk.update)
        self._processes[member] = Process(machine, self._generation, self.faults.drifts.get(member, Drift(0.0, 1.0)))
        self._down.setdefault(member, []).append(self.clock.passed)
        self._poll(member, self._generation)

    def _strike(self, outage: Outage) -> None:
        if outage.steps:
            self._dying[outage.member] = Dying(outage, outage.steps)
        else:
            self._crash(outage)

    def _crash(self, outage: Outage) -> None:
        member = outage.member
        if self._processes.pop(member, None) is None:
            return
        self._down.setdefault(member, []).append(self.clock.passed)
        disk = self._disks[member]
        disk.lose(outage.damage)
        if disk.model is None:
            self.record.models.pop(member, None)
        if outage.down_s is not None:
            self.clock.later(outage.down_s, lambda: self._start(member))

    def _leave(self, member: int) -> None:
        self._processes.pop(member, None)
        self.record.left.add(member)
        self.clock.later(RECALL_S, lambda: self._recall(member))

    def _recall(self, member: int) -> None:
        """Let a person start a node again whose run is finished, because another one still lacks its model."""
        state = self.run_state
        holders = {one for one, model in self.record.models.items() if model.root == state.base_root}
        waiting = (self._awaited & state.enrolled) - self.record.left - holders
        if not waiting or member not in holders - self.faults.lies.keys():
            return
        since = self.checks.finals[-1] - self.setting.deadline_s
        unhindered = [one for one in sorted(waiting) if one in self._processes and not self._hindered(one, since)]
        if unhindered:
            msg = f"member {member} left while {unhindered} lacked the final model"
            raise BrokenError(msg)
        self.record.left.discard(member)
        self._start(member)

    def _freeze(self, member: int, until: float) -> None:
        process = self._processes.get(member)
        if process is not None:
            process.frozen_until = until

    def _poll(self, member: int, generation: int) -> None:
        if self._tell_chain(member, generation):
            self.clock.later(self.setting.poll_s, lambda: self._poll(member, generation))

    def _look(self, member: int, generation: int) -> None:
        """Look at the chain at once, unless that is being done."""
        process = self._processes[member]
        if process.looking:
            return
        process.looking = True
        self.record.looks += 1

        def look() -> None:
            process.looking = False
            self._tell_chain(member, generation)

        self.clock.later(0.01, look)

    def _tell_chain(self, member: int, generation: int) -> bool:
        seen = self.chain.seen_by(member)
        return self._tell(member, generation, Tick() if seen is None else seen)

    def _tell(self, member: int, generation: int, event: Event) -> bool:
        process = self._processes.get(member)
        if process is None or process.generation != generation:
            return False
        if self.clock.passed < process.frozen_until:
            self.clock.at(process.frozen_until, lambda: self._tell(member, generation, event))
            return True
        if isinstance(event, ChainSeen):
            process.round, process.base_root = event.state.round, event.state.base_root
        drift = process.drift
        for action in process.machine.handle(event, drift.offset_s + drift.rate * self.clock.now):
            dying = self._dying.get(member)
            if dying is not None:
                dying.steps -= 1
                if dying.steps <= 0:
                    del self._dying[member]
                    self._crash(dying.outage)
                    return False
            self.record.steps += 1
            self.checks.acted(member, process.round, process.base_root, action)
            self._hands.carry_out(member, generation, action)
        return member in self._processes

    def finished(self) -> bool:
        """Whether all rounds are final."""
        return self.run_state.phase is Phase.FINISHED


def _vote_on_newest(ledger: ModelLedger) -> None:
    if ledger.proposal_count() > 1:
        ledger.vote(ledger.proposal_count(), yes=True)


def _weight(member: int) -> int:
    return member + 1
