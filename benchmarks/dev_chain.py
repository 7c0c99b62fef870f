"""The embedded chain as a process: start, memory, seconds per round of three members, and start from its journal.

    python -m benchmarks.dev_chain [--rounds 10]

Reference: one second per block is the chain's rule, and a round needs two blocks (commits, final) at least.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from wsi_swarm.swarm.ledger import typed_data as td
from wsi_swarm.swarm.ledger.base import RunTerms
from wsi_swarm.swarm.ledger.deploy import deploy
from wsi_swarm.swarm.ledger.evm import EvmLedger
from wsi_swarm.swarm.ledger.rpc_client import RpcClient

KEYS = [bytes([i + 1]) * 32 for i in range(3)]
ALL = frozenset({0, 1, 2})


def start(folder: Path) -> tuple[subprocess.Popen[str], str, float]:
    """Start a chain; return it, its URL and the seconds until it answered."""
    began = time.perf_counter()
    command = [sys.executable, "-m", "wsi_swarm.cli.main", "chain", "dev", "--port", "0", "--json", "--data"]
    process = subprocess.Popen([*command, str(folder)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    told: dict[str, Any] = json.loads(process.stdout.readline())
    return process, told["url"], time.perf_counter() - began


def rss_mib(process: subprocess.Popen[str]) -> float:
    """Return the memory of a process."""
    status = Path(f"/proc/{process.pid}/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith("VmRSS")).split()[1]) / 1024


def play(ledgers: list[EvmLedger], rounds: int) -> list[float]:
    """Play rounds in which all commit at once; return the seconds of each."""
    terms = RunTerms(b"c" * 32, b"b" * 32, rounds, 2, 600, 600, 600, 500)
    ledgers[1].vote(ledgers[0].propose_run(terms), True)
    seconds: list[float] = []
    with ThreadPoolExecutor(3) as pool:
        list(pool.map(lambda ledger: ledger.enrol(1, 5), ledgers))
        for number in range(1, rounds + 1):
            began = time.perf_counter()
            root = number.to_bytes(32)
            list(pool.map(lambda m, r=number: ledgers[m].commit(1, r, bytes([m + 1]) * 32), range(3)))
            state = ledgers[0].run(1)
            where = (1337, ledgers[0].contract, 1, number, state.base_root, state.commits_hash)
            digest = td.attest_digest(*where, ALL, root)
            ledgers[0].finalise(1, number, ALL, root, {m: td.sign(KEYS[m], digest) for m in (0, 1)})
            seconds.append(time.perf_counter() - began)
    return seconds


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=10)
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        process, url, seconds = start(folder / "chain")
        print(f"start of an empty chain: {seconds:.2f} s, {rss_mib(process):.0f} MiB")
        requests = {
            f"centre-{i}": td.sign_join_request(k, 1337, td.ZERO_ADDRESS, k, f"tcp://h{i}:1", 2**40)
            for i, k in enumerate(KEYS)
        }
        federation = deploy(RpcClient(url), KEYS[0], folder / "j.json", requests, 10_000, now=int(time.time()))
        ledgers = [EvmLedger(RpcClient(url), federation, k, folder / f"{k[0]}.json") for k in KEYS]
        took = play(ledgers, rounds)
        print(
            f"round of 3 members: median {statistics.median(took):.2f} s, longest {max(took):.2f} s ({rounds} rounds)"
        )
        calls = 200
        began = time.perf_counter()
        for _ in range(calls):
            ledgers[0].run(1)
        print(f"reading the run: {(time.perf_counter() - began) / calls * 1000:.1f} ms")
        print(f"memory after {rounds} rounds: {rss_mib(process):.0f} MiB")
        process.kill()
        process.wait()
        process, _, seconds = start(folder / "chain")
        blocks = len((folder / "chain" / "blocks.jsonl").read_text().splitlines()) - 1
        print(f"start from a journal of {blocks} blocks: {seconds:.2f} s")
        process.terminate()
        process.wait()


if __name__ == "__main__":
    main()
