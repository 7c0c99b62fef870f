"""Memory of the members over a long run: real processes, sockets and chain, training that does nothing.

python -m benchmarks.long_run [--members 3] [--megabytes 0.5] [--rounds 1000] [--write docs/speed.md]

What counts is whether a later row says more memory than an earlier one.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path

from benchmarks.idle_swarm import Size, play
from benchmarks.report import machine, markdown, write_section

COLUMNS = {
    "after": "after round",
    "rss": "memory of the largest member, MB",
    "seconds": "s per round since the last row",
}


def main() -> None:
    """Measure and print a line of JSON per row."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--members", type=int, default=3)
    parser.add_argument("--megabytes", type=float, default=0.5)
    parser.add_argument("--rounds", type=int, default=1000)
    parser.add_argument("--limit", type=float, default=1800.0, help="seconds after which it is given up")
    parser.add_argument("--write", type=Path, help="document whose table is renewed")
    options = parser.parse_args()
    size = Size(options.members, int(options.megabytes * 1e6 / 4), options.rounds)
    with tempfile.TemporaryDirectory() as folder:
        played = play(Path(folder), size, options.limit)
    rows, last = [], 0
    for share in (0.05, 0.25, 0.5, 0.75, 1.0):
        after = max(1, round(share * options.rounds))
        seconds = (played.ends[after - 1] - (played.ends[last - 1] if last else played.began)) / (after - last)
        rss = max(marks[after - 1].rss_mb for marks in played.marks)
        rows.append({"after": after, "rss": round(rss, 1), "seconds": round(seconds, 2)})
        print(json.dumps(rows[-1]))
        last = after
    if options.write:
        command = f"python -m benchmarks.long_run --members {options.members} --megabytes {options.megabytes:g} "
        text = f"{machine()}. Command: `{command}--rounds {options.rounds}`.\n\n{markdown(COLUMNS, rows)}"
        write_section(options.write, "long run", text)


if __name__ == "__main__":
    main()
