"""The chain under the simulated swarm: the pure model of the contract in blocks that take time, stall and are replaced.

A block that may still be replaced keeps a copy of the contract after it. Readers see the newest block that no
reorganisation can reach any more, and a transaction counts as done when it lies in such a block.
"""

from __future__ import annotations

import copy
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

from wsi_swarm.swarm.ledger.errors import RefusedError
from wsi_swarm.swarm.ledger.model import ContractModel, ModelLedger
from wsi_swarm.swarm.ledger.model_registry import RegistryModel
from wsi_swarm.swarm.ledger.model_run import RunModel
from wsi_swarm.swarm.protocol.events import ChainSeen

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Sequence

    from wsi_swarm.swarm.ledger.base import Candidate
    from wsi_swarm.swarm.simulation.clock import Clock

_RECORDS = {RegistryModel.__module__, RunModel.__module__}
"""Where the records of the model are defined: a run, a vote."""

RUN = 1
VOTING_S = 3600


@dataclass(frozen=True)
class Window:
    """From ``start`` to ``end``, in seconds after the beginning."""

    start: float
    end: float

    def holds(self, passed: float) -> bool:
        """Whether it is open now."""
        return self.start <= passed < self.end


@dataclass(frozen=True)
class ChainPlan:
    """How the chain works and what goes wrong with it; times in seconds.

    Attributes
    ----------
    block_s
        Between two blocks; 0 mines each transaction at once.
    confirmations
        Blocks on top of one after which it is taken for final.
    transaction_s
        Until a transaction is known to the sealers.
    lag
        By member: so many blocks is its chain node behind.
    stalls
        No block is made.
    blinds
        By member: its chain node does not answer; what it had taken is mined all the same.
    reorgs
        ``(when, depth)``: so many blocks are replaced by others, with other transactions in another order.
    skew_s
        Block times are off by up to so much.
    """

    block_s: float = 0.0
    confirmations: int = 0
    transaction_s: tuple[float, float] = (0.05, 1.0)
    lag: dict[int, int] = field(default_factory=dict[int, int])
    stalls: tuple[Window, ...] = ()
    blinds: tuple[tuple[int, Window], ...] = ()
    reorgs: tuple[tuple[float, int], ...] = ()
    skew_s: float = 0.0

    @property
    def finality_s(self) -> float:
        """Until a transaction is in a final block, when all is well."""
        lag = max(self.lag.values(), default=0)
        return self.transaction_s[1] + self.block_s * (1 + self.confirmations + lag)

    @property
    def over(self) -> float:
        """When the last fault of the chain is over."""
        ends = [window.end for window in self.stalls] + [window.end for _, window in self.blinds]
        ends += [at + self.finality_s + self.block_s * (depth + 1) for at, depth in self.reorgs]
        return max(ends, default=0.0)


@dataclass(eq=False)
class _Transaction:
    nonce: int
    member: int
    call: Callable[[ModelLedger], object]
    settle: Callable[[str | None], object]
    told: bool = False
    refusal: str | None = None


@dataclass(eq=False)
class _Block:
    """The contract after a block; ``model`` is a copy once something newer was mined, if it is still needed."""

    height: int
    time: int
    model: ContractModel
    transactions: tuple[_Transaction, ...]
    seen: tuple[int, ChainSeen] | None = None


class BlockTime:
    """The clock of one contract: the time of the block that it stands in."""

    def __init__(self, time: int) -> None:
        self.time = time

    def __call__(self) -> int:
        """Return whole seconds."""
        return self.time


