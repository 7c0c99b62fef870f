"""The embedded chain as its users have it: another process, reached over HTTP, killed and started again."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from resource import RLIMIT_FSIZE, setrlimit
from typing import TYPE_CHECKING, Any

import pytest

from wsi_swarm.swarm.ledger import typed_data as td
from wsi_swarm.swarm.ledger.base import Phase, RunTerms
from wsi_swarm.swarm.ledger.evm import EvmLedger
from wsi_swarm.swarm.ledger.federation import JoinFile, read_federation, write_join_file
from wsi_swarm.swarm.ledger.rpc_client import RpcClient

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

KEYS = [bytes([i + 1]) * 32 for i in range(3)]
ALL = frozenset({0, 1, 2})
TERMS = RunTerms(b"c" * 32, b"b" * 32, 2, 2, enrol_seconds=600, commit_seconds=600, attest_seconds=600, max_weight=500)
COMMAND = [sys.executable, "-m", "wsi_swarm.cli.main", "chain"]


class Processes:
    """Chain processes of one test; what still runs at its end is killed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.running: list[subprocess.Popen[str]] = []

    def start(self, *options: str, limit_bytes: int | None = None) -> tuple[subprocess.Popen[str], dict[str, Any]]:
        command = [*COMMAND, "dev", "--port", "0", "--data", str(self.folder / "chain"), "--json", *options]
        # The kernel's limit of a file's size stands for a full disk.
        limit = None if limit_bytes is None else lambda: setrlimit(RLIMIT_FSIZE, (limit_bytes, limit_bytes))
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, preexec_fn=limit)
        self.running.append(process)
        assert process.stdout is not None
        return process, json.loads(process.stdout.readline())

    def deploy(self, url: str) -> Path:
        options: list[str] = []
        for who, key in enumerate(KEYS):
            path = self.folder / f"centre-{who}.join.json"
            endpoint = f"tcp://127.0.0.1:{7000 + who}"
            request = td.sign_join_request(key, 1337, td.ZERO_ADDRESS, key, endpoint, 2**40)
            write_join_file(path, JoinFile(path.name.split(".")[0], 1337, td.ZERO_ADDRESS, request))
            options += ["--founder", str(path)]
        out = self.folder / "federation.json"
        subprocess.run([*COMMAND, "deploy", "--rpc", url, "--out", str(out), *options], check=True, capture_output=True)
        return out

    def ledgers(self, url: str, federation: Path) -> list[EvmLedger]:
        told = read_federation(federation)
        return [EvmLedger(RpcClient(url), told, k, self.folder / f"nonces-{k[0]}.json") for k in KEYS]


@pytest.fixture
def processes(tmp_path: Path) -> Iterator[Processes]:
    made = Processes(tmp_path)
    yield made
    for process in made.running:
        process.kill()
        process.communicate()


def play_round(ledgers: list[EvmLedger], run: int) -> None:
    """Commit at once from three threads, then finalise."""
    state = ledgers[0].run(run)
    root = bytes([state.round + 100]) * 32
    with ThreadPoolExecutor(3) as pool:
        list(pool.map(lambda m: ledgers[m].commit(run, state.round, bytes([m + 1]) * 32), range(3)))
    state = ledgers[0].run(run)
    where = (1337, ledgers[0].contract, run, state.round, state.base_root, state.commits_hash)
    digest = td.attest_digest(*where, ALL, root)
    ledgers[1].finalise(run, state.round, ALL, root, {m: td.sign(KEYS[m], digest) for m in (0, 2)})


def open_run(ledgers: list[EvmLedger]) -> int:
    ledgers[1].vote(ledgers[0].propose_run(TERMS), True)
    with ThreadPoolExecutor(3) as pool:
        list(pool.map(lambda ledger: ledger.enrol(1, 5), ledgers))
    return 1


