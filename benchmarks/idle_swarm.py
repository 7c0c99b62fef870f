"""A swarm of real node processes and a dev chain process whose training does nothing: what is left is the overhead."""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import os
import queue
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from models.learner import TrainResult
from wsi_swarm.swarm.config import FeatureConfig, RunConfig, TargetConfig, Timeouts
from wsi_swarm.swarm.identity import create_identity, load_identity
from wsi_swarm.swarm.ledger.base import Event, Final
from wsi_swarm.swarm.ledger.deploy import deploy
from wsi_swarm.swarm.ledger.evm import EvmLedger, EvmReader
from wsi_swarm.swarm.ledger.rpc_client import RpcClient
from wsi_swarm.swarm.ledger.typed_data import ZERO_ADDRESS
from wsi_swarm.swarm.merge.whole import start
from wsi_swarm.swarm.network.links import bind_address
from wsi_swarm.swarm.node.centre import Centre
from wsi_swarm.swarm.node.checkpoint import Checkpoint
from wsi_swarm.swarm.node.node import Node
from wsi_swarm.swarm.state.encoding import FixedState, encode

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wsi_swarm.swarm.ledger.federation import Federation


class NoTraining:
    """A learner whose model is noise and whose training moves all weights by a little, each time another one."""

    n_patients = 1
    steps_per_epoch = 1

    def __init__(self, parameters: int, place: int) -> None:
        self._parameters, self._place = parameters, place

    def initial_state(self, seed: int) -> dict[str, np.ndarray]:
        """Draw noise."""
        return {"w": np.random.default_rng(seed).normal(0, 0.1, self._parameters).astype(np.float32)}

    def train(self, state: dict[str, np.ndarray], round_index: int, rounds: int, steps: int, seed: int) -> TrainResult:
        """Do next to nothing; equal updates would be found on the shelf and not sent at all."""
        del rounds, seed
        moved = np.float32((1 + self._place + 256 * (round_index % 64)) * 2.0**-22)
        return TrainResult({name: values + moved for name, values in state.items()}, 0.0, steps)


@dataclass(frozen=True)
class Size:
    """One case: members, values of the model (float32), rounds, committee size (0: all)."""

    members: int
    parameters: int
    rounds: int
    committee: int = 0


@dataclass(frozen=True)
class Mark:
    """What a member saw when it learned of a final round: a clock that all share, its own CPU seconds and memory."""

    at: float
    cpu_s: float
    rss_mb: float


@dataclass(frozen=True)
class Played:
    """What a run left.

    Attributes
    ----------
    began : same clock as the marks, when the processes were started.
    marks : per member, one for each final round.
    sent, received : bytes per member over the whole run.
    chain_cpu_s, chain_rss_mb : of the dev chain, at the end.
    """

    began: float
    marks: list[list[Mark]]
    sent: list[int]
    received: list[int]
    peak_rss_mb: list[float]
    model_bytes: int
    events: Sequence[Event]
    chain_cpu_s: float
    chain_rss_mb: float

    @property
    def ends(self) -> list[float]:
        """When each round was final for the last of the members."""
        return [max(mark.at for mark in each) for each in zip(*self.marks, strict=True)]

    @property
    def finals(self) -> list[Final]:
        """The final rounds."""
        return [event for event in self.events if isinstance(event, Final)]


def config_for(size: Size) -> RunConfig:
    """Return a run whose deadlines never matter."""
    return RunConfig(
        name="benchmark",
        targets=(TargetConfig(name="T", positive="1", negative=("0",)),),
        features=FeatureConfig(encoder="none", card_sha256="", weights_sha256="", dim=1, tile_um=1.0, mpp=1.0),
        rounds=size.rounds,
        weighting="equal",
        committee=size.committee,
        timeouts=Timeouts(enrol_s=600, commit_s=600, reveal_s=300, attest_s=300, heartbeat_s=5, connect_s=5),
    )


def first_state(size: Size) -> FixedState:
    """Return the whole state of the first round."""
    config = config_for(size)
    return start(
        encode(NoTraining(size.parameters, 0).initial_state(config.seed), config.fraction_bits), config.merge_plan
    )


