"""What goes wrong in a simulation: values, the menu by name, and what a seed draws from it."""

from __future__ import annotations

import random
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal

from wsi_swarm.swarm.merge.adam import Adam
from wsi_swarm.swarm.merge.mean import Mean
from wsi_swarm.swarm.merge.median import Median
from wsi_swarm.swarm.merge.momentum import Momentum
from wsi_swarm.swarm.merge.multi_krum import MultiKrum
from wsi_swarm.swarm.merge.whole import MergePlan, SyncPlan
from wsi_swarm.swarm.simulation.chain import ChainPlan, Window
from wsi_swarm.swarm.simulation.lies import LIARS
from wsi_swarm.swarm.simulation.network import Cut, Weather
from wsi_swarm.swarm.simulation.setting import Setting

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

Damage = Literal["none", "update", "model", "all"]


@dataclass(frozen=True)
class Outage:
    """A member's process dies and is started again ``down_s`` later (never, if None).

    Attributes
    ----------
    at
        Seconds after the beginning.
    steps
        Dies at its so-manyth action after ``at``, between two actions or in the middle of writing; 0 dies at ``at``.
    damage
        What of the disk is lost: nothing, the own update (writing was cut short), the models, or everything.
    """

    member: int
    at: float
    down_s: float | None
    damage: Damage = "none"
    steps: int = 0


@dataclass(frozen=True)
class Drift:
    """A local clock that began ``offset_s`` apart and runs ``rate`` times as fast."""

    offset_s: float
    rate: float


@dataclass(frozen=True)
class Faults:
    """Everything that goes wrong.

    Attributes
    ----------
    pauses
        A process stands still, and goes on with all that has come in meanwhile.
    removals
        The others vote a member out at this time.
    leaves
        A member leaves the run, and is started again to come back at the end of the window.
    train_s
        How long a member's training takes, if it begins before ``slow_until``.
    lies
        By member, a name of ``lies.LIARS``.
    impure
        Training a second time gives other bytes.
    """

    weather: Weather = field(default_factory=Weather)
    chain: ChainPlan = field(default_factory=ChainPlan)
    outages: tuple[Outage, ...] = ()
    pauses: tuple[tuple[int, Window], ...] = ()
    removals: Mapping[int, float] = field(default_factory=dict[int, float])
    leaves: Mapping[int, Window] = field(default_factory=dict[int, Window])
    starts_late: Mapping[int, float] = field(default_factory=dict[int, float])
    train_s: Mapping[int, float] = field(default_factory=dict[int, float])
    slow_until: float = float("inf")
    drifts: Mapping[int, Drift] = field(default_factory=dict[int, Drift])
    lies: Mapping[int, str] = field(default_factory=dict[int, str])
    impure: bool = False

    @property
    def gone(self) -> frozenset[int]:
        """Members that die for good."""
        return frozenset(outage.member for outage in self.outages if outage.down_s is None)

    @property
    def over(self) -> float:
        """When the last fault is over, in seconds after the beginning; what never ends counts from its start."""
        ends = [self.weather.over, self.chain.over]
        ends += [outage.at + (outage.down_s or 0.0) for outage in self.outages]
        ends += [window.end for _, window in self.pauses]
        ends += [*self.removals.values(), *self.starts_late.values(), *(window.end for window in self.leaves.values())]
        ends += [self.slow_until + max(self.train_s.values())] if self.train_s else []
        return max(ends)

    def troubles(self, member: int) -> list[Window]:
        """When a member may be hindered by something that is not its fault, apart from its outages."""
        found = [window for who, window in (*self.pauses, *self.chain.blinds) if who == member]
        found += [Window(0.0, self.weather.over), *self.chain.stalls]
        found += [Window(at, at + self.chain.finality_s * 2) for at, _ in self.chain.reorgs]
        found += [self.leaves[member]] if member in self.leaves else []
        found += [Window(0.0, self.starts_late[member])] if member in self.starts_late else []
        slow = self.train_s.get(member)
        found += [Window(0.0, self.slow_until + slow)] if slow else []
        return found


# What a seed draws ------------------------------------------------------------------------------------------------


