"""Seconds per round of NVFlare's swarm workflow (proof-of-concept mode: server and one client per member).

    python benchmarks/peers/nvflare_round.py --environment VENV [--members 8] [--megabytes 2] [--rounds 5]

Training does nothing. ``--environment`` is a virtual environment with nvflare in it (see ``install.py``).
Prints one line of JSON.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from pathlib import Path

import numpy as np
from common import Group, summary, wait_for


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--environment", type=Path, required=True)
    parser.add_argument("--members", type=int, default=8)
    parser.add_argument("--megabytes", type=float, default=2.0)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        print(json.dumps(measure(Path(name), options.environment.resolve(), options)))


def measure(folder: Path, environment: Path, options: argparse.Namespace) -> dict[str, object]:
    """Start everything, submit the job, wait for its last round."""
    rounds, model = folder / "rounds.txt", folder / "model.npy"
    rounds.touch()
    np.save(model, np.random.default_rng(0).normal(0, 0.1, int(options.megabytes * 1e6 / 4)).astype(np.float32))
    told = {
        "HOME": str(folder),
        "NVFLARE_POC_WORKSPACE": str(folder / "poc"),
        "PATH": f"{environment / 'bin'}:/usr/local/bin:/usr/bin:/bin",
        "PEER_ROUNDS": str(rounds),
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
    }
    python, tool = environment / "bin" / "python", environment / "bin" / "nvflare"
    script = Path(__file__).with_name("nvflare_job.py").resolve()
    with Group(folder, told) as group:
        group.run("job", python, script, folder / "jobs", model, options.members, options.rounds)
        group.run("prepare", tool, "poc", "prepare", "-n", options.members)
        began = time.time()
        group.run("start", tool, "poc", "start")
        group.run("submit", tool, "job", "submit", "-j", folder / "jobs" / "nothing")

        def done() -> bool:
            return len(first_of_each(rounds)) >= options.rounds

        wait_for("NVFlare's rounds", done, 20.0 * options.rounds + 180)
        return {
            "system": "NVFlare swarm",
            "members": options.members,
            "model_mb": options.megabytes,
            **summary(first_of_each(rounds), began),
            "peak_rss_mb_all": round(group.peak_rss_mb),
            "processes": group.peak_processes,
        }


def first_of_each(rounds: Path) -> list[str]:
    """Return, of the lines that the clients wrote, the first of each round."""
    lines: dict[str, str] = {}
    for line in rounds.read_text().splitlines():
        lines.setdefault(line.split()[2], line)
    return list(lines.values())


if __name__ == "__main__":
    main()