def member(folder: Path, name: str, federation: Federation, rpc: str, size: Size, said: multiprocessing.Queue) -> None:
    """Be one member, in a process of its own."""
    identity = load_identity(folder / name, None)
    marks: list[Mark] = []
    nodes: list[Node] = []

    def note(line: str) -> None:
        if " final after " in line:
            marks.append(Mark(time.monotonic(), time.process_time(), rss_mb(os.getpid())))
        if len(marks) == size.rounds and nodes:
            traffic = nodes.pop().traffic()
            said.put((name, list(marks), traffic["bytes_out"], traffic["bytes_in"], peak_rss_mb()))

    async def play() -> None:
        centre = Centre(
            config_for(size),
            identity,
            federation,
            EvmReader(RpcClient(rpc), federation),
            EvmLedger(RpcClient(rpc), federation, identity.key, folder / name / "transactions.json"),
            NoTraining(size.parameters, int(name[1:])),
            first_state(size),
            Checkpoint(folder / name / "state", federation.contract, 1),
            1,
            bind_address(identity.endpoint),
            note,
            lambda model: None,
        )
        nodes.append(Node(centre))
        await nodes[0].run()

    asyncio.run(play())


def play(folder: Path, size: Size, limit_s: float) -> Played:
    """Found a swarm, play a run to its end.

    Raises
    ------
    TimeoutError
        If it is not over in time.
    RuntimeError
        If a member's process fails.
    """
    command = [sys.executable, "-m", "wsi_swarm.cli.main", "chain", "dev", "--port", "0", "--json", "--block-time", "0"]
    chain = subprocess.Popen([*command, "--data", str(folder / "chain")], stdout=subprocess.PIPE, text=True)
    try:
        assert chain.stdout is not None
        return _play(folder, size, json.loads(chain.stdout.readline())["url"], chain.pid, limit_s)
    finally:
        chain.terminate()
        chain.wait()


def _play(folder: Path, size: Size, rpc: str, chain: int, limit_s: float) -> Played:
    names = [f"m{number}" for number in range(size.members)]
    federation, initial = _found(folder, names, rpc, size)
    spawn = multiprocessing.get_context("spawn")
    said = spawn.Queue()
    began = time.monotonic()
    processes = [spawn.Process(target=member, args=(folder, n, federation, rpc, size, said)) for n in names]
    try:
        for process in processes:
            process.start()
        reports = []
        while len(reports) < len(names):
            try:
                reports.append(said.get(timeout=1.0))
            except queue.Empty:
                if any(process.exitcode for process in processes):
                    msg = f"a member of {size} ended with an error"
                    raise RuntimeError(msg) from None
                if time.monotonic() - began > limit_s:
                    msg = f"{size} was not over in {limit_s:g} s"
                    raise TimeoutError(msg) from None
    finally:
        for process in processes:
            process.kill()  # those that are done wait for each other a while; nothing is measured any more
            process.join()
    events = EvmReader(RpcClient(rpc), federation).events()[0]
    marks, sent, received, peaks = zip(*(report[1:] for report in reports), strict=True)
    used = cpu_s(chain), rss_mb(chain)
    return Played(began, list(marks), list(sent), list(received), list(peaks), len(initial.to_bytes()), events, *used)


def _found(folder: Path, names: Sequence[str], rpc: str, size: Size) -> tuple[Federation, FixedState]:
    client, now = RpcClient(rpc), int(time.time())
    identities = {name: create_identity(folder / name, name, free_endpoint(), None) for name in names}
    requests = {name: one.join_request(client.chain_id(), ZERO_ADDRESS, now) for name, one in identities.items()}
    federation = deploy(client, bytes(31) + b"\1", folder / "deploy.json", requests, 3600, now)
    initial = first_state(size)
    ledgers = [EvmLedger(client, federation, one.key, folder / "j.json") for one in identities.values()]
    proposal = ledgers[0].propose_run(config_for(size).terms(initial.root))
    for ledger in ledgers[1 : size.members // 2 + 1]:
        ledger.vote(proposal, yes=True)
    return federation, initial


def free_endpoint() -> str:
    """Return an endpoint with a free port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"tcp://127.0.0.1:{probe.getsockname()[1]}"


def rss_mb(pid: int) -> float:
    """Return the resident memory of a process in MB."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


def peak_rss_mb() -> float:
    """Return the most memory that this process ever had, in MB."""
    status = Path("/proc/self/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith("VmHWM")).split()[1]) * 1024 / 1e6


def cpu_s(pid: int) -> float:
    """Return the CPU seconds that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
