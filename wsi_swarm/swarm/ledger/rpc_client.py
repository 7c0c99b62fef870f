# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# Why: web3's return types are TypedDicts whose keys are all optional, and partly unknown. Nothing untyped leaves here.
"""What the ledger asks of an Ethereum node: a thin typed edge over web3, which is imported only when one is made."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from wsi_swarm.swarm.ledger.errors import LedgerError, UnreachableError
from wsi_swarm.swarm.ledger.typed_data import checksum_address

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from web3.providers import BaseProvider

_T = TypeVar("_T")


class RevertedError(Exception):
    """The contract reverted a call; ``data`` is what it said."""

    def __init__(self, data: bytes) -> None:
        super().__init__(f"reverted with 0x{data.hex()}")
        self.data = data


class NodeError(LedgerError):
    """The node refused a request, in its own words. It may be unwell: a reader asks again."""


@dataclass(frozen=True, slots=True)
class RawLog:
    """One event record, undecoded."""

    block: int
    log_index: int
    topics: tuple[bytes, ...]
    data: bytes


@dataclass(frozen=True, slots=True)
class RawReceipt:
    """What became of a transaction."""

    block: int
    succeeded: bool
    gas_used: int
    created: str | None
    logs: tuple[RawLog, ...]


class RpcClient:
    """A node's JSON-RPC.

    Parameters
    ----------
    url : str
        For example ``http://127.0.0.1:8545``.
    timeout_s : float
        How long one request may take.
    provider : BaseProvider or None
        Takes the place of HTTP where the chain is in this process.
    """

    def __init__(self, url: str, timeout_s: float = 10.0, provider: BaseProvider | None = None) -> None:
        from web3 import Web3
        from web3.middleware import ExtraDataToPOAMiddleware
        from web3.providers import HTTPProvider

        self.url = url
        self._provider: Any = provider or HTTPProvider(url, request_kwargs={"timeout": timeout_s})
        web3 = Web3(self._provider)
        # Besu's QBFT (as Clique and IBFT) puts its seals where web3 expects 32 bytes.
        web3.middleware_onion.inject(ExtraDataToPOAMiddleware, layer=0)
        self._eth: Any = web3.eth

    def chain_id(self) -> int:
        """Return the chain's id."""
        return self._ask(lambda: self._eth.chain_id)

    def head(self) -> int:
        """Return the number of the latest block."""
        return self._ask(lambda: int(self._request("eth_blockNumber"), 16))

    def timestamp(self, block: int) -> int:
        """Return the time of a block in Unix seconds."""
        return self._ask(lambda: self._eth.get_block(block)["timestamp"])

    def base_fee(self) -> int:
        """Return the base fee of the latest block in wei; 0 on a chain without one."""
        return self._ask(lambda: self._eth.get_block("latest").get("baseFeePerGas", 0))

    def code(self, address: str) -> bytes:
        """Return the code at an address."""
        return self._ask(lambda: bytes(self._eth.get_code(address)))

    def nonce(self, address: str) -> int:
        """Return the next nonce of an account, counting what waits in the node's pool."""
        return self._ask(lambda: int(self._request("eth_getTransactionCount", address, "pending"), 16))

    def call(self, sender: str, to: str | None, data: bytes, block: int | None = None) -> bytes:
        """Execute without sending, on top of the latest block or of an older one; ``to`` None tries a deployment.

        Raises
        ------
        RevertedError
            The contract reverted.
        """
        call = {"from": sender, "data": "0x" + data.hex()} | ({} if to is None else {"to": to})
        told = self._ask(lambda: self._request("eth_call", call, "latest" if block is None else hex(block)))
        return _bytes(told)

    def send(self, raw: bytes) -> None:
        """Broadcast a signed transaction.

        Raises
        ------
        NodeError
            The node did not take it.
        """
        self._ask(lambda: self._request("eth_sendRawTransaction", "0x" + raw.hex()))

    def receipt(self, transaction_hash: bytes) -> RawReceipt | None:
        """Return the receipt, or None while the transaction is in no block."""

        def ask() -> RawReceipt | None:
            told = self._request("eth_getTransactionReceipt", "0x" + transaction_hash.hex())
            if told is None or told.get("blockNumber") is None:
                return None
            created = told.get("contractAddress")
            created = None if created is None else checksum_address(_bytes(created))
            logs = tuple(_log(log) for log in told["logs"])
            return RawReceipt(
                int(told["blockNumber"], 16), int(told["status"], 16) == 1, int(told["gasUsed"], 16), created, logs
            )

        return self._ask(ask)

    def logs(self, address: str, topics: Sequence[bytes | None], first: int, last: int) -> list[RawLog]:
        """Return the records of a contract in blocks ``first`` to ``last``, both included."""
        wanted = {
            "address": address,
            "topics": [None if t is None else "0x" + t.hex() for t in topics],
            "fromBlock": hex(first),
            "toBlock": hex(last),
        }
        return self._ask(lambda: [_log(log) for log in self._request("eth_getLogs", wanted)])

    def _request(self, method: str, *parameters: object) -> Any:
        # Past web3's formatters, which take ten times as long as the request: members poll.
        told = self._provider.make_request(method, list(parameters))
        if not isinstance(told, dict) or ("result" in told) == ("error" in told):
            msg = f"it answered {method} with {str(told)[:80]}"
            raise ValueError(msg)
        if "result" in told:
            return told["result"]
        error: Any = told["error"]
        words, data = str(error.get("message", error)), error.get("data")
        if method == "eth_call" and isinstance(data, str) and data.startswith("0x"):
            raise RevertedError(_bytes(data))
        if method == "eth_call" and "revert" in words.lower():
            raise RevertedError(b"")
        raise NodeError(words)

    def _ask(self, request: Callable[[], _T]) -> _T:
        import requests
        from web3.exceptions import Web3Exception, Web3RPCError

        try:
            return request()
        except Web3RPCError as error:
            raise NodeError(error.message) from error
        except (requests.RequestException, OSError, TimeoutError) as error:
            msg = f"The chain node at {self.url} does not answer ({type(error).__name__}); is it running?"
            raise UnreachableError(msg) from error
        except (Web3Exception, ValueError, TypeError, KeyError, AttributeError) as error:
            msg = f"The chain node at {self.url} gave an answer that is no Ethereum JSON-RPC ({error})."
            raise LedgerError(msg) from error


def _log(log: Any) -> RawLog:
    topics = tuple(_bytes(topic) for topic in log["topics"])
    return RawLog(int(log["blockNumber"], 16), int(log["logIndex"], 16), topics, _bytes(log["data"]))


def _bytes(told: Any) -> bytes:
    return bytes.fromhex(told.removeprefix("0x"))
