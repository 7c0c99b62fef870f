# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportUnknownParameterType=false, reportMissingTypeStubs=false
# Why: py-evm's interfaces are only half annotated. Nothing untyped leaves this module.
"""The EVM of the embedded chain: a thin typed edge over py-evm. No clock, no disk, no network."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import rlp
from eth.chains.base import MiningChain
from eth.constants import BLANK_ROOT_HASH, ZERO_HASH32
from eth.db.atomic import AtomicDB
from eth.exceptions import Revert, VMError
from eth.vm.forks.paris import ParisVM
from eth.vm.spoof import SpoofTransaction
from eth_hash.auto import keccak
from eth_utils.exceptions import ValidationError

GAS_LIMIT = 100_000_000
"""Gas of a block; only half of it is ever used, so that the base fee (0 at genesis) stays 0."""


class BadTransaction(Exception):  # noqa: N818  # it names what was sent, as the RPC answer does
    """A raw transaction that cannot be decoded, is not signed for this chain, or cannot be in a block."""


class CallReverted(Exception):  # noqa: N818
    """A call reverted; ``data`` is what the contract said."""

    def __init__(self, data: bytes) -> None:
        super().__init__("execution reverted")
        self.data = data


@dataclass(frozen=True, slots=True)
class Transaction:
    """A decoded raw transaction whose signature was checked."""

    raw: bytes
    hash: bytes
    sender: bytes
    nonce: int
    to: bytes
    gas: int
    value: int
    data: bytes
    type: int
    max_fee: int


@dataclass(frozen=True, slots=True)
class Log:
    """One event record."""

    address: bytes
    topics: tuple[bytes, ...]
    data: bytes


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of a transaction in its block."""

    transaction: Transaction
    succeeded: bool
    gas_used: int
    cumulative_gas: int
    created: bytes | None
    logs: tuple[Log, ...]


@dataclass(frozen=True, slots=True)
class Block:
    """A sealed block."""

    number: int
    hash: bytes
    parent_hash: bytes
    timestamp: int
    state_root: bytes
    gas_used: int
    receipts: tuple[Receipt, ...]


class _VM(ParisVM):
    """Paris, but a block may have the second of its parent: several a second, and none ahead of the wall clock."""

    @classmethod
    def validate_header(cls, header: Any, parent_header: Any) -> None:
        if header.timestamp == parent_header.timestamp:
            parent_header = parent_header.copy(timestamp=parent_header.timestamp - 1)
        super().validate_header(header, parent_header)


