"""Sending transactions so that a crash never loses or doubles one.

Before a transaction is broadcast, its nonce, its raw bytes and what it is meant to do are on the disk, and stay there
until the block that has it is final. Who starts again, or sees a reorganisation of the chain drop it, broadcasts the
same bytes; who is asked again for what is under way waits for it instead of sending anew.
"""

from __future__ import annotations

import fcntl
import json
import time
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, cast

from pipelines.files import write_json
from wsi_swarm.swarm.ledger.errors import LedgerError, UnreachableError
from wsi_swarm.swarm.ledger.rpc_client import NodeError
from wsi_swarm.swarm.ledger.typed_data import account_of

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

    from wsi_swarm.swarm.ledger.rpc_client import RawReceipt, RpcClient

_KNOWN = ("already known", "already imported", "known transaction", "alreadyknown")
_NONCE_TAKEN = ("nonce too low", "replacement transaction underpriced", "nonce is too low", "nonce below")
_ATTEMPTS = 5
_RESEND_S = 2.0
"""How long a transaction may be in no block before it is broadcast again."""


@dataclass(frozen=True, slots=True)
class _Sent:
    nonce: int
    raw: str
    hash: str
    intent: str


class Sender:
    """Signs, journals and sends the transactions of one account; safe between threads and processes.

    Parameters
    ----------
    client : RpcClient
        The node.
    key : bytes
        32 bytes, private key of the account.
    chain_id : int
        Chain that transactions are signed for.
    journal : Path
        File of the transactions under way; made when needed, ``<journal>.lock`` beside it.
    max_fee_wei : int
        Highest price per gas; 0 on chains where gas is free.
    confirmations : int
        How many blocks on top of a transaction's make it final; 0 where every block is.
    receipt_timeout_s : float
        How long to wait until a transaction is final.
    """

    def __init__(
        self,
        client: RpcClient,
        key: bytes,
        chain_id: int,
        journal: Path,
        max_fee_wei: int = 0,
        confirmations: int = 0,
        receipt_timeout_s: float = 120.0,
    ) -> None:
        self._client, self._key, self._chain_id, self._journal = client, key, chain_id, journal
        self._max_fee_wei, self._confirmations = max_fee_wei, confirmations
        self._receipt_timeout_s = receipt_timeout_s
        self.account = account_of(key)

    def rebroadcast(self) -> None:
        """Send again what was under way when the process ended, and forget what is final."""
        with self._locked():
            self._write([sent for sent in self._under_way() if self._broadcast(sent)])

    def is_under_way(self, intent: str) -> bool:
        """Return whether a transaction with this intent is not final yet: it may have taken effect already."""
        with self._locked():
            return any(sent.intent == intent for sent in self._under_way())

    def send(self, intent: str, to: str | None, data: bytes, gas: int) -> RawReceipt:
        """Send a transaction and wait until it is final.

        Parameters
        ----------
        intent : str
            What it does, with all arguments: equal intents are the same transaction while one is under way.
        to : str or None
            Contract; None deploys ``data``.

        Raises
        ------
        LedgerError
            The node does not take it.
        UnreachableError
            The node does not answer, or it is not final in time; it stays in the journal.
        """
        end = time.monotonic() + self._receipt_timeout_s
        while True:
            with self._locked():
                sent = self._place(intent, to, data, gas)
            receipt = self._wait(sent, end)
            if receipt is not None:
                with self._locked():
                    self._write([other for other in self._read() if other.hash != sent.hash])
                return receipt

    def _place(self, intent: str, to: str | None, data: bytes, gas: int) -> _Sent:
        under_way = self._under_way()
        for sent in [sent for sent in under_way if sent.intent == intent]:
            if self._broadcast(sent):
                return sent
            under_way.remove(sent)
        nonce = max([self._client.nonce(self.account), *(sent.nonce + 1 for sent in under_way)])
        for _ in range(_ATTEMPTS):
            sent = self._sign(nonce, intent, to, data, gas)
            self._write([*under_way, sent])
            if self._broadcast(sent):
                return sent
            # Another program has used this account: these bytes can never be mined, the next nonce can.
            nonce = max(nonce + 1, self._client.nonce(self.account))
        self._write(under_way)
        msg = f"The chain node refuses every nonce of {self.account}; does another program send with the same key?"
        raise LedgerError(msg)

    def _broadcast(self, sent: _Sent) -> bool:
        """Return False if the nonce is taken by another transaction."""
        try:
            self._client.send(bytes.fromhex(sent.raw))
        except NodeError as error:
            words = str(error).lower()
            if any(known in words for known in _KNOWN) or self._client.receipt(bytes.fromhex(sent.hash)):
                return True
            if any(taken in words for taken in _NONCE_TAKEN):
                return False
            msg = f"The chain node does not take the transaction ({error})."
            raise LedgerError(msg) from error
        return True

    def _sign(self, nonce: int, intent: str, to: str | None, data: bytes, gas: int) -> _Sent:
        from eth_account import Account

        transaction: dict[str, Any] = {
            "chainId": self._chain_id,
            "nonce": nonce,
            "gas": gas,
            "gasPrice": self._max_fee_wei,
            "value": 0,
            "data": data,
        }
        if to is not None:
            transaction["to"] = to
        signed = Account.sign_transaction(transaction, self._key)
        return _Sent(nonce, bytes(signed.raw_transaction).hex(), bytes(signed.hash).hex(), intent)

    def _wait(self, sent: _Sent, end: float) -> RawReceipt | None:
        """Return the receipt once it is final, or None if these bytes can never be in a block."""
        pause, broadcast = 0.02, time.monotonic()
        while not self._is_final(receipt := self._client.receipt(bytes.fromhex(sent.hash))):
            now = time.monotonic()
            if now > end:
                msg = (
                    f"The transaction 0x{sent.hash} ({sent.intent}) is not final after {self._receipt_timeout_s} s; "
                    "it is kept and sent again at the next start."
                )
                raise UnreachableError(msg)
            if receipt is None and now - broadcast > _RESEND_S:
                broadcast = now
                if not self._broadcast_up_to(sent):
                    return None
            time.sleep(pause)
            pause = min(2 * pause, 0.2)
        return receipt

    def _broadcast_up_to(self, sent: _Sent) -> bool:
        """Send again what a reorganisation may have dropped: a gap in the nonces would hold up ``sent`` as well."""
        with self._locked():
            for before in sorted((one for one in self._read() if one.nonce < sent.nonce), key=lambda one: one.nonce):
                self._broadcast(before)
            return self._broadcast(sent)

    def _is_final(self, receipt: RawReceipt | None) -> bool:
        if receipt is None:
            return False
        return self._confirmations == 0 or self._client.head() - receipt.block >= self._confirmations

    def _under_way(self) -> list[_Sent]:
        return [sent for sent in self._read() if not self._is_final(self._client.receipt(bytes.fromhex(sent.hash)))]

    def _read(self) -> list[_Sent]:
        if not self._journal.exists():
            return []
        told = cast("list[dict[str, Any]]", json.loads(self._journal.read_text()))
        return [_Sent(**one) for one in told]

    def _write(self, under_way: list[_Sent]) -> None:
        write_json(self._journal, [asdict(sent) for sent in under_way])

    @contextmanager
    def _locked(self) -> Generator[None]:
        # A lock on a fresh handle also keeps the threads of one process apart.
        self._journal.parent.mkdir(parents=True, exist_ok=True)
        with self._journal.with_name(self._journal.name + ".lock").open("w") as handle:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield
