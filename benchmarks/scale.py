"""Thirty-two real nodes on one machine, learning a LASSO from tables, for twenty rounds.

    python -m benchmarks.scale [--members 32] [--rounds 20] [--committee 0] [--write docs/speed.md]

Each node is a process with the parts of ``train-swarm`` (identity, chain client, sockets, checkpoints, learner). They
are forked from one process that has loaded the libraries, so that these lie in memory once; what a node has for
itself is told apart.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import itertools
import json
import os
import re
import statistics
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.idle_swarm import cpu_s, free_endpoint
from benchmarks.report import machine, markdown, write_section
from models.tabular.table import columns_sha256
from tests.faults.conftest import DevChain
from tests.waiting import free_port
from wsi_swarm.swarm.config import RunConfig, TableConfig, TargetConfig, Timeouts
from wsi_swarm.swarm.identity import create_identity
from wsi_swarm.swarm.ledger.base import Final, Void
from wsi_swarm.swarm.ledger.deploy import deploy
from wsi_swarm.swarm.ledger.evm import EvmLedger, EvmReader
from wsi_swarm.swarm.ledger.rpc_client import RpcClient
from wsi_swarm.swarm.ledger.typed_data import ZERO_ADDRESS
from wsi_swarm.swarm.network.links import bind_address
from wsi_swarm.swarm.node.learning import initial_model, make_learner
from wsi_swarm.swarm.node.service import Service

if TYPE_CHECKING:
    from wsi_swarm.swarm.identity import Identity
    from wsi_swarm.swarm.ledger.federation import Federation

GENES = tuple(f"g{number:03}" for number in range(200))
COLUMNS = {
    "members": "nodes",
    "committee": "committee",
    "rounds": "rounds final",
    "void": "void",
    "least": "fewest contributors",
    "roots": "different final models",
    "median": "s per round, median",
    "max": "max",
    "start_up_s": "start-up, s",
    "private_mb": "private memory per node, MB",
    "cpu_s": "CPU s per node and round",
    "chain_cpu_s": "CPU s of the chain per round",
}


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--members", type=int, default=32)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--committee", type=int, default=0)
    parser.add_argument("--limit", type=float, default=900.0, help="seconds after which it is given up")
    parser.add_argument("--write", type=Path, help="document whose table is renewed")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        row = measure(Path(name), options)
    print(json.dumps(row))
    if options.write:
        said = f"{machine()}. Command: `python -m benchmarks.scale {' '.join(sys.argv[1:])}`."
        write_section(options.write, "scale", f"{said}\n\n{markdown(COLUMNS, [row])}")


def write_centre(folder: Path, seed: int) -> None:
    """Write the tables of a centre: 30 patients, one gene that tells."""
    noise = np.random.default_rng(seed)
    labels = ["MSIH" if number % 2 else "MSS" for number in range(30)]
    values = noise.normal(0, 1, (30, len(GENES)))
    values[:, 0] += np.array([2.0 * (label == "MSIH") for label in labels])
    with (folder / "clini.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("PATIENT", "MSI"), *((f"p{n}", label) for n, label in enumerate(labels))])
    with (folder / "table.csv").open("w", newline="") as file:
        rows = ((f"p{n}", *(f"{value:.4f}" for value in row)) for n, row in enumerate(values))
        csv.writer(file).writerows([("PATIENT", *GENES), *rows])


def config_for(options: argparse.Namespace) -> RunConfig:
    """Return the run."""
    return RunConfig(
        name="scale",
        targets=(TargetConfig(name="MSI", positive="MSIH", negative=("MSS",)),),
        table=TableConfig(columns_sha256=columns_sha256(GENES), n_features=len(GENES)),
        learner={"kind": "lasso", "scaling": "zscore"},
        rounds=options.rounds,
        sync_steps=10,
        committee=options.committee,
        timeouts=Timeouts(enrol_s=600, commit_s=600, reveal_s=200, attest_s=200, heartbeat_s=5, connect_s=10),
    )


def node(folder: Path, identity: Identity, federation: Federation, rpc: str, config: RunConfig) -> None:
    """Be one centre's node."""
    began = time.monotonic()
    with (folder / "node.log").open("a") as log:

        def say(line: str) -> None:
            log.write(f"{time.monotonic() - began:.2f} {time.monotonic():.3f} {time.process_time():.3f} {line}\n")
            log.flush()

        learner = make_learner(config, folder / "clini.csv", table=folder / "table.csv")
        where = bind_address(identity.endpoint)
        service = Service(config, identity, federation, folder, folder / "state", rpc, where, learner, say)
        path, root = service.run()
        say(f"model {root} {hashlib.sha256(path.read_bytes()).hexdigest()}")


