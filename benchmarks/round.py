"""Overhead of a swarm round: real node processes and a dev chain that mines at once; training does nothing.

    python -m benchmarks.round [--members 3 8] [--megabytes 2] [--rounds 10] [--peers FOLDER] [--write docs/speed.md]

With ``--peers`` (made by ``benchmarks/peers/install.py``) Flower and NVFlare's swarm workflow do the same on the same
machine, each in a network namespace of its own (needs root). Prints one line of JSON per case; ``--write`` puts the
table into a document.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.idle_swarm import Played, Size, play
from benchmarks.report import machine, markdown, write_section
from wsi_swarm.swarm.ledger.base import Void

PEERS = {"flower": "flower_round.py", "nvflare": "nvflare_round.py"}
COLUMNS = {
    "system": "system",
    "members": "members",
    "model_mb": "model, MB",
    "seconds_per_round_median": "s per round, median",
    "seconds_per_round_max": "max",
    "cpu_s_per_round": "CPU s per round, all processes",
    "wire_mb_per_round": "MB on the wire per round",
    "wire_over_models": "of this, (n-1) models per member = 1",
    "start_up_s": "start-up, s",
    "peak_rss_mb_all": "peak RSS, MB, all",
    "note": "",
}


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--members", type=int, nargs="+", default=[3, 8])
    parser.add_argument("--megabytes", type=float, nargs="+", default=[2.0])
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--committee", type=int, default=0)
    parser.add_argument("--limit", type=float, default=400.0, help="seconds that one case may take")
    parser.add_argument("--peers", type=Path, help="folder of the peers' environments")
    parser.add_argument("--peer-rounds", type=int, default=5)
    parser.add_argument("--write", type=Path, help="document whose table is renewed")
    options = parser.parse_args()
    rows: list[dict[str, Any]] = []
    for megabytes, members in itertools.product(options.megabytes, options.members):
        size = Size(members, int(megabytes * 1e6 / 4), options.rounds, options.committee)
        rows.append(ours(size, options.limit))
        print(json.dumps(rows[-1]), flush=True)
        for name, script in PEERS.items() if options.peers else ():
            rows.append(peer(options.peers / name, script, members, megabytes, options.peer_rounds))
            print(json.dumps(rows[-1]), flush=True)
    if options.write:
        table = markdown(COLUMNS, rows)
        write_section(options.write, "round", f"{machine()}. Command: `{command(options)}`.\n\n{table}")


def command(options: argparse.Namespace) -> str:
    """Return how to repeat it; where the environments lie is everybody's own matter."""
    words = ["FOLDER" if options.peers and word == str(options.peers) else word for word in sys.argv[1:]]
    return " ".join(["python -m benchmarks.round", *words])


def ours(size: Size, limit_s: float) -> dict[str, Any]:
    """Play one case and describe it."""
    case = {"system": "wsi-swarm", "members": size.members, "model_mb": round(size.parameters * 4e-6, 2)}
    if size.committee:
        case["system"] += f", committee {size.committee}"
    with tempfile.TemporaryDirectory() as name:
        try:
            return {**case, **describe(size, play(Path(name), size, limit_s))}
        except TimeoutError as error:
            return {**case, "note": str(error)}


def describe(size: Size, played: Played) -> dict[str, Any]:
    """Return the numbers of a run; the first round, which waits for all to start, is left out of the times."""
    seconds = [later - earlier for earlier, later in itertools.pairwise(played.ends)]
    cpu = sum(marks[-1].cpu_s - marks[0].cpu_s for marks in played.marks) / (size.rounds - 1)
    sent = sum(played.sent) / size.rounds
    void = sum(isinstance(event, Void) for event in played.events)
    fewest = min(len(final.contributors) for final in played.finals)
    return {
        "rounds": size.rounds,
        "seconds_per_round_median": round(statistics.median(seconds), 2),
        "seconds_per_round_max": round(max(seconds), 2),
        "cpu_s_per_round": round(cpu + played.chain_cpu_s / size.rounds, 2),
        "wire_mb_per_round": round(sent / 1e6, 1),
        "wire_over_models": round(sent / size.members / (size.members - 1) / played.model_bytes, 3),
        "start_up_s": round(played.ends[0] - played.began, 1),
        "peak_rss_mb_all": round(sum(played.peak_rss_mb) + played.chain_rss_mb),
        "note": "" if not void and fewest == size.members else f"{void} void, at least {fewest} contributed",
    }


def peer(environment: Path, script: str, members: int, megabytes: float, rounds: int) -> dict[str, Any]:
    """Run a peer's driver where it has the loopback and all ports for itself."""
    path = Path(__file__).with_name("peers") / script
    command = [sys.executable, str(path), "--environment", str(environment), "--members", str(members)]
    command += ["--megabytes", str(megabytes), "--rounds", str(rounds)]
    if os.geteuid() == 0:
        command = ["unshare", "--net", "sh", "-c", 'ip link set lo up; exec "$@"', "sh", *command]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no words"])[-1]
        return {"system": environment.name, "members": members, "model_mb": megabytes, "note": f"failed: {last[:120]}"}
    row = json.loads(done.stdout.splitlines()[-1])
    return {**row, "wire_over_models": round(row["wire_mb_per_round"] / megabytes / members / (members - 1), 3)}


if __name__ == "__main__":
    main()