class Chain:
    """Blocks of the contract.

    Attributes
    ----------
    contract
        The contract after the newest block.
    on_block
        Called with the contract after each block that has become final.
    """

    def __init__(
        self,
        founders: Sequence[Candidate],
        clock: Clock,
        chance: random.Random,
        plan: ChainPlan,
        on_block: Callable[[ContractModel], object],
    ) -> None:
        self.plan, self._clock, self._chance, self._on_block = plan, clock, chance, on_block
        self.contract = ContractModel(founders, VOTING_S, BlockTime(int(clock.now)))
        self._accounts = [founder.account for founder in founders]
        self._pool: list[_Transaction] = []
        self._nonce = 0
        self._final_height = -1
        self._depth = plan.confirmations + max(plan.lag.values(), default=0)
        self._keeps = self._depth > 0 or bool(plan.reorgs)
        self._blocks: deque[_Block] = deque()
        self._put_block(())
        if plan.block_s:
            clock.later(plan.block_s, self._tick)
        for at, depth in plan.reorgs:
            clock.at(at, lambda depth=depth: self._reorganise(depth))

    # What members see and send -------------------------------------------------------------------------------------

    def seen_by(self, member: int) -> ChainSeen | None:
        """Return what a member's chain node tells it, or None while that node does not answer."""
        passed = self._clock.passed
        if any(who == member and window.holds(passed) for who, window in self.plan.blinds):
            return None
        block = self._view(self.plan.lag.get(member, 0))
        now = block.time if self.plan.block_s else int(self._clock.now)
        if block.seen is None or block.seen[0] != now:
            model = block.model
            cast("BlockTime", model.clock).time = now
            state = model.run_state(RUN)
            commits = dict(model.commit_log.get((RUN, state.round), {}))
            block.seen = (now, ChainSeen(state, commits, tuple(model.member_list)))
        return block.seen[1]

    def submit(
        self, member: int, call: Callable[[ModelLedger], object], settle: Callable[[str | None], object]
    ) -> None:
        """Send a transaction; ``settle`` is told once it is final (None) or refused (the code), or not at all."""
        if self.seen_by(member) is None:
            self._clock.later(0.01, lambda: settle("UnreachableError"))
            return
        self._nonce += 1
        transaction = _Transaction(self._nonce, member, call, settle)
        self._clock.later(self._chance.uniform(*self.plan.transaction_s), lambda: self._arrive(transaction))

    def at_once(self, member: int, call: Callable[[ModelLedger], object]) -> None:
        """Do something in a block of its own, before the simulation begins."""
        call(ModelLedger(self.contract, self._accounts[member]))
        self._blocks[-1].seen = None

    # Blocks --------------------------------------------------------------------------------------------------------

    def _view(self, lag: int) -> _Block:
        return self._blocks[max(0, len(self._blocks) - 1 - self.plan.confirmations - lag)]

    def _arrive(self, transaction: _Transaction) -> None:
        self._pool.append(transaction)
        if not self.plan.block_s:
            self._mine_or_wait()

    def _mine_or_wait(self) -> None:
        stall = next((window for window in self.plan.stalls if window.holds(self._clock.passed)), None)
        if stall is not None:
            self._clock.at(stall.end, self._mine_or_wait)
        elif self._pool:
            self._mine()

    def _tick(self) -> None:
        if not any(window.holds(self._clock.passed) for window in self.plan.stalls):
            self._mine()
        self._clock.later(self.plan.block_s, self._tick)

    def _mine(self) -> None:
        """Make a block of all that waits."""
        taken, self._pool = self._pool, []
        order = {member: self._chance.random() for member in sorted({one.member for one in taken})}
        taken.sort(key=lambda one: (order[one.member], one.nonce))  # any order, but each sender's own is kept
        newest = self._blocks[-1]
        if self._keeps and taken:
            self.contract = copy_of(self.contract)
        skew = self._chance.uniform(-self.plan.skew_s, self.plan.skew_s) if self.plan.skew_s else 0.0
        time = max(newest.time, int(self._clock.now + skew))
        cast("BlockTime", self.contract.clock).time = time
        for transaction in taken:
            transaction.refusal = None
            try:
                transaction.call(ModelLedger(self.contract, self._accounts[transaction.member]))
            except RefusedError as error:
                transaction.refusal = error.code
        self._put_block(tuple(taken), time)

    def _put_block(self, transactions: tuple[_Transaction, ...], time: int | None = None) -> None:
        height = self._blocks[-1].height + 1 if self._blocks else 0
        block = _Block(height, int(self._clock.now) if time is None else time, self.contract, transactions)
        self._blocks.append(block)
        while len(self._blocks) > 2 * self._depth + 8:
            self._blocks.popleft()
        final = self._view(0)
        if final.height > self._final_height:
            self._final_height = final.height
            self._on_block(final.model)
            for transaction in final.transactions:
                self._tell(transaction)

    def _tell(self, transaction: _Transaction) -> None:
        """Tell the sender how it ended: its chain node may not answer just then."""
        if transaction.told:
            return
        transaction.told = True
        blind = self.seen_by(transaction.member) is None
        told = "UnreachableError" if blind else transaction.refusal
        if self.plan.block_s:
            self._clock.later(self._chance.uniform(0.01, 0.2), lambda: transaction.settle(told))
        else:
            transaction.settle(told)

    def _reorganise(self, depth: int) -> None:
        """Replace the newest blocks: another sealer's branch has become the longer one.

        What had been in them is sent again by its senders: some at once, some only when they notice.
        """
        depth = min(depth, len(self._blocks) - 1)
        dropped = [self._blocks.pop() for _ in range(depth)]
        self.contract = copy_of(self._blocks[-1].model)
        waiting = [one for block in dropped for one in block.transactions] + self._pool
        self._pool = []
        for member in sorted({one.member for one in waiting}):
            own = [one for one in waiting if one.member == member]
            notice = self._chance.choice((0.0, self._chance.uniform(0.2, 1.0 + self.plan.block_s)))
            self._clock.later(notice, lambda own=own: self._pool.extend(own))
        for _ in range(depth + 1):
            self._mine()


def copy_of(model: ContractModel) -> ContractModel:
    """Return a contract that goes on from here by itself."""
    twin = copy.copy(model)
    for name, value in vars(model).items():
        setattr(twin, name, list(model.log) if name == "log" else _copied(value))
    twin.clock = BlockTime(model.clock())
    return twin


def _copied(value: Any) -> Any:
    """Copy what can change: containers and the records in them; all else is shared."""
    if isinstance(value, list):
        return [_copied(one) for one in cast("list[Any]", value)]
    if isinstance(value, dict):
        return {key: _copied(one) for key, one in cast("dict[Any, Any]", value).items()}
    if isinstance(value, set):
        return set(cast("set[Any]", value))
    if type(value).__module__ in _RECORDS:
        twin = copy.copy(value)
        for name, part in cast("dict[str, Any]", vars(value)).items():
            setattr(twin, name, _copied(part))
        return twin
    return value
