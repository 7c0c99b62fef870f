"""A real node of another make (anvil, from npm) whose chain is reorganised while a transaction is under way."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from tests.waiting import until
from wsi_swarm.swarm.ledger import typed_data as td
from wsi_swarm.swarm.ledger.base import RunTerms
from wsi_swarm.swarm.ledger.deploy import deploy
from wsi_swarm.swarm.ledger.evm import EvmLedger
from wsi_swarm.swarm.ledger.rpc_client import RpcClient

if TYPE_CHECKING:
    from pathlib import Path

    from tests.anvil import Anvil

TERMS = RunTerms(b"c" * 32, b"b" * 32, 9, 2, enrol_seconds=100, commit_seconds=600, attest_seconds=600, max_weight=500)
KEYS = [bytes([i + 1]) * 32 for i in range(3)]


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
        journal = tmp_path / "1.json"
        committing = pool.submit(ledgers[0].commit, 1, 1, b"x" * 32)

        def receipt_of_what_waits() -> tuple[str, dict[str, str]] | None:
            assert not committing.done()
            waiting = json.loads(journal.read_text())
            receipt = anvil.ask("eth_getTransactionReceipt", "0x" + waiting[0]["hash"]) if waiting else None
            return receipt and ("0x" + waiting[0]["hash"], receipt)

        sent, receipt = until("the commit is in a block", receipt_of_what_waits)
        assert ledgers[0].run(1).committed == frozenset(), "in a block that is not final"
        head = int(anvil.ask("eth_blockNumber"), 16)
        anvil.reorganise(head - int(receipt["blockNumber"], 16) + 1)
        assert anvil.ask("eth_getTransactionReceipt", sent) is None
        committing.result(timeout=60)
    assert ledgers[0].commits(1, 1) == {0: b"x" * 32}
    again = anvil.ask("eth_getTransactionReceipt", sent)
    assert again is not None, "the same bytes, in another block"
    assert json.loads(journal.read_text()) == []
