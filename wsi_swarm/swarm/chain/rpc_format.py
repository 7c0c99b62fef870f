"""How JSON-RPC writes blocks, receipts, transactions and logs: pure functions, quantities as hex."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from wsi_swarm.swarm.chain.engine import GAS_LIMIT
from wsi_swarm.swarm.ledger.typed_data import checksum_address

if TYPE_CHECKING:
    from wsi_swarm.swarm.chain.engine import Block, Receipt, Transaction

_ZERO_HASH = "0x" + "00" * 32
_ZERO_BLOOM = "0x" + "00" * 256


def receipt_json(block: Block, place: int, receipt: Receipt) -> dict[str, Any]:
    """Write a receipt."""
    transaction = receipt.transaction
    return {
        "transactionHash": to_hex(transaction.hash),
        "transactionIndex": hex(place),
        "blockHash": to_hex(block.hash),
        "blockNumber": hex(block.number),
        "from": checksum_address(transaction.sender),
        "to": checksum_address(transaction.to) if transaction.to else None,
        "contractAddress": checksum_address(receipt.created) if receipt.created else None,
        "gasUsed": hex(receipt.gas_used),
        "cumulativeGasUsed": hex(receipt.cumulative_gas),
        "effectiveGasPrice": "0x0",
        "status": "0x1" if receipt.succeeded else "0x0",
        "type": hex(transaction.type),
        "logsBloom": _ZERO_BLOOM,
        "logs": logs_json(block, place, receipt),
    }


def logs_json(block: Block, place: int, receipt: Receipt) -> list[dict[str, Any]]:
    """Write the logs of the transaction at ``place``."""
    first = sum(len(earlier.logs) for earlier in block.receipts[:place])
    return [
        {
            "address": checksum_address(log.address),
            "topics": [to_hex(topic) for topic in log.topics],
            "data": to_hex(log.data),
            "blockNumber": hex(block.number),
            "blockHash": to_hex(block.hash),
            "transactionHash": to_hex(receipt.transaction.hash),
            "transactionIndex": hex(place),
            "logIndex": hex(first + i),
            "removed": False,
        }
        for i, log in enumerate(receipt.logs)
    ]


def block_json(block: Block, full: bool) -> dict[str, Any]:
    """Write a block; what py-evm keeps to itself is zero."""
    transactions: list[Any] = [
        transaction_json(r.transaction, block, i) if full else to_hex(r.transaction.hash)
        for i, r in enumerate(block.receipts)
    ]
    return {
        "number": hex(block.number),
        "hash": to_hex(block.hash),
        "parentHash": to_hex(block.parent_hash),
        "timestamp": hex(block.timestamp),
        "stateRoot": to_hex(block.state_root),
        "gasUsed": hex(block.gas_used),
        "gasLimit": hex(GAS_LIMIT),
        "baseFeePerGas": "0x0",
        "transactions": transactions,
        "uncles": [],
        "nonce": "0x0000000000000000",
        "difficulty": "0x0",
        "totalDifficulty": "0x0",
        "extraData": "0x",
        "mixHash": _ZERO_HASH,
        "miner": "0x" + "00" * 20,
        "sha3Uncles": _ZERO_HASH,
        "transactionsRoot": _ZERO_HASH,
        "receiptsRoot": _ZERO_HASH,
        "logsBloom": _ZERO_BLOOM,
        "size": "0x0",
    }


def transaction_json(transaction: Transaction, block: Block | None, place: int) -> dict[str, Any]:
    """Write a transaction; without a block it is one that waits."""
    return {
        "hash": to_hex(transaction.hash),
        "nonce": hex(transaction.nonce),
        "blockHash": to_hex(block.hash) if block else None,
        "blockNumber": hex(block.number) if block else None,
        "transactionIndex": hex(place) if block else None,
        "from": checksum_address(transaction.sender),
        "to": checksum_address(transaction.to) if transaction.to else None,
        "value": hex(transaction.value),
        "gas": hex(transaction.gas),
        "gasPrice": "0x0",
        "input": to_hex(transaction.data),
        "type": hex(transaction.type),
    }


def to_raw(text: str) -> bytes:
    """Read hex data or a quantity."""
    digits = text.removeprefix("0x")
    return bytes.fromhex("0" * (len(digits) % 2) + digits)


def to_hex(raw: bytes) -> str:
    """Write data as hex."""
    return "0x" + raw.hex()