class Engine:
    """A chain that starts from an empty state; nobody needs ether, since gas costs nothing.

    Parameters
    ----------
    chain_id : int
        EIP-155 chain id.
    genesis_time : int
        Timestamp of block 0.
    """

    def __init__(self, chain_id: int, genesis_time: int) -> None:
        self.chain_id = chain_id
        configured = MiningChain.configure("EmbeddedChain", vm_configuration=((0, _VM),), chain_id=chain_id)
        genesis: dict[str, Any] = {
            "difficulty": 0,
            "gas_limit": GAS_LIMIT,
            "timestamp": genesis_time,
            "base_fee_per_gas": 0,
            "receipt_root": BLANK_ROOT_HASH,
            "transaction_root": BLANK_ROOT_HASH,
            "mix_hash": ZERO_HASH32,
            "nonce": bytes(8),
        }
        self._chain: Any = configured.from_genesis(AtomicDB(), genesis, {})
        head = self._chain.get_canonical_head()
        self.blocks: list[Block] = [Block(0, head.hash, head.parent_hash, head.timestamp, head.state_root, 0, ())]

    @property
    def head(self) -> Block:
        """The last block."""
        return self.blocks[-1]

    def decode(self, raw: bytes) -> Transaction:
        """Decode a raw transaction and check its signature.

        Raises
        ------
        BadTransaction
            It is no transaction, is not signed, or is signed for another chain.
        """
        try:
            decoded = self._chain.get_vm().get_transaction_builder().decode(raw)
            decoded.validate()
            sender = bytes(decoded.sender)
        except (rlp.exceptions.RLPException, ValidationError, VMError, ValueError, TypeError) as error:
            msg = f"the raw transaction cannot be decoded: {error}"
            raise BadTransaction(msg) from error
        if decoded.chain_id != self.chain_id:
            msg = f"the transaction is signed for chain {decoded.chain_id}, this is chain {self.chain_id}"
            raise BadTransaction(msg)
        return Transaction(
            raw=raw,
            hash=bytes(decoded.hash),
            sender=sender,
            nonce=decoded.nonce,
            to=bytes(decoded.to),
            gas=decoded.gas,
            value=decoded.value,
            data=bytes(decoded.data),
            type=raw[0] if raw[0] < 0x80 else 0,
            max_fee=decoded.max_fee_per_gas,
        )

    def seal(self, transactions: list[Transaction], timestamp: int) -> tuple[Block, list[tuple[Transaction, str]]]:
        """Execute the transactions in this order and append the block.

        Returns
        -------
        tuple
            The block, and the transactions that could not be in it with the reason.
        """
        chain, parent = self._chain, self._chain.get_canonical_head()
        # Before the first transaction: py-evm executes under the header that the chain holds at that moment.
        chain.header = chain.create_header_from_parent(parent, timestamp=timestamp, gas_limit=GAS_LIMIT)
        receipts: list[Receipt] = []
        left_out: list[tuple[Transaction, str]] = []
        gas = 0
        for transaction in transactions:
            try:
                decoded = chain.get_vm().get_transaction_builder().decode(transaction.raw)
                _, receipt, _ = chain.apply_transaction(decoded)
            except (ValidationError, VMError) as error:
                left_out.append((transaction, str(error)))
                continue
            receipts.append(_receipt(transaction, receipt, gas))
            gas = receipt.gas_used
        header = chain.mine_block().header
        block = Block(
            header.block_number,
            header.hash,
            header.parent_hash,
            header.timestamp,
            header.state_root,
            header.gas_used,
            tuple(receipts),
        )
        self.blocks.append(block)
        return block, left_out

    def call(self, sender: bytes, to: bytes, data: bytes, gas: int, timestamp: int) -> tuple[bytes, int]:
        """Execute a message on top of the head, as if in a block with this timestamp, and forget it.

        Returns
        -------
        tuple
            Output and gas used.

        Raises
        ------
        CallReverted
            The contract reverted; its data is attached (empty for other failures of the EVM).
        """
        state = self._pending_state(timestamp)
        unsigned = self._chain.create_unsigned_transaction(
            nonce=state.get_nonce(sender), gas_price=0, gas=gas, to=to, value=0, data=data
        )
        try:
            done = state.costless_execute_transaction(SpoofTransaction(unsigned, from_=sender))
        except ValidationError as error:
            raise CallReverted(b"") from error
        if done.is_error:
            raise CallReverted(bytes(done.output) if isinstance(done.error, Revert) else b"")
        return bytes(done.output), gas - done.get_gas_remaining()

    def nonce(self, account: bytes) -> int:
        """Return how many transactions of the account are in blocks."""
        return self._pending_state(self.head.timestamp + 1).get_nonce(account)

    def code(self, account: bytes) -> bytes:
        """Return the code of a contract; empty for other accounts."""
        return bytes(self._pending_state(self.head.timestamp + 1).get_code(account))

    def storage(self, account: bytes, slot: int) -> int:
        """Return a word of a contract's storage."""
        return self._pending_state(self.head.timestamp + 1).get_storage(account, slot)

    def _pending_state(self, timestamp: int) -> Any:
        head = self._chain.get_canonical_head()
        header = self._chain.create_header_from_parent(head, timestamp=timestamp, gas_limit=GAS_LIMIT)
        return self._chain.get_vm(header).state


def _receipt(transaction: Transaction, receipt: Any, gas_before: int) -> Receipt:
    succeeded = receipt.state_root == b"\x01"
    created = None
    if not transaction.to:
        created = keccak(rlp.encode([transaction.sender, transaction.nonce]))[12:]
    return Receipt(
        transaction=transaction,
        succeeded=succeeded,
        gas_used=receipt.gas_used - gas_before,
        cumulative_gas=receipt.gas_used,
        created=created if succeeded else None,
        logs=tuple(
            Log(bytes(log.address), tuple(t.to_bytes(32) for t in log.topics), bytes(log.data)) for log in receipt.logs
        ),
    )
