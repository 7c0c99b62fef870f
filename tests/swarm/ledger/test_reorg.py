"""A chain that reorganises: what is not final is not done, and what a fork dropped is sent again, byte for byte."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from web3.providers import BaseProvider

from wsi_swarm.swarm.chain.devchain import DevChain
from wsi_swarm.swarm.chain.rpc import Rpc
from wsi_swarm.swarm.ledger import sender
from wsi_swarm.swarm.ledger.base import AlreadyDoneError, Committed, RunTerms, UnreachableError
from wsi_swarm.swarm.ledger.rpc_client import RpcClient

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from wsi_swarm.swarm.ledger.evm import EvmLedger

TERMS = RunTerms(b"c" * 32, b"b" * 32, 9, 2, enrol_seconds=100, commit_seconds=600, attest_seconds=600, max_weight=500)
CONFIRMATIONS = 2


class Forking(BaseProvider):
    """Stands between a test's provider and its chain: mines empty blocks, keeps old states, reorganises."""

    def __init__(self, world: Any) -> None:
        super().__init__()
        self.world, self.chain = world, world.chain
        self.mines = True
        self.sent: list[str] = []
        self.before_head: Callable[[], None] = lambda: None

    def make_request(self, method: Any, params: Any) -> Any:
        if method == "eth_sendRawTransaction":
            self.sent.append(params[0])
        if method == "eth_blockNumber":
            self.before_head()
            if self.mines:
                self.mine()
        if method == "eth_call" and params[1] != "latest":
            with self.standing_at(int(params[1], 16)):
                return self.world.provider.make_request(method, [params[0], "latest"])
        return self.world.provider.make_request(method, params)

    @contextmanager
    def standing_at(self, number: int) -> Iterator[None]:
        """Take an older block for the head: the embedded chain keeps all states, it only does not answer for them."""
        engine, now = self.chain.engine, self.world.clock.now
        head, blocks = engine._chain.get_canonical_block_header_by_number(number), engine.blocks
        engine._chain.get_canonical_head = lambda: head
        engine.blocks, self.world.clock.now = blocks[: number + 1], head.timestamp
        yield
        del engine._chain.get_canonical_head
        engine.blocks, self.world.clock.now = blocks, now

    def mine(self) -> None:
        self.world.clock.now += 1
        self.chain._index(self.chain.engine.seal([], int(self.world.clock.now))[0])

    def fork(self, blocks: list[Any]) -> DevChain:
        """Return another chain with these blocks."""
        began = self.chain.engine.blocks[0].timestamp + 1
        other = DevChain(lambda: began, self.chain.engine.chain_id)
        for block in blocks:
            raw = [other.engine.decode(receipt.transaction.raw) for receipt in block.receipts]
            other._index(other.engine.seal(raw, block.timestamp)[0])
        other._clock = self.world.clock
        return other

    def reorganise(self, depth: int) -> None:
        """Drop the last blocks and what was in them."""
        dropped = self.chain.engine.blocks[-depth:]
        self.chain = self.fork(self.chain.engine.blocks[1:-depth])
        for _ in dropped:
            self.mine()
        self.world.provider._rpc = Rpc(self.chain)


@pytest.fixture
def forking(world: Any, monkeypatch: pytest.MonkeyPatch) -> Forking:
    monkeypatch.setattr(sender, "_RESEND_S", 0.0)
    made = Forking(world)
    world.client = RpcClient("forking", provider=made)
    world.federation = replace(world.federation, confirmations=CONFIRMATIONS)
    world.ledgers = [world.ledger(who) for who in range(3)]
    world.ledgers[1].vote(world.ledgers[0].propose_run(TERMS), True)
    for ledger in world.ledgers:
        ledger.enrol(1, 5)
    made.sent.clear()
    return made


def test_what_is_read_is_final(forking: Forking, world: Any) -> None:
    ledger: EvmLedger = world.ledgers[0]
    ledger.commit(1, 1, b"x" * 32)
    seen = len([e for e in ledger.events()[0] if isinstance(e, Committed)])
    assert (seen, ledger.run(1).committed, ledger.commits(1, 1)) == (1, {0}, {0: b"x" * 32})
    forking.reorganise(CONFIRMATIONS)
    assert ledger.run(1).committed == {0}


def test_transaction_that_a_reorganisation_dropped_is_sent_again_byte_for_byte(forking: Forking, world: Any) -> None:
    drops = iter([2, 1])

    def drop_as_soon_as_it_is_in_a_block() -> None:
        if forking.chain.receipts.keys() & _hashes(forking) and (depth := next(drops, 0)):
            forking.reorganise(depth)

    forking.before_head = drop_as_soon_as_it_is_in_a_block
    world.ledgers[0].commit(1, 1, b"x" * 32)
    assert len(forking.sent) == 3
    assert len(set(forking.sent)) == 1
    assert world.ledgers[0].commits(1, 1) == {0: b"x" * 32}


def _hashes(forking: Forking) -> set[bytes]:
    return {forking.chain.engine.decode(bytes.fromhex(raw[2:])).hash for raw in forking.sent}


def test_dropped_transaction_with_a_smaller_nonce_does_not_hold_up_the_next(forking: Forking, world: Any) -> None:
    """The first call is over (its process died); only the journal knows of it."""
    world.provider.lose = {"eth_getTransactionReceipt"}
    with pytest.raises(UnreachableError):
        world.ledgers[0].commit(1, 1, b"x" * 32)
    forking.reorganise(1)
    assert forking.chain.engine.nonce(bytes.fromhex(world.ledgers[0].account[2:])) == 2
    world.provider.lose = set()
    world.ledgers[0].rotate_key(b"r" * 32, b"e" * 32)
    assert world.ledgers[0].commits(1, 1) == {0: b"x" * 32}
    assert world.ledgers[0].members()[0].curve_key == b"r" * 32


def test_own_effect_that_is_not_final_is_waited_for(forking: Forking, world: Any) -> None:
    world.provider.lose = {"eth_getTransactionReceipt"}
    with pytest.raises(UnreachableError):
        world.ledgers[0].commit(1, 1, b"x" * 32)
    world.provider.lose = set()
    assert world.ledgers[0].run(1).committed == frozenset(), "in a block that is not final"
    world.ledgers[0].commit(1, 1, b"x" * 32)
    assert world.ledgers[0].run(1).committed == {0}
    assert len(set(forking.sent)) == 1


def test_effect_of_an_unknown_transaction_is_no_success_until_it_is_final(forking: Forking, world: Any) -> None:
    """The journal is lost: the chain says "already" of a block that may yet go."""
    world.provider.lose = {"eth_getTransactionReceipt"}
    with pytest.raises(UnreachableError):
        world.ledgers[0].commit(1, 1, b"x" * 32)
    world.provider.lose = set()
    (world.folder / "nonces-0.json").unlink()
    forking.mines = False
    with pytest.raises(AlreadyDoneError):
        world.ledgers[0].commit(1, 1, b"x" * 32)
    forking.mine()
    forking.mine()
    world.ledgers[0].commit(1, 1, b"x" * 32)
    assert world.ledgers[0].run(1).committed == {0}
