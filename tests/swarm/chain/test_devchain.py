"""Block rule, transaction pool and journal, on a clock that only the test moves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
from eth_account import Account

from wsi_swarm.errors import ConfigError, IntegrityError
from wsi_swarm.swarm.chain.devchain import DevChain
from wsi_swarm.swarm.chain.engine import BadTransaction
from wsi_swarm.swarm.chain.rpc import Rpc
from wsi_swarm.swarm.ledger import typed_data as td

if TYPE_CHECKING:
    from pathlib import Path

KEYS = [bytes([i + 1]) * 32 for i in range(3)]
STORE_TIME = bytes.fromhex("6005600c60003960056000f3" + "4260005500")
"""Code that deploys a contract which stores the block's timestamp in slot 0 when called."""
RETURN_TIME = bytes.fromhex("6009600c60003960096000f3" + "4260005260206000f3")
"""Code that deploys a contract which returns the time of the block it is called in."""


@dataclass
class Clock:
    now: float = 1_000.5

    def __call__(self) -> float:
        return self.now


def transaction(who: int, nonce: int, to: bytes = b"\xaa" * 20, chain_id: int = 1337, **changed: object) -> bytes:
    told = {"chainId": chain_id, "nonce": nonce, "gas": 200_000, "gasPrice": 0, "value": 0, "data": b""}
    told |= {"to": td.checksum_address(to)} if to else {"data": STORE_TIME}
    return bytes(Account.sign_transaction(told | changed, KEYS[who]).raw_transaction)


def test_one_block_per_second_at_most_and_never_ahead_of_the_clock() -> None:
    clock = Clock()
    chain = DevChain(clock, 1337)
    chain.submit(transaction(0, 0))
    assert (chain.engine.head.number, chain.engine.head.timestamp) == (1, 1000)
    chain.submit(transaction(0, 1))
    chain.submit(transaction(1, 0))
    assert chain.engine.head.number == 1, "same second: they gather"
    assert chain.mine_if_due() == pytest.approx(0.5)
    clock.now = 1_001.0
    assert chain.mine_if_due() is None
    head = chain.engine.head
    assert (head.number, head.timestamp, len(head.receipts)) == (2, 1001, 2)
    clock.now = 990.0
    chain.submit(transaction(1, 1))
    assert chain.mine_if_due() == pytest.approx(12.0), "a clock set back makes the chain wait, not lie"


def test_block_time_0_mines_each_transaction_at_once_and_replays(tmp_path: Path) -> None:
    clock = Clock()
    chain = DevChain(clock, 1337, tmp_path, block_time=0)
    for nonce in range(3):
        chain.submit(transaction(0, nonce))
    assert [(b.number, b.timestamp, len(b.receipts)) for b in chain.engine.blocks[1:]] == [
        (n, 1000, 1) for n in (1, 2, 3)
    ]
    assert (chain.pending_time(), chain.mine_if_due()) == (1000, None)
    clock.now = 990.0
    chain.submit(transaction(0, 3))
    assert chain.engine.head.number == 3, "time never runs backwards"
    clock.now = 1_000.0
    assert chain.mine_if_due() is None
    assert chain.engine.head.number == 4
    chain.close()
    assert DevChain(clock, 1337, tmp_path).engine.blocks == chain.engine.blocks


def test_longer_block_time_gathers_longer() -> None:
    clock = Clock()
    chain = DevChain(clock, 1337, block_time=5)
    clock.now = 1_004.0
    chain.submit(transaction(0, 0))
    assert chain.engine.head.timestamp == 1004
    clock.now = 1_008.5
    chain.submit(transaction(0, 1))
    assert (chain.mine_if_due(), chain.pending_time()) == (pytest.approx(0.5), 1009)
    clock.now = 1_009.0
    assert (chain.mine_if_due(), chain.engine.head.timestamp) == (None, 1009)


def test_kept_answers_end_with_the_block_and_with_the_second() -> None:
    clock = Clock()
    chain = DevChain(clock, 1337, block_time=0)
    rpc = Rpc(chain)
    chain.submit(transaction(0, 0, to=b"", data=RETURN_TIME))
    created = chain.engine.head.receipts[0].created
    assert created is not None

    def ask(data: str = "0x") -> int:
        request = {"id": 1, "method": "eth_call", "params": [{"to": "0x" + created.hex(), "data": data}, "latest"]}
        return int(rpc.answer(request)["result"], 16)

    assert ask() == ask() == 1000
    clock.now = 1_001.0
    assert ask() == 1001
    clock.now = 999.0
    assert ask() == 1000
    for number in range(2500):
        assert ask(hex(number + 2**16)) == 1000


def test_contract_reads_the_second_of_its_block() -> None:
    clock = Clock()
    chain = DevChain(clock, 1337)
    chain.submit(transaction(0, 0, to=b""))
    created = chain.engine.head.receipts[0].created
    assert created is not None
    clock.now = 2_000.9
    chain.submit(transaction(0, 1, to=created))
    assert chain.engine.storage(created, 0) == 2_000


