"""Carries out what machines ask for: messages, transactions, training, what is written to disk."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from wsi_swarm.swarm.protocol.events import (
    Action,
    Adopt,
    Commit,
    Enrol,
    Event,
    Finalise,
    KeepMerge,
    KeepUpdate,
    Leave,
    LedgerAction,
    Look,
    Note,
    Poke,
    Received,
    Reject,
    Report,
    SaveUpdate,
    Send,
    Settled,
    Train,
)
from wsi_swarm.swarm.protocol.perform import perform
from wsi_swarm.swarm.simulation.chain import RUN, Chain
from wsi_swarm.swarm.simulation.training import trained

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Mapping, Sequence

    from wsi_swarm.swarm.simulation.clock import Clock
    from wsi_swarm.swarm.simulation.faults import Faults
    from wsi_swarm.swarm.simulation.lies import Liar
    from wsi_swarm.swarm.simulation.network import Network
    from wsi_swarm.swarm.simulation.processes import Disk, Process
    from wsi_swarm.swarm.simulation.record import Record


@dataclass(frozen=True)
class Hands:
    """The hands of all members.

    Attributes
    ----------
    seed, size
        Of the training: the same seed, member and round give the same update of so many numbers.
    faults, liars
        What goes wrong, and who tells what is not so.
    clock, chance, chain, network, disks, processes
        The world that the hands reach into; a process is looked up when something arrives for it.
    record
        What is noted of it.
    tell
        Tells a process of an event.
    look
        Lets a process look at the chain.
    leave
        Ends a process in peace.
    """

    seed: int
    size: int
    faults: Faults
    liars: Mapping[int, Liar]
    clock: Clock
    chance: random.Random
    chain: Chain
    network: Network
    disks: Sequence[Disk]
    processes: Mapping[int, Process]
    record: Record
    tell: Callable[[int, int, Event], bool]
    look: Callable[[int, int], None]
    leave: Callable[[int], None]

    def carry_out(self, member: int, generation: int, action: Action) -> None:
        """Do what a member's process asked for."""
        record, disk = self.record, self.disks[member]
        match action:
            case Send():
                self._send(member, action)
            case Look():
                self.look(member, generation)
            case Train():
                self._train(member, generation, action)
            case SaveUpdate():
                disk.update = action.update
            case KeepUpdate():
                record.kept[member, action.round, action.reveal.member] = action.blob
                record.reveals[action.round, action.reveal.member] = action.reveal
            case KeepMerge(merged):
                disk.keep_merge(merged)
            case Adopt():
                disk.model = record.models[member] = action.model
                record.adopted.setdefault(member, []).append(action.model)
                record.adopted_at[member] = self.clock.now
            case Note():
                record.notes.append((member, action))
            case Leave():
                self.leave(member)
            case Enrol() | Commit() | Finalise() | Reject() | Report() | Poke():
                self._transact(member, generation, action)

    def _send(self, member: int, send: Send) -> None:
        liar = self.liars.get(member)
        for told in liar.tell(send) if liar else (send,):
            self._carry(member, told)

    def _carry(self, sender: int, send: Send) -> None:
        event = Received(sender, send.round, send.message)
        self.network.carry(sender, send.to, send.message, lambda: self._deliver(send.to, event))

    def _deliver(self, to: int, event: Received) -> None:
        process = self.processes.get(to)
        if process is None:
            return
        liar = self.liars.get(to)
        for send in liar.hear(event) if liar else ():
            self._carry(to, send)
        if liar and liar.ignores(event):
            return
        self.tell(to, process.generation, event)

    def _transact(self, member: int, generation: int, action: LedgerAction) -> None:
        liar = self.liars.get(member)
        sent = liar.order(action) if liar else action
        if sent is not None:

            def settle(refusal: str | None) -> None:
                self.tell(member, generation, Settled(action, refusal))

            self.chain.submit(member, lambda ledger: perform(ledger, RUN, sent), settle)

    def _train(self, member: int, generation: int, job: Train) -> None:
        self.record.trainings.append((member, generation, job.finals))
        slow = self.faults.train_s.get(member) if self.clock.passed < self.faults.slow_until else None
        took = self.chance.uniform(0.1, 2.0) if slow is None else slow
        seed = (self.seed, member + 1, job.finals, generation if self.faults.impure else 0)
        done = trained(job, self.size, *seed)
        self.clock.later(took, lambda: self.tell(member, generation, done))
