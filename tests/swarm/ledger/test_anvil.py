"""A real node of another make (anvil, from npm) whose chain is reorganised while a transaction is under way."""

from __future__ import annotations

import json
import socket
import subprocess
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from wsi_swarm.swarm.ledger import typed_data as td
from wsi_swarm.swarm.ledger.base import RunTerms
from wsi_swarm.swarm.ledger.deploy import deploy
from wsi_swarm.swarm.ledger.evm import EvmLedger
from wsi_swarm.swarm.ledger.rpc_client import RpcClient

if TYPE_CHECKING:
    from collections.abc import Iterator

TERMS = RunTerms(b"c" * 32, b"b" * 32, 9, 2, enrol_seconds=100, commit_seconds=600, attest_seconds=600, max_weight=500)
KEYS = [bytes([i + 1]) * 32 for i in range(3)]
NODE_MODULES = Path(__file__).parents[3] / "contracts" / "node_modules" / "@foundry-rs"


class Anvil:
    """The node; a block each second."""

    def __init__(self, binary: Path) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        options = ["--port", str(port), "--chain-id", "1337", "--block-time", "1", "--hardfork", "paris"]
        options += ["--gas-price", "0", "--block-base-fee-per-gas", "0", "--disable-min-priority-fee"]
        self.process = subprocess.Popen([binary, *options], stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        assert any("Listening on" in line for line in self.process.stdout)

    def ask(self, method: str, *params: object) -> Any:
        body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).encode()
        request = urllib.request.Request(self.url, body, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=10) as answer:
            told = json.loads(answer.read())
        assert "error" not in told, told
        return told["result"]


@pytest.fixture
def anvil() -> Iterator[Anvil]:
    found = sorted(NODE_MODULES.glob("anvil-*/bin/anvil"))
    if not found:
        pytest.skip("anvil is absent; run `npm ci` in contracts/")
    node = Anvil(found[0])
    yield node
    node.process.kill()
    node.process.communicate()


@pytest.mark.slow
def test_commit_survives_a_reorganisation(anvil: Anvil, tmp_path: Path) -> None:
    client = RpcClient(anvil.url)
    now = int(anvil.ask("eth_getBlockByNumber", "latest", False)["timestamp"], 16)
    founders = {
        f"c{k[0]}": td.sign_join_request(k, 1337, td.ZERO_ADDRESS, k, f"tcp://h{k[0]}:1", now + 9999) for k in KEYS
    }
    federation = deploy(client, KEYS[0], tmp_path / "deploy.json", founders, 10_000, now=now, confirmations=3)
    ledgers = [EvmLedger(client, federation, k, tmp_path / f"{k[0]}.json") for k in KEYS]
    ledgers[1].vote(ledgers[0].propose_run(TERMS), True)
    with ThreadPoolExecutor(3) as pool:
        list(pool.map(lambda ledger: ledger.enrol(1, 5), ledgers))
        journal, sent_in = tmp_path / "1.json", None
        committing = pool.submit(ledgers[0].commit, 1, 1, b"x" * 32)
        while sent_in is None:
            assert not committing.done()
            waiting = json.loads(journal.read_text())
            receipt = anvil.ask("eth_getTransactionReceipt", "0x" + waiting[0]["hash"]) if waiting else None
            sent_in = receipt and int(receipt["blockNumber"], 16)
        assert ledgers[0].run(1).committed == frozenset(), "in a block that is not final"
        head = int(anvil.ask("eth_blockNumber"), 16)
        anvil.ask("anvil_reorg", head - sent_in + 1, [])
        assert anvil.ask("eth_getTransactionReceipt", "0x" + waiting[0]["hash"]) is None
        committing.result(timeout=60)
    assert ledgers[0].commits(1, 1) == {0: b"x" * 32}
    again = anvil.ask("eth_getTransactionReceipt", "0x" + waiting[0]["hash"])
    assert again is not None, "the same bytes, in another block"
    assert json.loads(journal.read_text()) == []