@dataclass
class _Draw:
    """A draw under way; ``spare`` are members that may still fail for good with a live quorum left."""

    chance: random.Random
    setting: Setting
    until: float
    spare: list[int]
    faults: Faults

    @property
    def members(self) -> int:
        return self.setting.members

    def some(self) -> list[int]:
        """Draw some members, one at least."""
        return self.chance.sample(range(self.members), self.chance.randint(1, self.members))

    def spares(self) -> list[int]:
        """Draw members that may fail for good: none if there is none left."""
        count = self.chance.randint(1, len(self.spare)) if self.spare else 0
        taken, self.spare = self.spare[:count], self.spare[count:]
        return taken

    def window(self, longest: float) -> Window:
        """Draw a time."""
        start = self.chance.uniform(0.0, self.until)
        return Window(start, start + self.chance.uniform(0.2, longest))

    def weather(self, **changes: object) -> None:
        """Change the weather."""
        self.faults = replace(self.faults, weather=replace(self.faults.weather, until=self.until, **changes))

    def chain(self, **changes: object) -> None:
        """Change the chain."""
        self.faults = replace(self.faults, chain=replace(self.faults.chain, **changes))

    def change(self, **changes: object) -> None:
        """Change the other faults."""
        self.faults = replace(self.faults, **changes)


def _loss(draw: _Draw) -> None:
    draw.weather(loss=draw.chance.choice([0.02, 0.1, 0.3]))


def _delay(draw: _Draw) -> None:
    slowest = draw.chance.choice([0.2, 0.5, 1.0])
    draw.weather(delay_s=(0.01, slowest))


def _reorder(draw: _Draw) -> None:
    draw.weather(straggle=draw.chance.choice([0.1, 0.5]), straggle_s=draw.chance.choice([1.0, 5.0, 30.0]))


def _duplicate(draw: _Draw) -> None:
    draw.weather(duplicate=draw.chance.choice([0.1, 0.5]), straggle=0.2, straggle_s=draw.chance.choice([1.0, 20.0]))


def _partition(draw: _Draw) -> None:
    cuts = list(draw.faults.weather.cuts)
    for _ in range(draw.chance.randint(1, 3)):
        window = draw.window(1.5 * draw.setting.deadline_s)
        cuts.append(Cut(window.start, window.end, frozenset(draw.some()), draw.chance.random() < 0.3))
    draw.weather(cuts=tuple(cuts))


def _outages(draw: _Draw, members: list[int], damages: tuple[Damage, ...]) -> None:
    chance, found = draw.chance, list(draw.faults.outages)
    together = chance.uniform(0.0, draw.until)
    at_once = chance.random() < 0.3
    for member in members:
        at = together if at_once else chance.uniform(0.0, draw.until)
        steps = 0 if at_once else chance.choice([0, chance.randint(1, 20)])
        down_s = chance.choice([0.1, 1.0, chance.uniform(2.0, draw.setting.deadline_s)])
        found.append(Outage(member, at, down_s, chance.choice(damages), steps))
    draw.change(outages=tuple(found))


def _crash(draw: _Draw) -> None:
    for _ in range(draw.chance.randint(1, 2)):
        _outages(draw, draw.some(), ("none",))


def _torn(draw: _Draw) -> None:
    """Lose disks; models only of so few that each final one is left with somebody."""
    draw.change(impure=draw.faults.impure or draw.chance.random() < 0.5)
    _outages(draw, draw.some(), ("update",))
    if damaged := draw.spares():
        _outages(draw, damaged, ("model", "all"))


def _gone(draw: _Draw) -> None:
    outages = [Outage(member, draw.chance.uniform(0.0, draw.until), None) for member in draw.spares()]
    draw.change(outages=(*draw.faults.outages, *outages))


def _late(draw: _Draw) -> None:
    late = {member: draw.chance.uniform(0.0, draw.until) for member in draw.some()}
    draw.change(starts_late={**draw.faults.starts_late, **late})


def _slow(draw: _Draw) -> None:
    train_s = {member: draw.chance.uniform(2.0, 1.5 * draw.setting.commit_s) for member in draw.some()}
    pauses = tuple((member, draw.window(draw.setting.reveal_s * 2)) for member in draw.some())
    draw.change(train_s=train_s, slow_until=draw.until, pauses=pauses)


def _lying(draw: _Draw, names: tuple[str, ...]) -> None:
    lies = {member: draw.chance.choice(names) for member in draw.spares()}
    draw.change(lies={**draw.faults.lies, **lies})


def _lie(draw: _Draw) -> None:
    _lying(draw, tuple(sorted(LIARS)))


def _equivocate(draw: _Draw) -> None:
    _lying(draw, ("equivocation", "open-equivocation"))


def _withhold(draw: _Draw) -> None:
    _lying(draw, ("withhold", "two-faced", "mute"))


def _stall(draw: _Draw) -> None:
    draw.chain(stalls=tuple(draw.window(1.2 * draw.setting.deadline_s) for _ in range(draw.chance.randint(1, 2))))


def _blind(draw: _Draw) -> None:
    draw.chain(blinds=tuple((member, draw.window(draw.setting.deadline_s)) for member in draw.some()))


