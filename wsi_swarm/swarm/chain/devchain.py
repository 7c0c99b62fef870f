"""The embedded chain: engine, journal, waiting transactions and the block rule. The wall clock is injected.

Block rule: one block per ``block_time`` seconds at most (0: as many as there are transactions), with the wall second
as its timestamp, so that chain time never runs ahead of the wall clock. A transaction that comes when a block is due
is mined at once; others gather until then.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wsi_swarm.errors import IntegrityError
from wsi_swarm.swarm.chain.engine import BadTransaction, Block, Engine, Receipt, Transaction
from wsi_swarm.swarm.chain.journal import Journal, JournalledBlock

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

BLOCK_GAS = 45_000_000
"""Gas that transactions of a block may ask for together; below the target, so that the base fee stays 0."""
MAX_WAITING = 4096


class DevChain:
    """A chain in this process.

    Parameters
    ----------
    clock : callable
        Wall time in seconds, as ``time.time``.
    chain_id : int
        EIP-155 chain id.
    block_time : int
        Whole seconds between two blocks; 0 mines each transaction at once, and blocks may then share a timestamp.
    folder : Path or None
        Where the journal is; without one the chain is forgotten when the process ends.

    Raises
    ------
    ConfigError, IntegrityError
        See :class:`Journal`; IntegrityError also when the replay leads to another block than the journal says.
    """

    def __init__(
        self, clock: Callable[[], float], chain_id: int, folder: Path | None = None, block_time: int = 1
    ) -> None:
        self._clock, self._block_time = clock, block_time
        genesis_time = int(clock()) - 1
        self._journal = Journal(folder, chain_id, genesis_time) if folder else None
        self.engine = Engine(chain_id, self._journal.genesis_time if self._journal else genesis_time)
        self.receipts: dict[bytes, tuple[Block, int, Receipt]] = {}
        self._waiting: dict[tuple[bytes, int], Transaction] = {}
        for block in self._journal.blocks if self._journal else ():
            self._replay(block)

    def submit(self, raw: bytes) -> bytes:
        """Take a raw transaction and return its hash; a block may be mined at once.

        Raises
        ------
        BadTransaction
            It cannot be decoded, its nonce is used, it asks for too much gas, or too many are waiting.
        """
        transaction = self.engine.decode(raw)
        slot = (transaction.sender, transaction.nonce)
        if transaction.hash in self.receipts or self._waiting.get(slot) == transaction:
            msg = "already known"
            raise BadTransaction(msg)
        if transaction.nonce < self.engine.nonce(transaction.sender):
            msg = "nonce too low"
            raise BadTransaction(msg)
        if slot in self._waiting:
            msg = "replacement transaction underpriced"
            raise BadTransaction(msg)
        if transaction.gas > BLOCK_GAS:
            msg = "exceeds block gas limit"
            raise BadTransaction(msg)
        if transaction.value or transaction.max_fee:
            msg = "insufficient funds: this chain has no ether; send no value and a gas price of 0"
            raise BadTransaction(msg)
        if len(self._waiting) >= MAX_WAITING:
            msg = "too many transactions are waiting"
            raise BadTransaction(msg)
        self._waiting[slot] = transaction
        self.mine_if_due()
        return transaction.hash

    def mine_if_due(self) -> float | None:
        """Mine what waits if a block is due.

        Returns
        -------
        float or None
            Seconds until transactions that wait can be mined; None if none can.
        """
        now = self._clock()
        ready = self._ready()
        if not ready:
            return None
        if int(now) < self._due():
            return self._due() - now
        for transaction in ready:
            del self._waiting[transaction.sender, transaction.nonce]
        block, _ = self.engine.seal(ready, int(now))
        if self._journal:
            raw = tuple(receipt.transaction.raw for receipt in block.receipts)
            self._journal.append(JournalledBlock(block.timestamp, raw, block.hash))
        self._index(block)
        return max(self._due() - now, 0.0) if self._ready() else None

    def pending_time(self) -> int:
        """Return the timestamp that a block mined now would have."""
        return max(int(self._clock()), self._due())

    def pending_nonce(self, account: bytes) -> int:
        """Return the next unused nonce, counting transactions that wait."""
        nonce = self.engine.nonce(account)
        while (account, nonce) in self._waiting:
            nonce += 1
        return nonce

    def waiting(self, transaction_hash: bytes) -> Transaction | None:
        """Return a transaction that is not yet in a block."""
        return next((t for t in self._waiting.values() if t.hash == transaction_hash), None)

    def close(self) -> None:
        """Release the journal."""
        if self._journal:
            self._journal.close()

    def _due(self) -> int:
        """Return the first second in which the next block may be."""
        return self.engine.head.timestamp + self._block_time

    def _ready(self) -> list[Transaction]:
        """Return those without a gap in their sender's nonces, as many as fit a block, first come first."""
        nonces: dict[bytes, int] = {}
        ready: list[Transaction] = []
        gas = 0
        left = list(self._waiting.values())
        while left:
            later: list[Transaction] = []
            before = len(ready)
            for transaction in left:
                due = nonces.setdefault(transaction.sender, self.engine.nonce(transaction.sender))
                if transaction.nonce == due and gas + transaction.gas <= BLOCK_GAS:
                    ready.append(transaction)
                    gas += transaction.gas
                    nonces[transaction.sender] = due + 1
                else:
                    later.append(transaction)
            if len(ready) == before:
                break
            left = later
        return ready

    def _replay(self, line: JournalledBlock) -> None:
        block, left_out = self.engine.seal([self.engine.decode(raw) for raw in line.raw_transactions], line.timestamp)
        if left_out or block.hash != line.block_hash:
            self.close()
            msg = (
                f"block {block.number} of the chain's journal leads to another result than it did when it was mined; "
                "the journal or the py-evm version was changed: restore it, or begin anew in another --data folder."
            )
            raise IntegrityError(msg)
        self._index(block)

    def _index(self, block: Block) -> None:
        for place, receipt in enumerate(block.receipts):
            self.receipts[receipt.transaction.hash] = (block, place, receipt)
