"""A whole swarm on virtual time in one process: real machines, the pure model of the contract, seeded faults.

Everything follows from the seed, so that any failure is repeated by it.
"""

from __future__ import annotations

import heapq
import random
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np

from wsi_swarm.swarm.ledger.base import Candidate, RunTerms
from wsi_swarm.swarm.ledger.errors import RefusedError
from wsi_swarm.swarm.ledger.model import ContractModel, ModelLedger
from wsi_swarm.swarm.ledger.typed_data import account_of, attest_digest, sign
from wsi_swarm.swarm.protocol.events import (
    Action,
    Adopt,
    ChainSeen,
    Commit,
    Enrol,
    Event,
    Finalise,
    KeepUpdate,
    Leave,
    LedgerAction,
    Look,
    Note,
    Poke,
    Received,
    SaveUpdate,
    Send,
    Settled,
    Tick,
    Train,
    Trained,
)
from wsi_swarm.swarm.protocol.message import Chunk, Message, Propose, Reveal
from wsi_swarm.swarm.protocol.round import Machine, Plan, Seat, own_update
from wsi_swarm.swarm.state.chunks import manifest_of
from wsi_swarm.swarm.state.encoding import FixedState, decode, encode

FRACTION_BITS = 24
POLL_S = 0.25


@dataclass(frozen=True)
class Outage:
    """A member's process dies at ``at`` and is started again ``down_s`` later (never, if None)."""

    member: int
    at: float
    down_s: float | None
    disk_kept: bool = True


@dataclass(frozen=True)
class Faults:
    """What goes wrong.

    ``removals`` maps a member to the time at which the others vote it out, ``lies`` a member to what it does to each of
    its own messages (None: it keeps silent).
    """

    loss: float = 0.0
    delay_s: tuple[float, float] = (0.005, 0.05)
    transaction_s: tuple[float, float] = (0.05, 1.0)
    outages: tuple[Outage, ...] = ()
    removals: dict[int, float] = field(default_factory=dict[int, float])
    starts_late: dict[int, float] = field(default_factory=dict[int, float])
    train_s: dict[int, float] = field(default_factory=dict[int, float])
    lies: dict[int, Callable[[Send], Send | None]] = field(default_factory=dict[int, Callable[[Send], "Send | None"]])


@dataclass(frozen=True)
class Setting:
    """The run that is simulated; times in seconds."""

    members: int = 3
    rounds: int = 3
    min_peers: int = 2
    weighted: bool = True
    enrol_s: int = 10
    commit_s: int = 10
    reveal_s: int = 6
    attest_s: int = 8
    heartbeat_s: float = 1.0
    size: int = 40
    limit_s: float = 600.0


def wrong_reveal(send: Send) -> Send | None:
    """Lie: announce another update than the committed one."""
    if isinstance(send.message, Reveal):
        return replace(send, message=replace(send.message, manifest=manifest_of(b"another update")))
    return send


def wrong_merge(send: Send) -> Send | None:
    """Lie: propose a root that the merge does not have."""
    if isinstance(send.message, Propose):
        return replace(send, message=replace(send.message, merged_root=bytes(31) + b"\1"))
    return send


def wrong_chunks(send: Send) -> Send | None:
    """Lie: serve damaged chunks."""
    if isinstance(send.message, Chunk):
        return replace(send, message=replace(send.message, data=send.message.data[::-1]))
    return send


def no_proposal(send: Send) -> Send | None:
    """Fault: never propose."""
    return None if isinstance(send.message, Propose) else send


def mute(send: Send) -> Send | None:
    """Fault: commit, and then say nothing to anybody."""
    return None


@dataclass
class _Process:
    """One member's process: dies with all it knows but its disk."""

    machine: Machine
    generation: int


@dataclass
class _Disk:
    update: tuple[bytes, int, bytes] | None = None
    model: FixedState | None = None


