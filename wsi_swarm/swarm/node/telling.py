"""What a node tells: lines for the person beside it, and a status for ``swarm status`` in another process."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from wsi_swarm.swarm.ledger.base import Event, Final, RunState, Void, VoidReason

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

_WHY_VOID = {
    VoidReason.TOO_FEW_COMMITS: "too few centres committed in time",
    VoidReason.NO_QUORUM: "no quorum attested in time",
    VoidReason.REJECTED: "so many centres could not attest that no quorum was left",
}


class Telling:
    """What one node has to say of its run.

    Attributes
    ----------
    own_loss
        Of the last training.
    losses
        Training losses that the members told with their updates, by account; None where one told none.

    Parameters
    ----------
    earlier
        The last status of this run from before this start: what it counts goes on.
    """

    def __init__(self, run: int, say: Callable[[str], None], earlier: Mapping[str, object]) -> None:
        self._run, self._say, self._earlier = run, say, earlier
        self._round_began = time.monotonic()
        self.own_loss: float | None = None
        self.losses: dict[str, float | None] = {}

    def of_rounds(self, events: Sequence[Event], name: Callable[[int], str]) -> None:
        """Say which rounds became final or void."""
        for event in events:
            match event:
                case Final(run=self._run):
                    took, self._round_began = time.monotonic() - self._round_began, time.monotonic()
                    who = ", ".join(name(member) for member in sorted(event.contributors))
                    loss = "" if self.own_loss is None else f"own loss {self.own_loss:.4f}; "
                    root = event.merged_root.hex()[:12]
                    self._say(f"round {event.round} final after {took:.1f} s: merged {who}; {loss}root {root}")
                case Void(run=self._run):
                    self._round_began = time.monotonic()
                    self._say(f"round {event.round} void: {_WHY_VOID[event.reason]}; the model stays as it was")
                case _:
                    pass

    def status(
        self, state: RunState, traffic: Mapping[str, int], heard_s: Mapping[str, float], now: float
    ) -> dict[str, object]:
        """Return what the chain does not know, as JSON values; ``now`` is Unix time, ``heard_s`` by account."""
        return {
            "run": self._run,
            "round": state.round,
            "phase": state.phase.name.lower(),
            **{name: count + self._before(name) for name, count in traffic.items()},
            "losses": dict(self.losses),
            "peers": {account: {"heard_s": seconds} for account, seconds in heard_s.items()},
            "updated": now,
        }

    def _before(self, name: str) -> int:
        count = self._earlier.get(name)
        return count if isinstance(count, int) else 0