def _reorg(draw: _Draw) -> None:
    """Replace blocks that are not final yet (the setting has a block time then)."""
    depths = range(1, draw.faults.chain.confirmations + 1)
    times = sorted(draw.chance.uniform(0.0, draw.until) for _ in range(draw.chance.randint(1, 5)))
    draw.chain(reorgs=tuple((at, draw.chance.choice(depths)) for at in times))


def _skew(draw: _Draw) -> None:
    chance = draw.chance
    drifts = {m: Drift(chance.uniform(0.0, 1e6), chance.uniform(0.95, 1.05)) for m in draw.some()}
    draw.change(drifts=drifts)
    draw.chain(skew_s=chance.choice([0.0, 1.0, 3.0]))
    if draw.faults.chain.block_s:
        draw.chain(lag={m: chance.randint(0, 2) for m in draw.some()})


def _remove(draw: _Draw) -> None:
    draw.change(removals={member: draw.chance.uniform(0.0, draw.until) for member in draw.spares()[:1]})


def _leave(draw: _Draw) -> None:
    draw.change(leaves={member: draw.window(draw.setting.deadline_s) for member in draw.spares()})


MENU: dict[str, Callable[[_Draw], None]] = {
    "loss": _loss,
    "delay": _delay,
    "reorder": _reorder,
    "duplicate": _duplicate,
    "partition": _partition,
    "crash": _crash,
    "torn": _torn,
    "gone": _gone,
    "late": _late,
    "slow": _slow,
    "lie": _lie,
    "equivocate": _equivocate,
    "withhold": _withhold,
    "stall": _stall,
    "blind": _blind,
    "reorg": _reorg,
    "skew": _skew,
    "remove": _remove,
    "leave": _leave,
}
"""Faults by the name that ``--faults`` knows."""


def draw_mix(seed: int) -> tuple[str, ...]:
    """Draw which faults come together: none to five."""
    chance = random.Random(f"mix {seed}")  # noqa: S311 (a simulation wants repeatable chance)
    return tuple(sorted(chance.sample(sorted(MENU), chance.choice([0, 1, 2, 2, 3, 4, 5]))))


def draw(seed: int, names: tuple[str, ...], members: int | None = None) -> tuple[Setting, Faults]:
    """Draw a run and what goes wrong in it.

    Parameters
    ----------
    names
        Of ``MENU``.
    members
        How many; None draws it.

    Returns
    -------
    setting, faults
        At any time so many members are honest and not gone for good that they are a quorum.
    """
    chance = random.Random(f"faults {seed}")  # noqa: S311
    drawn = chance.choice([2, 3, 3, 4, 5, 6, 8])
    count = members or drawn
    chain = ChainPlan()
    if "reorg" in names:
        chain = ChainPlan(chance.choice([0.5, 1.0, 2.0]), chance.randint(1, 4))
    elif chance.random() < 0.5:
        chain = ChainPlan(chance.choice([0.5, 1.0, 2.0]), chance.choice([0, 0, 1, 2]))
    setting = draw_setting(chance, count, chain)
    lives = max(setting.min_peers, count // 2 + 1)
    spare = chance.sample(range(count), count - lives)
    if setting.committee:  # a quorum of any committee must be left
        spare = spare[: setting.committee - max(setting.min_peers, setting.committee // 2 + 1)]
    told = _Draw(chance, setting, chance.uniform(5.0, 1.5 * setting.deadline_s), spare, Faults(chain=chain))
    for name in names:
        MENU[name](told)
    return setting, told.faults


def draw_setting(chance: random.Random, members: int, chain: ChainPlan) -> Setting:
    """Draw a run of so many members; a slower chain gets longer phases, as people would choose them."""
    lag = int(3 * (chain.finality_s + 2 * chain.block_s))
    min_peers = chance.randint(2, max(2, members // 2 + 1))
    committee = chance.randint(min_peers, members) if chance.random() < 0.3 else 0
    rule = chance.choice(_RULES)
    if rule.robust:
        min_peers = max(min_peers, rule.fewest)
    if min_peers > members or 0 < committee < min_peers:
        rule, min_peers, committee = Mean(), 2, 0
    return Setting(
        members=members,
        rounds=chance.randint(2, 4),
        min_peers=min_peers,
        committee=committee,
        merge=MergePlan(rule, not rule.robust and chance.random() < 0.7, chance.choice(_SYNCS)),
        update_bits=chance.choice([32, 32, 16]),
        commit_s=10 + lag,
        reveal_s=6 + lag,
        attest_s=8 + lag,
        poll_s=0.5,
        size=chance.choice([1, 40, 40, 40, 40, 40, 40, 70_000]),
    )


_RULES = (Mean(), Mean(), Mean(), Momentum(), Adam(0.1), Median(1), MultiKrum(1))
_SYNCS = (SyncPlan(), SyncPlan(), SyncPlan(steps=2, longest=8))
