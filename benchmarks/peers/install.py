"""Make one virtual environment per peer, outside of this project: they are measured, never depended on.

    python benchmarks/peers/install.py --folder FOLDER

Makes ``FOLDER/flower`` and ``FOLDER/nvflare`` (about 0.6 GB); what is there already is kept.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path

PEERS = {"flower": "flwr==1.42.0", "nvflare": "nvflare==2.9.0"}
LIST = "import importlib.metadata as m, json, sys; print(json.dumps(m.requires(sys.argv[1])))"


def main() -> None:
    """Make what is missing."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, required=True)
    folder = parser.parse_args().folder.resolve()
    for name, wanted in PEERS.items():
        install(folder / name, wanted)
        print(f"{folder / name}: {wanted}")


def install(environment: Path, wanted: str) -> None:
    """Install a peer; its lower bound for the list of certificate authorities, which changes monthly, is not kept."""
    ready, python = environment / ".ready", environment / "bin" / "python"
    if ready.exists() and ready.read_text() == wanted:
        return
    subprocess.run([sys.executable, "-m", "venv", environment], check=True)
    subprocess.run([python, "-m", "pip", "install", "--quiet", "--no-deps", wanted], check=True)
    told = subprocess.run([python, "-c", LIST, wanted.partition("==")[0]], capture_output=True, text=True, check=True)
    needs = ["numpy", *(need for need in json.loads(told.stdout) if "extra ==" not in need)]
    needs = ["certifi" if need.startswith("certifi") else need for need in needs]
    subprocess.run([python, "-m", "pip", "install", "--quiet", *needs], check=True)
    ready.write_text(wanted)


if __name__ == "__main__":
    main()