def measure(folder: Path, options: argparse.Namespace) -> dict[str, Any]:
    """Play the run to its end."""
    config = config_for(options)
    chain = DevChain(folder, free_port(), block_time=0)
    chain.start()
    client, now = RpcClient(chain.url), int(time.time())
    names = [f"m{number:02}" for number in range(options.members)]
    identities = {name: create_identity(folder / name, name, free_endpoint(), None) for name in names}
    requests = {name: one.join_request(client.chain_id(), ZERO_ADDRESS, now) for name, one in identities.items()}
    federation = deploy(client, bytes(31) + b"\1", folder / "deploy.json", requests, 3600, now)
    for seed, name in enumerate(names):
        write_centre(folder / name, seed)
    first = initial_model(config)
    assert first is not None
    ledgers = [EvmLedger(client, federation, one.key, folder / "j.json") for one in identities.values()]
    proposal = ledgers[0].propose_run(config.terms(first.root))
    for ledger in ledgers[1 : len(names) // 2 + 1]:
        ledger.vote(proposal, yes=True)
    began = time.monotonic()
    children = [_fork(folder / name, identities[name], federation, chain.url, config) for name in names]
    private: list[float] = []
    try:
        left = list(children)
        while left:
            left = [pid for pid in left if _runs(pid)]
            with suppress(OSError):  # one ends just now
                private = [_private_mb(pid) for pid in children]
            if time.monotonic() - began > options.limit:
                msg = f"{len(left)} nodes were not done in {options.limit:g} s"
                raise TimeoutError(msg)
            time.sleep(2.0)
        assert chain.process is not None
        used = cpu_s(chain.process.pid)
        events = EvmReader(client, federation).events()[0]
    finally:
        for pid in left:
            os.kill(pid, 9)
        chain.kill()
    logs = [(folder / name / "node.log").read_text() for name in names]
    return describe(logs, events, options, began) | {
        "private_mb": f"{statistics.mean(private):.0f}",
        "chain_cpu_s": round(used / options.rounds, 2),
    }


def describe(logs: list[str], events: Any, options: argparse.Namespace, began: float) -> dict[str, Any]:
    """Return the numbers of a run from the nodes' words and the chain."""
    marks = [re.findall(r"^\S+ (\S+) (\S+) round \d+ final after", log, re.MULTILINE) for log in logs]
    ends = [max(float(at) for at, _ in each) for each in zip(*marks, strict=True)]
    seconds = [later - earlier for earlier, later in itertools.pairwise(ends)]
    cpu = [(float(mark[-1][1]) - float(mark[0][1])) / (len(mark) - 1) for mark in marks]
    finals = [event for event in events if isinstance(event, Final)]
    return {
        "members": options.members,
        "committee": options.committee or "all",
        "rounds": len(finals),
        "void": sum(isinstance(event, Void) for event in events),
        "least": min(len(event.contributors) for event in finals),
        "roots": len({line for log in logs for line in re.findall(r"model \S+ \S+$", log, re.MULTILINE)}),
        "median": round(statistics.median(seconds), 2),
        "max": round(max(seconds), 2),
        "start_up_s": round(ends[0] - began, 1),
        "cpu_s": round(statistics.mean(cpu), 3),
    }


def _fork(folder: Path, identity: Identity, federation: Federation, rpc: str, config: RunConfig) -> int:
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            node(folder, identity, federation, rpc, config)
            code = 0
        finally:
            os._exit(code)
    return pid


def _runs(pid: int) -> bool:
    done, status = os.waitpid(pid, os.WNOHANG)
    if done and status:
        msg = f"a node ended with status {status}"
        raise RuntimeError(msg)
    return not done


def _private_mb(pid: int) -> float:
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith(("Private_Dirty", "Private_Clean"))) / 1e3


if __name__ == "__main__":
    main()