def test_gap_in_the_nonces_waits_until_it_is_filled() -> None:
    clock = Clock()
    chain = DevChain(clock, 1337)
    chain.submit(transaction(0, 1))
    assert chain.engine.head.number == 0
    account = bytes.fromhex(Account.from_key(KEYS[0]).address[2:])
    assert chain.pending_nonce(account) == 0
    chain.submit(transaction(0, 0))
    assert [r.transaction.nonce for r in chain.engine.head.receipts] == [0, 1]
    assert chain.pending_nonce(account) == 2


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (transaction(0, 0), "already known"),
        (transaction(0, 0, gas=100_000), "nonce too low"),
        (transaction(0, 1, gas=300_000), "replacement transaction underpriced"),
        (transaction(0, 1), "already known"),
        (transaction(1, 0, gas=2**40), "exceeds block gas limit"),
        (transaction(1, 0, gasPrice=1), "insufficient funds"),
        (transaction(1, 0, value=1), "insufficient funds"),
        (transaction(1, 0, chain_id=1), "signed for chain 1, this is chain 1337"),
        (b"", "cannot be decoded"),
        (b"\x02\xc0", "cannot be decoded"),
        (transaction(1, 0)[:-1], "cannot be decoded"),
        (b"\xff" * 100, "cannot be decoded"),
    ],
)
def test_bad_transactions_are_refused_in_words_that_libraries_know(raw: bytes, words: str) -> None:
    chain = DevChain(Clock(), 1337)
    chain.submit(transaction(0, 0))
    chain.submit(transaction(0, 1))
    with pytest.raises(BadTransaction, match=words):
        chain.submit(raw)


def grown(folder: Path) -> tuple[DevChain, Clock]:
    clock = Clock()
    chain = DevChain(clock, 1337, folder)
    for nonce in range(3):
        chain.submit(transaction(0, nonce, to=b"" if nonce == 0 else b"\xaa" * 20))
        clock.now += 1
    chain.close()
    return chain, clock


def test_journal_replays_to_the_same_blocks(tmp_path: Path) -> None:
    chain, clock = grown(tmp_path)
    again = DevChain(clock, 1337, tmp_path)
    assert again.engine.blocks == chain.engine.blocks
    assert again.engine.head.state_root == chain.engine.head.state_root
    assert again.receipts.keys() == chain.receipts.keys()


@pytest.mark.parametrize("keep", [1, 30, -1])
def test_torn_last_line_is_dropped_and_overwritten(keep: int, tmp_path: Path) -> None:
    chain, clock = grown(tmp_path)
    journal = tmp_path / "blocks.jsonl"
    lines = journal.read_bytes().splitlines(keepends=True)
    journal.write_bytes(b"".join(lines[:-1]) + lines[-1][:keep])
    again = DevChain(clock, 1337, tmp_path)
    assert again.engine.blocks == chain.engine.blocks[:-1]
    again.submit(transaction(0, 2))
    again.close()
    assert DevChain(clock, 1337, tmp_path).engine.head == again.engine.head


def test_damage_before_the_last_line_is_refused(tmp_path: Path) -> None:
    _, clock = grown(tmp_path)
    journal = tmp_path / "blocks.jsonl"
    lines = journal.read_bytes().splitlines(keepends=True)
    lines[2] = lines[2].replace(b"1", b"2")
    journal.write_bytes(b"".join(lines))
    with pytest.raises(IntegrityError, match="line 3 is damaged"):
        DevChain(clock, 1337, tmp_path)


def test_journal_that_leads_elsewhere_is_refused(tmp_path: Path) -> None:
    from wsi_swarm.swarm.chain.journal import Journal, JournalledBlock

    _, clock = grown(tmp_path)
    journal = Journal(tmp_path, 1337, 0)
    journal.append(JournalledBlock(5_000, (transaction(0, 3),), b"\1" * 32))
    journal.close()
    with pytest.raises(IntegrityError, match="block 4"):
        DevChain(clock, 1337, tmp_path)


def test_journal_belongs_to_one_process_and_one_chain(tmp_path: Path) -> None:
    open_chain = DevChain(Clock(), 1337, tmp_path)
    with pytest.raises(ConfigError, match="in use by another"):
        DevChain(Clock(), 1337, tmp_path)
    open_chain.close()
    with pytest.raises(ConfigError, match="not the journal of chain 7"):
        DevChain(Clock(), 7, tmp_path)


def ask(rpc: Rpc, method: str, *params: object) -> object:
    answer = rpc.answer({"jsonrpc": "2.0", "id": 5, "method": method, "params": list(params)})
    assert isinstance(answer, dict)
    assert answer["id"] == 5
    return answer["result"] if "result" in answer else answer["error"]


def test_rpc_answers_wrong_questions_with_an_error(tmp_path: Path) -> None:
    chain, clock = grown(tmp_path)
    rpc = Rpc(chain)
    clock.now += 1
    assert ask(rpc, "eth_mine")["code"] == -32601  # type: ignore[index]
    assert ask(rpc, "eth_getCode")["code"] == -32602  # type: ignore[index]
    assert ask(rpc, "eth_getCode", 7)["code"] == -32602  # type: ignore[index]
    assert ask(rpc, "eth_getBlockByNumber", "0x99", False) is None
    old = ask(rpc, "eth_call", {"to": "0x" + "aa" * 20}, "0x1")
    assert "keeps no old states" in old["message"]  # type: ignore[index]
    assert rpc.answer([]) == []
    assert rpc.answer(7)["error"]["code"] == -32601  # type: ignore[index]
    assert ask(rpc, "eth_estimateGas", {"to": "0x" + "aa" * 20}) == hex(21000 * 5 // 4)
    assert ask(rpc, "eth_getTransactionReceipt", "0x" + "00" * 32) is None
    block = ask(rpc, "eth_getBlockByNumber", "latest", True)
    assert block == ask(rpc, "eth_getBlockByHash", block["hash"], True)  # type: ignore[index]
    assert ask(rpc, "eth_getTransactionByHash", block["transactions"][0]["hash"]) == block["transactions"][0]  # type: ignore[index]
