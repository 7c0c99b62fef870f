"""Kill every role of a swarm at every phase and write down what it cost: docs/faults.md.

    python -m benchmarks.faults [--only member] [--write docs/faults.md]

Real processes, chain and sockets on one machine. A victim stops itself at the named point (tests/faults/stopping_node),
is seen to stand there, and is killed with SIGKILL; then it is started again at once, or not at all. "Cost" is the time
from the kill until two more rounds are final, less that of two undisturbed rounds: a member that was merged and then
falls is waited for in the round after.
"""

from __future__ import annotations

import argparse
import itertools
import json
import statistics
import sys
import tempfile
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.report import machine, markdown, write_section
from tests.faults.conftest import DevChain, Swarm, make_swarm, run_config
from tests.waiting import free_port, until
from wsi_swarm.swarm.config import Timeouts
from wsi_swarm.swarm.ledger.base import Phase, Void

if TYPE_CHECKING:
    from collections.abc import Iterator

WAITS = Timeouts(enrol_s=40, commit_s=12, reveal_s=6, attest_s=12, heartbeat_s=0.5, connect_s=2)
LONG_S = 240.0
COLUMNS = {
    "role": "who is killed",
    "phase": "phase",
    "point": "just before it …",
    "then": "afterwards",
    "cost_s": "cost, s",
    "deadline": "deadline that bounds it",
    "deadline_s": "s",
    "voids": "void rounds",
    "verdict": "at most one deadline",
}
COMMIT, REVEAL, TAKEOVER = "commit_s", "reveal_s", "attest_s / 4"


@dataclass(frozen=True)
class Case:
    """One way to fall: who, in which phase, before what (see ``stopping_node``), and which deadline bounds the cost."""

    role: str
    phase: str
    point: str
    words: str
    deadline: str


MEMBER = (
    Case("member", "train", "train", "trains", COMMIT),
    Case("member", "train", "save", "writes its update down", COMMIT),
    Case("member", "commit", "commit", "sends its commitment", COMMIT),
    Case("member", "commit", "committed", "learns that its commitment is in a block", REVEAL),
    Case("member", "reveal", "reveal", "reveals its update", REVEAL),
    Case("member", "reveal", "collect", "keeps an update that it fetched", COMMIT),
    Case("member", "merge", "merge", "writes its merge down", COMMIT),
    Case("member", "attest", "attest", "sends its attestation", COMMIT),
    Case("member", "final", "adopt", "adopts the new model", COMMIT),
)
PROPOSER = (
    Case("proposer", "attest", "propose", "proposes the merge", COMMIT),
    Case("proposer", "final", "finalise", "sends the final transaction", COMMIT),
    Case("proposer", "final", "finalised", "learns that its round is final", COMMIT),
)
COMMITTEE = (
    Case("committee member", "reveal", "collect", "keeps an update that it fetched", COMMIT),
    Case("committee member", "merge", "merge", "writes its merge down", COMMIT),
    Case("committee member", "attest", "attest", "sends its attestation", COMMIT),
)


def seconds_of(deadline: str) -> float:
    """Return how long a deadline is."""
    return {COMMIT: WAITS.commit_s, REVEAL: WAITS.reveal_s, TAKEOVER: WAITS.attest_s / 4, "enrol_s": WAITS.enrol_s}[
        deadline
    ]