class Simulation:
    """Run one swarm to its end.

    Attributes
    ----------
    contract
        The pure model of the contract; its ``log`` holds all events.
    ledgers
        Each member's view of it.
    initial
        The model from which the run starts.
    models
        Last adopted model by member.
    kept
        Updates kept for the audit: ``(keeper, round, member) -> canonical bytes``.
    reveals
        What opens their commitments, by ``(round, member)``.
    adopted
        All models that a member adopted, in order.
    notes
        ``(member that noticed, note)``.
    trainings
        ``(member, number of its process, final rounds behind it)`` of each training that was begun.
    commitments
        Every commitment that a member ever sent to the chain, by ``(member, round)``.
    """

    def __init__(self, seed: int, setting: Setting | None = None, faults: Faults | None = None) -> None:
        self.setting = setting or Setting()
        self.faults = faults or Faults()
        self.seed = seed
        self._random = random.Random(seed)  # noqa: S311 (a simulation wants repeatable chance)
        self.now = 1_000.0
        self._queue: list[tuple[float, int, Callable[[], object]]] = []
        self._count = 0
        self._keys = [bytes(30) + bytes([1 + i // 256, i % 256]) for i in range(self.setting.members)]
        self._accounts = [account_of(key) for key in self._keys]
        founders = [Candidate(account, account.encode()[:32], bytes(32)) for account in self._accounts]
        self.contract = ContractModel(founders, 3600, lambda: int(self.now))
        self.ledgers = [ModelLedger(self.contract, account) for account in self._accounts]
        self.initial = self._train_state(-1, 0, None)
        self._disks = [_Disk() for _ in self._keys]
        self._processes: dict[int, _Process] = {}
        self._generation = 0
        self.models: dict[int, FixedState] = {}
        self.kept: dict[tuple[int, int, int], bytes] = {}
        self.reveals: dict[tuple[int, int], Reveal] = {}
        self.adopted: dict[int, list[FixedState]] = {}
        self.adopted_at: dict[int, float] = {}
        self.notes: list[tuple[int, Note]] = []
        self.left: set[int] = set()
        self.trainings: list[tuple[int, int, int]] = []
        self.commitments: dict[tuple[int, int], set[bytes]] = {}
        self._lost = {outage.member for outage in self.faults.outages if outage.down_s is None}
        self._open_run()

    @property
    def run_state(self):
        """The run as it stands on the contract."""
        return self.contract.run_state(1)

    @property
    def alive(self) -> frozenset[int]:
        """Members whose process runs or has ended in peace."""
        return frozenset(self._processes) | self.left

    def run(self) -> Simulation:
        """Play events until everybody has left or the time limit is over."""
        for member in range(self.setting.members):
            self._later(self.faults.starts_late.get(member, 0.0), lambda m=member: self._start(m))
        for outage in self.faults.outages:
            self._later(outage.at, lambda o=outage: self._crash(o))
        for member, at in self.faults.removals.items():
            self._later(at, lambda m=member: self._remove(m))
        end = self.now + self.setting.limit_s
        while self._queue and self._queue[0][0] < end and not self._over():
            self.now, _, happen = heapq.heappop(self._queue)
            happen()
        return self

    def _remove(self, member: int) -> None:
        others = [ledger for index, ledger in enumerate(self.ledgers) if index != member]
        proposal = others[0].propose_removal(member)
        for ledger in others[1 : self.setting.members // 2 + 1]:
            ledger.vote(proposal, yes=True)

    def _over(self) -> bool:
        awaited = set(range(self.setting.members)) - self.faults.lies.keys() - self._lost
        return awaited <= self.left

    # The world ---------------------------------------------------------------------------------------------------

    def _open_run(self) -> None:
        s = self.setting
        terms = RunTerms(
            config_hash=b"\1" * 32,
            base_root=self.initial.root,
            rounds=s.rounds,
            min_peers=s.min_peers,
            enrol_seconds=s.enrol_s,
            commit_seconds=s.commit_s,
            attest_seconds=s.reveal_s + s.attest_s,
            max_weight=100,
        )
        proposal = self.ledgers[0].propose_run(terms)
        for ledger in self.ledgers[1 : s.members // 2 + 1]:
            ledger.vote(proposal, yes=True)

    def _later(self, delay: float, happen: Callable[[], object]) -> None:
        self._count += 1
        heapq.heappush(self._queue, (self.now + delay, self._count, happen))

    def _start(self, member: int) -> None:
        seat = Seat(
            self.contract.chain_id, self.contract.address, 1, member, self._accounts[member], self._keys[member]
        )
        plan = Plan(member + 1, self.setting.weighted, self.setting.attest_s, self.setting.heartbeat_s)
        disk = self._disks[member]
        update = own_update(*disk.update) if disk.update else None
        self._generation += 1
        machine = Machine(seat, plan, disk.model or self.initial, update)
        self._processes[member] = _Process(machine, self._generation)
        self._poll(member, self._generation)

    def _crash(self, outage: Outage) -> None:
        self._processes.pop(outage.member, None)
        if not outage.disk_kept:
            self._disks[outage.member] = _Disk()
        if outage.down_s is not None and outage.member not in self.left:
            self._later(outage.down_s, lambda: self._start(outage.member))

    def _poll(self, member: int, generation: int) -> None:
        if self._tell_chain(member, generation):
            self._later(POLL_S, lambda: self._poll(member, generation))

    def _tell_chain(self, member: int, generation: int) -> bool:
        ledger = self.ledgers[member]
        state = ledger.run(1)
        self._tell(member, generation, ChainSeen(state, ledger.commits(1, state.round), ledger.members()))
        return self._tell(member, generation, Tick())

    def _tell(self, member: int, generation: int, event: Event) -> bool:
        process = self._processes.get(member)
        if process is None or process.generation != generation:
            return False
        for action in process.machine.handle(event, self.now):
            self._do(member, generation, action)
        return member in self._processes

    def _do(self, member: int, generation: int, action: Action) -> None:
        match action:
            case Send():
                self._send(member, action)
            case Look():
                self._later(0.01, lambda: self._tell_chain(member, generation))
            case Train():
                self.trainings.append((member, generation, action.finals))
                took = self.faults.train_s.get(member, self._random.uniform(0.1, 2.0))
                state = self._train_state(member, action.finals, action.base)
                done = Trained(action.base_root, action.finals, state)
                self._later(took, lambda: self._tell(member, generation, done))
            case SaveUpdate():
                self._disks[member].update = (action.base_root, action.finals, action.blob)
            case KeepUpdate():
                self.kept[member, action.round, action.reveal.member] = action.blob
                self.reveals[action.round, action.reveal.member] = action.reveal
            case Adopt():
                self._disks[member].model = self.models[member] = action.model
                self.adopted.setdefault(member, []).append(action.model)
                self.adopted_at[member] = self.now
            case Note():
                self.notes.append((member, action))
            case Leave():
                self._processes.pop(member, None)
                self.left.add(member)
            case Enrol() | Commit() | Finalise() | Poke():
                if isinstance(action, Commit):
                    self.commitments.setdefault((member, action.round), set()).add(action.commitment)
                took = self._random.uniform(*self.faults.transaction_s)
                self._later(took, lambda: self._transact(member, generation, action))

    def _send(self, sender: int, send: Send) -> None:
        lie = self.faults.lies.get(sender)
        told = lie(send) if lie else send
        if told is None or self._random.random() < self.faults.loss:
            return
        event = Received(sender, told.round, self._signed(sender, told.message))
        delay = self._random.uniform(*self.faults.delay_s)
        self._later(delay, lambda: self._deliver(told.to, event))

    def _signed(self, sender: int, message: Message) -> Message:
        """Sign a proposal as it is told: a liar signs its lies."""
        state = self.run_state
        if not isinstance(message, Propose):
            return message
        where = (self.contract.chain_id, self.contract.address, 1, state.round, state.base_root, state.commits_hash)
        digest = attest_digest(*where, message.contributors, message.merged_root)
        return replace(message, signature=sign(self._keys[sender], digest))

    def _deliver(self, to: int, event: Received) -> None:
        process = self._processes.get(to)
        if process is not None:
            self._tell(to, process.generation, event)

    def _transact(self, member: int, generation: int, action: LedgerAction) -> None:
        ledger, refusal = self.ledgers[member], None
        try:
            match action:
                case Enrol(weight):
                    ledger.enrol(1, weight)
                case Commit(round_, commitment):
                    ledger.commit(1, round_, commitment)
                case Finalise(round_, contributors, root, signatures):
                    ledger.finalise(1, round_, contributors, root, signatures)
                case Poke():
                    ledger.poke(1)
        except RefusedError as error:
            refusal = error.code
        self._tell(member, generation, Settled(action, refusal))

    def _train_state(self, member: int, finals: int, base: FixedState | None) -> FixedState:
        """Stand in for training: new weights as a pure function of its arguments, as a ``Learner`` promises."""
        noise = np.random.default_rng([self.seed, member + 1, finals])
        move = noise.normal(0, 0.05, self.setting.size).astype(np.float32)
        start = decode(base)["w"] if base else np.zeros(self.setting.size, np.float32)
        return encode({"w": start + move}, FRACTION_BITS)
