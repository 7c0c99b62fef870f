"""A centre's node that stops itself (SIGSTOP) at a named point, so that a test kills it exactly there.

    python -m tests.faults.stopping_node POINT COMMITS train-swarm ...

The process is the real one; only its state machine is watched. It stops when the point is reached in a round before
which it has made ``COMMITS`` commitments, having written "stopped at POINT in round N" to its log: an action's point
lies before the action is done, an event's point before anything follows from it.
"""

from __future__ import annotations

import os
import signal
import sys

from wsi_swarm.cli.main import main
from wsi_swarm.swarm.protocol import events as e
from wsi_swarm.swarm.protocol import message as m
from wsi_swarm.swarm.protocol.round import Machine

ACTIONS = {
    "enrol": lambda a: isinstance(a, e.Enrol),
    "train": lambda a: isinstance(a, e.Train),
    "save": lambda a: isinstance(a, e.SaveUpdate),
    "commit": lambda a: isinstance(a, e.Commit),
    "reveal": lambda a: isinstance(a, e.Send) and isinstance(a.message, m.Reveal),
    "collect": lambda a: isinstance(a, e.KeepUpdate),
    "merge": lambda a: isinstance(a, e.KeepMerge),
    "propose": lambda a: isinstance(a, e.Send) and isinstance(a.message, m.Propose),
    "attest": lambda a: isinstance(a, e.Send) and isinstance(a.message, m.Attest),
    "finalise": lambda a: isinstance(a, e.Finalise),
    "adopt": lambda a: isinstance(a, e.Adopt),
}
"""Before the action is done."""

EVENTS = {
    "committed": lambda v: isinstance(v, e.Settled) and isinstance(v.action, e.Commit) and v.refusal is None,
    "finalised": lambda v: isinstance(v, e.Settled) and isinstance(v.action, e.Finalise) and v.refusal is None,
}
"""After the transaction is in a block, before anything follows from it."""


def watch(point: str, commits: int) -> None:
    """Let every machine of this process stop at the point."""
    handle, round_, made = Machine.handle, [0], set[int]()

    def stop() -> None:
        sys.stderr.write(f"stopped at {point} in round {round_[0]}\n")
        sys.stderr.flush()
        os.kill(os.getpid(), signal.SIGSTOP)

    def watched(self: Machine, event: e.Event, now: float) -> list[e.Action]:
        if isinstance(event, e.ChainSeen):
            round_[0] = event.state.round
        armed = len(made - {round_[0]}) >= commits
        if armed and point in EVENTS and EVENTS[point](event):
            stop()
        if EVENTS["committed"](event):
            made.add(event.action.round)
        actions = handle(self, event, now)
        if armed and point in ACTIONS and any(map(ACTIONS[point], actions)):
            stop()
        return actions

    Machine.handle = watched


if __name__ == "__main__":
    watch(sys.argv[1], int(sys.argv[2]))
    del sys.argv[1:3]
    main()