def test_round_of_three_processes_clients_survives_kill_9_of_the_chain(processes: Processes) -> None:
    first, told = processes.start()
    ledgers = processes.ledgers(told["url"], processes.deploy(told["url"]))
    run = open_run(ledgers)
    play_round(ledgers, run)
    before, events = ledgers[0].run(run), ledgers[0].events()
    assert (before.phase, before.round, before.base_root) == (Phase.COMMIT, 2, b"\x65" * 32)
    head = RpcClient(told["url"]).head()

    first.kill()
    first.wait()
    _, again = processes.start()
    assert again["block"] == head
    ledgers = processes.ledgers(again["url"], processes.folder / "federation.json")
    assert ledgers[0].events() == events
    after = ledgers[0].run(run)
    assert after.chain_time >= before.chain_time
    assert (after.base_root, after.commits_hash, after.weights) == (
        before.base_root,
        before.commits_hash,
        before.weights,
    )
    play_round(ledgers, run)
    assert ledgers[2].run(run).phase is Phase.FINISHED


def test_line_torn_by_a_crash_is_dropped_and_damage_is_refused(processes: Processes) -> None:
    process, told = processes.start()
    processes.deploy(told["url"])
    process.kill()
    process.wait()
    journal = processes.folder / "chain" / "blocks.jsonl"
    with journal.open("ab") as handle:
        handle.write(b'0badc0de {"time":17')
    process, again = processes.start()
    assert again["block"] == 1
    process.send_signal(signal.SIGTERM)
    assert process.wait() == 0
    text = journal.read_bytes()
    journal.write_bytes(text.replace(b'"genesis_time"', b'"genesis-time"'))
    damaged = subprocess.run(
        [*COMMAND, "dev", "--port", "0", "--data", str(processes.folder / "chain")], capture_output=True, text=True
    )
    assert damaged.returncode == 8
    assert "line 1 is damaged" in damaged.stderr


def test_full_disk_ends_the_chain_and_loses_nothing(processes: Processes) -> None:
    process, told = processes.start(limit_bytes=4096)
    with pytest.raises(subprocess.CalledProcessError) as refused:
        processes.deploy(told["url"])
    assert refused.value.returncode == 7
    _, words = process.communicate()
    assert (process.returncode, "cannot be written" in words) == (7, True)
    _, again = processes.start()
    assert again["block"] == 0
    processes.deploy(again["url"])
    assert RpcClient(again["url"]).head() == 1


def test_second_process_and_taken_port_are_refused_with_a_sentence(processes: Processes) -> None:
    _, told = processes.start("--ready-file", str(processes.folder / "ready.json"))
    assert json.loads((processes.folder / "ready.json").read_text()) == told
    second = [*COMMAND, "dev", "--port", "0", "--data", str(processes.folder / "chain")]
    refused = subprocess.run(second, capture_output=True, text=True)
    assert (refused.returncode, "in use by another" in refused.stderr) == (3, True)
    port = told["url"].rpartition(":")[2]
    refused = subprocess.run([*COMMAND, "dev", "--port", port], capture_output=True, text=True)
    assert (refused.returncode, "cannot listen" in refused.stderr) == (6, True)


def test_answers_come_in_one_piece_on_a_connection_that_stays_open(processes: Processes) -> None:
    _, told = processes.start()
    host, _, port = told["url"].removeprefix("http://").partition(":")
    body = json.dumps([{"jsonrpc": "2.0", "id": i, "method": "eth_chainId", "params": []} for i in range(2)]).encode()
    request = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(body) + body
    with socket.create_connection((host, int(port))) as connection:
        for _ in range(3):
            connection.sendall(request)
            head, _, answer = connection.recv(65536).partition(b"\r\n\r\n")
            assert b"keep-alive" in head
            assert [one["result"] for one in json.loads(answer)] == ["0x539", "0x539"]
        connection.sendall(b"POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\n{nope")
        assert b"-32700" in connection.recv(65536)
        connection.sendall(b"GET / HTTP/1.1\r\n\r\n")
        assert connection.recv(65536).startswith(b"HTTP/1.1 400")
        assert connection.recv(1) == b""


def test_flood_of_an_endless_head_is_cut_off(processes: Processes) -> None:
    process, told = processes.start()
    host, _, port = told["url"].removeprefix("http://").partition(":")
    endless = b"x" * (256 * 1024 * 1024)
    with socket.create_connection((host, int(port))) as connection, pytest.raises(OSError, match=r"reset|Broken pipe"):
        connection.sendall(endless)
    assert RpcClient(told["url"]).chain_id() == 1337
    os.kill(process.pid, signal.SIGINT)
    assert process.wait() == 0
