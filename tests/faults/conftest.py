"""A real swarm for fault tests: a dev chain process and one `train-swarm` process per centre, on tiny features."""

from __future__ import annotations

import csv
import os
import re
import signal
import subprocess
import sys
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from pipelines.features import Features, describe, write_features
from tests.waiting import WAIT_S, free_port, until
from wsi_swarm.swarm.config import FeatureConfig, RunConfig, TargetConfig, Timeouts, run_config_toml
from wsi_swarm.swarm.ledger.evm import EvmReader
from wsi_swarm.swarm.ledger.federation import Federation, read_federation
from wsi_swarm.swarm.ledger.rpc_client import RpcClient

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

ROOT = Path(__file__).parents[2]
DIM = 16


def wsi_swarm(*arguments: object, check: bool = True) -> subprocess.CompletedProcess[str]:
    """Run the command line in a process of its own."""
    command = [sys.executable, "-m", "wsi_swarm.cli.main", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False, env=environment())
    if check and done.returncode != 0:
        msg = f"{' '.join(command)} ended with {done.returncode}:\n{done.stderr}"
        raise AssertionError(msg)
    return done


def environment() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("WSI_SWARM")}
    return {**kept, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}


def write_centre(folder: Path, patients: int, seed: int) -> None:
    """Write tables and features of a centre whose positive patients have a few shifted tiles."""
    noise = np.random.default_rng(seed)
    clini, slides = [("PATIENT", "MSI")], [("PATIENT", "FILENAME")]
    (folder / "features").mkdir(parents=True)
    for number in range(patients):
        name, positive = f"p{seed}-{number:03d}", number % 2 == 0
        values = noise.normal(0, 1, (12, DIM))
        values[:4, 0] += 3.0 * positive
        coords = np.stack(np.divmod(np.arange(12), 4), 1).astype(np.int32) * 224
        attrs = describe(slide_size=(1000, 1000), mpp=0.5, encoder="test", encoder_card_sha256="ab" * 32)
        write_features(folder / "features" / f"{name}.h5", Features(name, values.astype(np.float16), coords, attrs))
        clini.append((name, "MSIH" if positive else "MSS"))
        slides.append((name, f"{name}.svs"))
    for path, rows in ((folder / "clini.csv", clini), (folder / "slides.csv", slides)):
        with path.open("w", newline="") as file:
            csv.writer(file).writerows(rows)


def run_config(**changes: object) -> RunConfig:
    """Return a short run with deadlines of seconds."""
    values: dict[str, object] = {
        "name": "test",
        "targets": (TargetConfig(name="MSI", positive="MSIH", negative=("MSS",)),),
        "features": FeatureConfig(
            encoder="test", card_sha256="ab" * 32, weights_sha256="", dim=DIM, tile_um=112.0, mpp=0.5
        ),
        "learner": {"hidden": 8, "attention": 4, "bag_tiles": 8},
        "rounds": 3,
        "sync_steps": 5,
        "weighting": "patients",
        "timeouts": Timeouts(enrol_s=60, commit_s=15, reveal_s=2, attest_s=6, heartbeat_s=0.5, connect_s=2),
    }
    return RunConfig.model_validate({**values, **changes})


@dataclass
class Swarm:
    """Everything lies under ``root``; each centre has a folder of its name."""

    root: Path
    config: RunConfig
    names: tuple[str, ...]
    rpc: str
    federation: Federation
    reader: EvmReader
    processes: dict[str, subprocess.Popen[str]] = field(default_factory=dict)

    def start(
        self,
        name: str,
        stop_at: tuple[str, int] | None = None,
        prefix: Sequence[str] = (),
        rpc: str | None = None,
        **settings: str,
    ) -> subprocess.Popen[str]:
        """Start a centre's node; its words go to ``<name>/node.log``.

        Parameters
        ----------
        stop_at
            Point, and how many commitments it makes before, at which it stops itself; see ``stopping_node``.
        prefix
            Command that runs it, for example in a network namespace.
        rpc
            Its chain node, if it is not the swarm's.
        settings
            Environment variables.
        """
        folder = self.root / name
        program = ["-m", "wsi_swarm.cli.main"]
        if stop_at is not None:
            program = ["-m", "tests.faults.stopping_node", stop_at[0], str(stop_at[1])]
        command = [*prefix, sys.executable, *program, "train-swarm"]
        for option in ("clini.csv", "slides.csv", "features", "state"):
            command += [f"--{option.removesuffix('.csv')}", str(folder / option)]
        command += ["--dir", str(folder), "--run", str(self.root / "run.toml"), "--rpc", rpc or self.rpc]
        command += ["--federation", str(self.root / "federation.json")]
        with (folder / "node.log").open("a") as log, (folder / "result.txt").open("w") as out:
            told = {**environment(), "PYTHONPATH": str(ROOT), **settings}
            self.processes[name] = subprocess.Popen(command, stdout=out, stderr=log, text=True, env=told)
        return self.processes[name]

    def stopped(self, name: str) -> int | None:
        """Return the round in which a node that was started with ``stop_at`` stands still; None while it runs."""
        status = Path(f"/proc/{self.processes[name].pid}/stat").read_text().rpartition(")")[2].split()[0]
        found = re.findall(r"stopped at \S+ in round (\d+)", self.log(name))
        return int(found[-1]) if status == "T" and found else None

    def kill(self, name: str) -> None:
        """Kill a node with SIGKILL."""
        self.processes[name].kill()
        self.processes[name].wait(20)

    def propose(self, name: str) -> None:
        """Propose the run as this centre."""
        self.call(name, "start", "--run", self.root / "run.toml")

    def call(self, name: str, command: str, *arguments: object, check: bool = True):
        """Run a ``swarm`` command as this centre."""
        where = ("--dir", self.root / name, "--federation", self.root / "federation.json", "--rpc", self.rpc)
        return wsi_swarm("swarm", command, *arguments, *where, check=check)

    def audit(self, name: str):
        """Run the audit as this centre."""
        folder = self.root / name
        return self.call(
            name, "audit", "--run", self.root / "run.toml", "--state", folder / "state", "--json", check=False
        )

    def wait(self, name: str, wait_s: float = WAIT_S) -> tuple[Path, str]:
        """Wait until a node ends in peace; return path and root of its model."""
        try:
            code = self.processes[name].wait(wait_s)
        except subprocess.TimeoutExpired:
            msg = f"{name} did not end in {wait_s:g} s:\n{self.log(name)}"
            raise AssertionError(msg) from None
        if code != 0:
            msg = f"{name} ended with {code}:\n{self.log(name)}"
            raise AssertionError(msg)
        path, root = (self.root / name / "result.txt").read_text().split()
        return Path(path), root

    def log(self, name: str) -> str:
        return (self.root / name / "node.log").read_text()

    def index(self, name: str) -> int:
        """Return a centre's index on the contract."""
        return next(m.index for m in self.reader.members() if self.federation.name_of(m) == name)

    def stop(self) -> None:
        """End every process that was started here."""
        for process in self.processes.values():
            if process.poll() is None:
                process.send_signal(signal.SIGCONT)
                process.kill()
                process.wait()


