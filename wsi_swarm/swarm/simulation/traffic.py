"""What each member of a large swarm sends and receives when a rotating committee merges."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from wsi_swarm.swarm.simulation.faults import Faults
from wsi_swarm.swarm.simulation.setting import Setting
from wsi_swarm.swarm.simulation.world import Simulation

if TYPE_CHECKING:
    from typing import Any


@dataclass(frozen=True)
class Row:
    """Bytes per member and round, over all members."""

    mean: float
    least: float
    most: float


@dataclass(frozen=True)
class Traffic:
    """Bytes per member and round in signed frames; the heartbeats of idle links are not among them."""

    nodes: int
    committee: int
    rounds: int
    update_bytes: int
    voids: int
    sent: Row
    received: Row

    def told(self) -> dict[str, Any]:
        """Return it as plain values."""
        return asdict(self)


def measure(nodes: int, committee: int, rounds: int, size: int, seed: int) -> Traffic:
    """Run a swarm without faults and count.

    Parameters
    ----------
    size
        Values of the model.
    """
    setting = Setting(
        members=nodes, rounds=rounds, committee=committee, commit_s=30, reveal_s=30, attest_s=30, size=size, poll_s=1.0
    )
    simulation = Simulation(seed, setting, Faults(), count_bytes=True).run()
    network = simulation.network
    return Traffic(
        nodes,
        committee,
        rounds,
        len(simulation.initial.to_bytes()),
        simulation.checks.voids,
        _row(network.sent_bytes, rounds),
        _row(network.received_bytes, rounds),
    )


def _row(bytes_by_member: list[int], rounds: int) -> Row:
    each = sorted(count / rounds for count in bytes_by_member)
    return Row(sum(each) / len(each), each[0], each[-1])