@contextmanager
def swarm_of(names: str, dial_only: str = "", **changes: Any) -> Iterator[tuple[Swarm, DevChain]]:
    """Found a swarm on a chain that mines at once; end all its processes afterwards."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        chain = DevChain(root, free_port(), block_time=0)
        chain.start()
        config = run_config(timeouts=WAITS, rounds=changes.pop("rounds", 100_000), weighting="equal", **changes)
        swarm = make_swarm(root, config, tuple(names), chain.url, dial_only)
        try:
            yield swarm, chain
        finally:
            swarm.stop()
            chain.kill()


def finals(swarm: Swarm) -> int:
    """Return how many rounds of the run are final."""
    return swarm.reader.run(1).finals


def pace(swarm: Swarm, rounds: int = 6) -> float:
    """Return the seconds of an undisturbed round: the median of a few."""
    first, times = finals(swarm), [time.monotonic()]
    for number in range(1, rounds + 1):
        until("a round is final", lambda wanted=first + number: finals(swarm) >= wanted, LONG_S)
        times.append(time.monotonic())
    return statistics.median(later - earlier for earlier, later in itertools.pairwise(times))


def contributes(swarm: Swarm, name: str) -> None:
    """Wait until a member is expected to commit again."""
    index = swarm.index(name)
    until(
        f"{name} takes part", lambda: index in (s := swarm.reader.run(1)).expected or s.phase is Phase.FINISHED, LONG_S
    )


def voids(swarm: Swarm) -> int:
    """Return how many rounds were void."""
    return sum(isinstance(event, Void) for event in swarm.reader.events()[0])


def after(swarm: Swarm, normal: float, since: float, already: int) -> float:
    """Wait for two more final rounds; return the seconds beyond two normal ones."""
    until("two more rounds", lambda: finals(swarm) >= already + 2, LONG_S)
    return max(0.0, time.monotonic() - since - 2 * normal)


def undisturbed(swarm: Swarm, victim: str) -> float:
    """Return the seconds of a round in which the victim takes part, and kill it."""
    swarm.start(victim)
    contributes(swarm, victim)
    normal = pace(swarm)
    swarm.kill(victim)
    return normal


def fall(swarm: Swarm, victim: str, case: Case, again: bool, normal: float) -> dict[str, Any]:
    """Let one member fall, and watch."""
    swarm.start(victim, (case.point, 1))
    until(f"{victim} stands at {case.point}", lambda: swarm.stopped(victim) is not None, LONG_S)
    already, before, since = finals(swarm), voids(swarm), time.monotonic()
    swarm.kill(victim)
    if again:
        swarm.start(victim)
    cost = after(swarm, normal, since, already)
    if again:
        contributes(swarm, victim)
        swarm.kill(victim)
    return row(case.role, case.phase, case.words, "started again" if again else "gone", cost, case.deadline) | {
        "voids": voids(swarm) - before
    }


def row(role: str, phase: str, point: str, then: str, cost: float, deadline: str) -> dict[str, Any]:
    """Describe what happened."""
    limit = seconds_of(deadline)
    told = {"role": role, "phase": phase, "point": point, "then": then, "cost_s": round(cost, 1)}
    # A second for the processes of one machine to notice; the takeover of a fallen proposer comes on top of a commit.
    slack = 2.0 + (seconds_of(TAKEOVER) if role == "proposer" else 0.0)
    return told | {"deadline": deadline, "deadline_s": limit, "verdict": "yes" if cost <= limit + slack else "NO"}


def members(cases: tuple[Case, ...], names: str, victim: str, **changes: Any) -> Iterator[dict[str, Any]]:
    """Let one member of a swarm fall in every way, in one long run."""
    with swarm_of(names, **changes) as (swarm, _):
        for name in names.replace(victim, ""):
            swarm.start(name)
        swarm.propose(names[0])
        until("the run goes on", lambda: swarm.reader.run_count() and finals(swarm) > 0, LONG_S)
        normal = undisturbed(swarm, victim)
        for case in cases:
            for again in (True, False):
                yield fall(swarm, victim, case, again, normal)


def enrolment() -> Iterator[dict[str, Any]]:
    """Let a member fall before it enrols: the first round waits for it until the enrolment is over."""
    for again in (True, False):
        with swarm_of("abcd") as (swarm, _):
            for name in "abc":
                swarm.start(name)
            swarm.start("d", ("enrol", 0))
            swarm.propose("a")
            until("d stands before its enrolment", lambda: swarm.stopped("d") is not None, LONG_S)
            until("the others are enrolled", lambda: len(swarm.reader.run(1).enrolled) == 3, LONG_S)
            since = time.monotonic()
            swarm.kill("d")
            if again:
                swarm.start("d")
            until("a round is final", lambda: finals(swarm) > 0, LONG_S)
            cost = max(0.0, time.monotonic() - since - pace(swarm))
            yield row("member", "enrol", "enrols", "started again" if again else "gone", cost, "enrol_s")


def relays() -> Iterator[dict[str, Any]]:
    """Kill one of the two open members at which two that only dial out meet."""
    with swarm_of("abcd", dial_only="cd") as (swarm, _):
        for name in "bcd":
            swarm.start(name)
        swarm.propose("b")
        until("the run goes on", lambda: swarm.reader.run_count() and finals(swarm) > 0, LONG_S)
        normal = undisturbed(swarm, "a")
        for point, phase, words in (("reveal", "reveal", "reveals its update"), ("attest", "attest", "attests")):
            for again in (True, False):
                deadline = REVEAL if point == "reveal" else COMMIT
                yield fall(swarm, "a", Case("relay", phase, point, words, deadline), again, normal)


def chains() -> Iterator[dict[str, Any]]:
    """Kill the chain's only node and bring it back after some seconds: the swarm waits as long, and no longer."""
    with swarm_of("abc") as (swarm, chain):
        for name in "abc":
            swarm.start(name)
        swarm.propose("a")
        until("the run goes on", lambda: swarm.reader.run_count() and finals(swarm) > 0, LONG_S)
        for phase in (Phase.COMMIT, Phase.ATTEST):
            normal = pace(swarm)
            until(phase.name, lambda p=phase: swarm.reader.run(1).phase is p, LONG_S)
            already, before = finals(swarm), voids(swarm)
            chain.kill()
            time.sleep(5.0)
            chain.start()
            cost = after(swarm, normal, time.monotonic(), already)
            told = row("chain node", phase.name.lower(), "any transaction", "back after 5 s", cost, REVEAL)
            yield told | {"voids": voids(swarm) - before, "deadline": "none: counted from its return"}


GROUPS = {
    "enrolment": enrolment,
    "member": lambda: members(MEMBER, "abcd", "d"),
    "proposer": lambda: members(PROPOSER, "abcd", "d"),
    "committee": lambda: members(COMMITTEE, "abcde", "e", committee=3),
    "relay": relays,
    "chain": chains,
}


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=list(GROUPS), nargs="+", default=list(GROUPS))
    parser.add_argument("--write", type=Path, help="document whose tables are renewed")
    options = parser.parse_args()
    for name in options.only:
        rows: list[dict[str, Any]] = []
        for told in GROUPS[name]():
            rows.append(told)
            print(json.dumps(told), flush=True)
            if options.write:
                said = f"{machine()}. Command: `python -m benchmarks.faults {' '.join(sys.argv[1:])}`."
                write_section(options.write, f"faults {name}", f"{said}\n\n{markdown(COLUMNS, rows)}")


if __name__ == "__main__":
    main()
