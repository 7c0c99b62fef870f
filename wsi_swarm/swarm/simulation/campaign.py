"""Many simulations: what each seed drew, whether all held, and how long a live quorum took."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from wsi_swarm.swarm.simulation.checks import BrokenError
from wsi_swarm.swarm.simulation.clock import START
from wsi_swarm.swarm.simulation.faults import draw, draw_mix
from wsi_swarm.swarm.simulation.world import Simulation

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Any

DEADLINES = 2
"""A live quorum makes a round final within so many deadlines of the last fault."""


@dataclass(frozen=True)
class Verdict:
    """What one seed came to.

    Attributes
    ----------
    waited
        Longest time without a final round after the last fault was over, in deadlines of a round.
    broken
        What did not hold, or None.
    """

    seed: int
    members: int
    faults: tuple[str, ...]
    finals: int
    voids: int
    virtual_s: float
    steps: int
    waited: float
    broken: str | None

    @property
    def command(self) -> str:
        """The one line that repeats it."""
        faults = ",".join(self.faults) or "none"
        return f"wsi-swarm swarm simulate --nodes {self.members} --seed {self.seed} --faults {faults}"

    def told(self) -> dict[str, Any]:
        """Return it as plain values."""
        return {**asdict(self), "command": self.command}


def play(seed: int, names: tuple[str, ...] | None = None, members: int | None = None) -> Verdict:
    """Play one seed; without ``names`` and ``members`` the seed draws them too."""
    mix = draw_mix(seed) if names is None else names
    setting, faults = draw(seed, mix, members)
    simulation = Simulation(seed, setting, faults)
    broken: str | None = None
    try:
        simulation.run()
    except BrokenError as error:
        broken = str(error)
    except Exception as error:  # noqa: BLE001 (whatever a machine raises is a finding, told with its seed)
        broken = f"{type(error).__name__}: {error}"
    checks = simulation.checks
    waited = checks.longest_wait(START + faults.over, simulation.now) / setting.deadline_s
    if broken is None and waited > DEADLINES:
        broken = f"no round was final for {waited:.2f} deadlines after the last fault"
    if broken is None:
        broken = _unequal_end(simulation)
    return Verdict(
        seed,
        setting.members,
        mix,
        len(checks.finals),
        checks.voids,
        round(simulation.now - START, 3),
        simulation.record.steps,
        round(waited, 3),
        broken,
    )


def play_all(
    seeds: Iterable[int], names: tuple[str, ...] | None = None, members: int | None = None
) -> Iterator[Verdict]:
    """Play seed after seed."""
    for seed in seeds:
        yield play(seed, names, members)


def _unequal_end(simulation: Simulation) -> str | None:
    """Say who did not end with the model of the chain."""
    root = simulation.run_state.base_root
    removed = simulation.faults.removals.keys() | simulation.faults.leaves.keys()
    for member in sorted(simulation.record.left - simulation.faults.lies.keys() - removed):
        if simulation.record.models[member].root != root:
            return f"member {member} left with another model than the chain's"
    return None
