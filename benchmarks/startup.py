"""How long `wsi-swarm --help` takes, against what a user would wait if torch and web3 were imported at the start.

python -m benchmarks.startup
"""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

REPEATS = 7


def fastest(*command: str) -> float:
    """Return the shortest of several runs, in seconds."""
    seconds = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        subprocess.run(command, check=True, capture_output=True)
        seconds.append(time.perf_counter() - start)
    return min(seconds)


def main() -> None:
    """Print both times and their ratio."""
    shown = fastest(str(Path(sys.executable).with_name("wsi-swarm")), "--help")
    eager = fastest(sys.executable, "-c", "import torch, web3")
    print(f"wsi-swarm --help      {shown:.2f} s (fastest of {REPEATS})")
    print(f"import torch, web3    {eager:.2f} s")
    print(f"ratio                 {eager / shown:.1f}")


if __name__ == "__main__":
    main()
