"""Seconds per round of Flower (SuperLink and one SuperNode process per member) with training that does nothing.

    python benchmarks/peers/flower_round.py --environment VENV [--members 8] [--megabytes 2] [--rounds 5]

``--environment`` is a virtual environment with flwr in it (see ``install.py``). Prints one line of JSON.
"""

from __future__ import annotations

import argparse
import json
import shutil
import tempfile
import time
from pathlib import Path

from common import Group, listens, summary, wait_for

APP = """
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"

[project]
name = "nothing"
version = "1.0.0"
description = "Nothing."
license = "Apache-2.0"
dependencies = []

[tool.flwr.app]
publisher = "benchmark"

[tool.flwr.app.components]
serverapp = "nothing.app:server"
clientapp = "nothing.app:client"

[tool.flwr.app.config]
"""


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
    """Start everything, run the app to its end."""
    app, home, rounds = folder / "app", folder / "home", folder / "rounds.txt"
    (app / "nothing").mkdir(parents=True)
    home.mkdir()
    (app / "pyproject.toml").write_text(APP)
    (app / "nothing" / "__init__.py").touch()
    shutil.copy(Path(__file__).with_name("flower_app.py"), app / "nothing" / "app.py")
    (home / "config.toml").write_text(
        '[superlink]\ndefault = "here"\n\n[superlink.here]\naddress = "127.0.0.1:8000"\ninsecure = true\n'
    )
    rounds.touch()
    told = {
        "FLWR_HOME": str(home),
        "FLWR_TELEMETRY_ENABLED": "0",
        "PATH": f"{environment / 'bin'}:/usr/bin:/bin",
        "PEER_ROUNDS": str(rounds),
        "PEER_MEMBERS": str(options.members),
        "PEER_COUNT": str(options.rounds),
        "PEER_PARAMETERS": str(int(options.megabytes * 1e6 / 4)),
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
    }
    tools = environment / "bin"
    with Group(folder, told) as group:
        began = time.time()
        group.start("superlink", tools / "flower-superlink", "--insecure", "--disable-runtime-dependency-installation")
        wait_for("the SuperLink answers", lambda: listens(8000))
        for number in range(options.members):
            node = (tools / "flower-supernode", "--insecure", "--superlink", "127.0.0.1:8000")
            group.start(f"node{number}", *node, "--port", 9100 + number)
        run = group.start("run", tools / "flwr", "run", app, "here", "--stream")

        def done() -> bool:
            if run.poll() not in (None, 0):
                raise RuntimeError((folder / "run.log").read_text() + (folder / "superlink.log").read_text()[-3000:])
            return len(rounds.read_text().splitlines()) >= options.rounds

        wait_for("Flower's rounds", done, 30.0 * options.rounds + 120)
        return {
            "system": "Flower",
            "members": options.members,
            "model_mb": options.megabytes,
            **summary(rounds.read_text().splitlines(), began),
            "peak_rss_mb_all": round(group.peak_rss_mb),
            "processes": group.peak_processes,
        }


if __name__ == "__main__":
    main()
