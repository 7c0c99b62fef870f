"""Overhead of a swarm round: real node processes and a dev chain process on this machine, training that does nothing.

    python benchmarks/round.py [--members 3] [--megabytes 2] [--rounds 10]

The dev chain mines at most one block per second and a round needs two (commits, result), so 2 s is its floor.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import multiprocessing
import resource
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from models.learner import TrainResult
from wsi_swarm.swarm.config import FeatureConfig, RunConfig, TargetConfig, Timeouts
from wsi_swarm.swarm.identity import create_identity
from wsi_swarm.swarm.ledger.base import Final, Void
from wsi_swarm.swarm.ledger.deploy import deploy
from wsi_swarm.swarm.ledger.evm import EvmLedger, EvmReader
from wsi_swarm.swarm.ledger.rpc_client import RpcClient
from wsi_swarm.swarm.ledger.typed_data import ZERO_ADDRESS
from wsi_swarm.swarm.network.links import bind_address
from wsi_swarm.swarm.node.checkpoint import Checkpoint
from wsi_swarm.swarm.node.node import Centre, Node
from wsi_swarm.swarm.state.encoding import encode

if TYPE_CHECKING:
    from wsi_swarm.swarm.ledger.federation import Federation


class NoTraining:
    """A learner whose model is noise and whose training returns what it was given."""

    n_patients = 1

    def __init__(self, parameters: int) -> None:
        self._parameters = parameters

    def initial_state(self, seed: int) -> dict[str, np.ndarray]:
        """Draw noise."""
        return {"w": np.random.default_rng(seed).normal(0, 0.1, self._parameters).astype(np.float32)}

    def train(self, state: dict[str, np.ndarray], round_index: int, rounds: int, steps: int, seed: int) -> TrainResult:
        """Do nothing."""
        del round_index, rounds, seed
        return TrainResult(state, 0.0, steps)


def config_for(rounds: int) -> RunConfig:
    """Return a run whose deadlines never matter."""
    return RunConfig(
        name="benchmark",
        targets=(TargetConfig(name="T", positive="1", negative=("0",)),),
        features=FeatureConfig(encoder="none", card_sha256="", weights_sha256="", dim=1, tile_um=1.0, mpp=1.0),
        rounds=rounds,
        weighting="equal",
        timeouts=Timeouts(enrol_s=60, commit_s=60, reveal_s=60, attest_s=60, heartbeat_s=5, connect_s=5),
    )


def member(folder: Path, name: str, federation: Federation, rpc: str, rounds: int, parameters: int, said) -> None:
    """Be one member (in a process of its own) and report bytes and memory at the end."""
    from wsi_swarm.swarm.identity import load_identity

    identity = load_identity(folder / name, None)

    async def play() -> dict[str, float]:
        centre = Centre(
            config_for(rounds),
            identity,
            federation,
            EvmReader(RpcClient(rpc), federation),
            EvmLedger(RpcClient(rpc), federation, identity.key, folder / name / "transactions.json"),
            NoTraining(parameters),
            Checkpoint(folder / name / "state", federation.contract, 1),
            1,
            bind_address(identity.endpoint),
            lambda line: None,
            lambda model: None,
        )
        node = Node(centre)
        await node.run()
        return node.traffic()

    traffic = asyncio.run(play())
    said.put((name, {**traffic, "rss_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}))


def free_endpoint() -> str:
    """Return an endpoint with a free port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"tcp://127.0.0.1:{probe.getsockname()[1]}"


def main() -> None:
    """Measure and print one line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--members", type=int, default=3)
    parser.add_argument("--megabytes", type=float, default=2.0)
    parser.add_argument("--rounds", type=int, default=10)
    options = parser.parse_args()
    parameters = int(options.megabytes * 1e6 / 4)
    command = [sys.executable, "-m", "wsi_swarm.cli.main", "chain", "dev", "--port", "0", "--json"]
    chain = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        rpc = json.loads(chain.stdout.readline())["url"]
        with tempfile.TemporaryDirectory() as name:
            print(json.dumps(measure(Path(name), rpc, options.members, parameters, options.rounds)))
    finally:
        chain.terminate()
        chain.wait()


def measure(folder: Path, rpc: str, members: int, parameters: int, rounds: int) -> dict[str, object]:
    """Run a swarm to its end; return seconds per round and bytes per member and round."""
    client, now = RpcClient(rpc), int(time.time())
    names = [f"m{number}" for number in range(members)]
    identities = {name: create_identity(folder / name, name, free_endpoint(), None) for name in names}
    requests = {name: one.join_request(client.chain_id(), ZERO_ADDRESS, now) for name, one in identities.items()}
    federation = deploy(client, bytes(31) + b"\1", folder / "deploy.json", requests, 3600, now)
    config = config_for(rounds)
    initial = encode(NoTraining(parameters).initial_state(config.seed), config.fraction_bits)
    ledgers = [EvmLedger(client, federation, one.key, folder / "j.json") for one in identities.values()]
    proposal = ledgers[0].propose_run(config.terms(initial.root))
    for ledger in ledgers[1 : members // 2 + 1]:
        ledger.vote(proposal, yes=True)

    spawn = multiprocessing.get_context("spawn")
    said = spawn.Queue()
    arguments = [(folder, name, federation, rpc, rounds, parameters, said) for name in names]
    processes = [spawn.Process(target=member, args=one) for one in arguments]
    for process in processes:
        process.start()
    reader, finals_at = EvmReader(RpcClient(rpc), federation), {}
    while len(finals_at) < rounds:
        finals_at.setdefault(reader.run(1).finals, time.monotonic())
        finals_at.pop(0, None)
        time.sleep(0.02)
    reports = dict(said.get(timeout=120) for _ in names)
    for process in processes:
        process.join()
    times = [finals_at[r] for r in sorted(finals_at)]
    seconds = np.diff(times)
    events = reader.events()[0]
    sent = [report["bytes_out"] / rounds for report in reports.values()]
    return {
        "members": members,
        "model_mb": round(len(initial.to_bytes()) / 1e6, 2),
        "rounds": rounds,
        "void": sum(isinstance(event, Void) for event in events),
        "contributors": min(len(event.contributors) for event in events if isinstance(event, Final)),
        "seconds_per_round_median": round(float(np.median(seconds)), 2),
        "seconds_per_round_max": round(float(seconds.max()), 2),
        "sent_mb_per_member_and_round": round(float(np.mean(sent)) / 1e6, 2),
        "sent_over_n_minus_1_models": round(float(np.mean(sent)) / len(initial.to_bytes()) / (members - 1), 3),
        "peak_rss_mb_per_member": round(max(report["rss_mb"] for report in reports.values())),
    }


if __name__ == "__main__":
    main()
