"""Damage slides by the thousand and watch what reading them does to a process.

    python tests/fuzz/campaign.py --cases 2000 --seed 1 FILE [FOLDER::MEMBER ...]

Each case has a number; case 17 of seed 1 is repeated by ``--seed 1 --only 17 SOURCE``. Writes one JSON object to
stdout: how many cases ended how, and each case that ended in a crash, a hang, an error of the wrong kind, a leak or too
much memory.
"""

from __future__ import annotations

import argparse
import json
import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from queue import Empty, SimpleQueue

from cases import Source, damage

WALL_S = 60.0
"""A case that takes longer hangs; generous, since other work may hold the processors. ``CPU_S`` is the strict one."""
CPU_S = 10.0
GOOD = ("refused: ", "no overview: ", "valid, ", "valid and large, ")


@dataclass
class Attempt:
    """A process that opens damaged slides, started anew after it died."""

    sources: list[str]
    scratch: Path
    wall_s: float
    process: subprocess.Popen[bytes] | None = None
    _rest: bytes = b""

    def ask(self, case: str) -> dict[str, object]:
        """Return what became of a case, also where it killed the process."""
        if self.process is None:
            self._start()
        assert self.process is not None
        self.process.stdin.write(case.encode() + b"\n")
        self.process.stdin.flush()
        return self._answer(self.wall_s)

    def _start(self) -> None:
        environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "2"}
        self.process = subprocess.Popen(
            [
                sys.executable,
                "-X",
                "faulthandler",
                str(Path(__file__).with_name("attempt.py")),
                str(self.scratch),
                *self.sources,
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=(self.scratch / "stderr").open("wb"),
            env=environment,
        )
        self._rest = b""
        self._answer(120)

    def _answer(self, wall_s: float) -> dict[str, object]:
        deadline = time.monotonic() + wall_s
        while b"\n" not in self._rest:
            ready, _, _ = select.select([self.process.stdout], [], [], max(0.0, deadline - time.monotonic()))
            more = os.read(self.process.stdout.fileno(), 65536) if ready else b""
            if not more:
                return self._bury(f"hangs, {wall_s:g} s and no answer" if not ready else "")
            self._rest += more
        line, _, self._rest = self._rest.partition(b"\n")
        return json.loads(line)

    def _bury(self, outcome: str) -> dict[str, object]:
        if outcome:
            self.process.send_signal(signal.SIGABRT)  # faulthandler says where it was
        code = self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()
        self.process = None
        lines = (self.scratch / "stderr").read_text(errors="replace").split("\n")
        fatal = next((number for number, line in enumerate(lines) if line.startswith("Fatal Python error")), len(lines))
        last = " | ".join(line.strip() for line in lines[max(0, fatal - 3) : fatal + 8])
        return {"outcome": f"{outcome or f'killed the process ({code})'}: {last[:900]}", "how": "", "cpu_s": 0.0}

    def close(self) -> None:
        """End the process."""
        if self.process is not None:
            self.process.stdin.close()
            self.process.wait()


@dataclass
class Results:
    """What became of all cases."""

    counts: Counter[str] = field(default_factory=Counter)
    by_source: dict[str, Counter[str]] = field(default_factory=dict)
    bad: list[dict[str, object]] = field(default_factory=list)
    slowest_s: float = 0.0


def run(texts: list[str], numbers: list[int], seed: int, processes: int, readers: list[str], wall_s: float) -> Results:
    """Run cases; case n takes source n modulo their number."""
    sources = [Source.of(text) for text in texts]
    queue: SimpleQueue[int] = SimpleQueue()
    for number in numbers:
        queue.put(number)
    results, lock = Results(), threading.Lock()
    memory = Path("/dev/shm")
    root = Path(tempfile.mkdtemp(prefix="fuzz-", dir=memory if os.access(memory, os.W_OK) else None))

    def work(index: int) -> None:
        scratch = root / str(index)
        scratch.mkdir()
        attempt = Attempt(texts, scratch, wall_s)
        while True:
            try:
                number = queue.get_nowait()
            except Empty:
                break
            which = number % len(sources)
            for reader in readers:
                answer = attempt.ask(f"{which} {seed_of(seed, number)} {reader}")
                with lock:
                    _count(results, sources[which], number, seed_of(seed, number), reader, answer)
        attempt.close()

    threads = [threading.Thread(target=work, args=(index,)) for index in range(processes)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    shutil.rmtree(root)
    return results


def seed_of(seed: int, number: int) -> int:
    """Return what a case's damage is drawn from."""
    return seed * 10_000_000 + number


def how(source: Source, seed: int) -> str:
    """Return the names of a case's mutations; the process that made them may be dead."""
    return damage((source.folder / source.member).read_bytes(), seed)[1]


def _count(results: Results, source: Source, number: int, seed: int, reader: str, answer: dict[str, object]) -> None:
    outcome, cpu_s = str(answer["outcome"]), float(answer["cpu_s"])
    good = outcome.startswith(GOOD) and cpu_s <= CPU_S
    word = outcome.split(":")[0].split(",")[0] if good else "bad"
    results.counts[word] += 1
    results.by_source.setdefault(source.name, Counter())[word] += 1
    results.slowest_s = max(results.slowest_s, cpu_s)
    if not good:
        print(source.name, number, reader, outcome[:200], file=sys.stderr, flush=True)
        results.bad.append(
            {"source": source.name, "case": number, "reader": reader, **answer, "how": how(source, seed)}
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sources", nargs="+")
    parser.add_argument("--cases", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", type=int, action="append", help="number of a case to repeat; may be repeated")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--wall-s", type=float, default=WALL_S, help="a case without an answer after this hangs")
    parser.add_argument("--reader", action="append", help="auto, openslide, jpeg-tiff; may be repeated")
    arguments = parser.parse_args()
    numbers = arguments.only if arguments.only else list(range(arguments.cases))
    started = time.monotonic()
    results = run(
        arguments.sources, numbers, arguments.seed, arguments.processes, arguments.reader or ["auto"], arguments.wall_s
    )
    whole = {
        "cases": sum(results.counts.values()),
        "seed": arguments.seed,
        "counts": results.counts,
        "by_source": results.by_source,
        "slowest_cpu_s": results.slowest_s,
        "seconds": round(time.monotonic() - started, 1),
        "bad": results.bad,
    }
    print(json.dumps(whole, indent=1))


if __name__ == "__main__":
    main()