def make_swarm(
    root: Path,
    config: RunConfig,
    names: tuple[str, ...],
    rpc: str,
    dial_only: Collection[str] = (),
    hosts: Mapping[str, str] | None = None,
    confirmations: int = 0,
) -> Swarm:
    """Set centres up as a person would: init, deploy; and write their data and run.toml.

    Parameters
    ----------
    dial_only
        Centres that nobody can reach.
    hosts
        Address of each centre; without it, this machine's loopback.
    confirmations
        Blocks that must follow one before the members believe it.
    """
    (root / "run.toml").write_text(run_config_toml(config))
    requests: list[object] = []
    inits: list[threading.Thread] = []
    for number, name in enumerate(names):
        write_centre(root / name, patients=6 + 2 * number, seed=number)
        endpoint = f"tcp://{(hosts or {}).get(name, '127.0.0.1')}:{free_port()}"
        where = ("--dial-only",) if name in dial_only else ("--endpoint", endpoint)
        options = ("--dir", root / name, "--name", name, *where)
        inits.append(threading.Thread(target=wsi_swarm, args=("swarm", "init", *options)))
        inits[-1].start()
        requests += ["--founder", root / name / f"{name}.join.json"]
    for init in inits:
        init.join()
    options = ("--confirmations", confirmations, "--out", root / "federation.json")
    wsi_swarm("chain", "deploy", "--rpc", rpc, *requests, *options)
    federation = read_federation(root / "federation.json")
    return Swarm(root, config, names, rpc, federation, EvmReader(RpcClient(rpc), federation))


@dataclass
class DevChain:
    """A dev chain process that can be killed and started again on its journal and port."""

    folder: Path
    port: int
    block_time: int = 1
    host: str = "127.0.0.1"
    process: subprocess.Popen[str] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        ready = self.folder / "chain.json"
        ready.unlink(missing_ok=True)
        command = [sys.executable, "-m", "wsi_swarm.cli.main", "chain", "dev", "--port", str(self.port)]
        command += ["--data", str(self.folder / "chain"), "--ready-file", str(ready)]
        command += ["--block-time", str(self.block_time), "--host", self.host]
        with (self.folder / "chain.log").open("a") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log, text=True, env=environment())
        until("the dev chain answers", ready.is_file)

    def kill(self) -> None:
        assert self.process is not None
        self.process.kill()
        self.process.wait(20)


@pytest.fixture
def dev_chain(tmp_path: Path) -> Iterator[DevChain]:
    """A dev chain process."""
    chain = DevChain(tmp_path, free_port())
    chain.start()
    yield chain
    chain.kill()


@pytest.fixture
def new_swarm(tmp_path: Path, dev_chain: DevChain) -> Iterator[Callable[[RunConfig, tuple[str, ...]], Swarm]]:
    """Make swarms on the dev chain; their processes end with the test."""
    made: list[Swarm] = []

    def make(config: RunConfig, names: tuple[str, ...] = ("a", "b", "c")) -> Swarm:
        root = tmp_path / f"swarm-{len(made)}"
        root.mkdir()
        made.append(make_swarm(root, config, names, dev_chain.url))
        return made[-1]

    yield make
    for swarm in made:
        swarm.stop()
