"""The part of Ethereum's JSON-RPC that wallets and libraries need, answered from a :class:`DevChain`.

https://ethereum.org/developers/docs/apis/json-rpc. Calls to "latest" are executed with the timestamp that a block
mined now would have, so that deadlines pass although no empty blocks are mined.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from wsi_swarm.swarm.chain.engine import BadTransaction, CallReverted
from wsi_swarm.swarm.chain.rpc_format import block_json, logs_json, receipt_json, to_hex, to_raw, transaction_json

if TYPE_CHECKING:
    from collections.abc import Callable

    from wsi_swarm.swarm.chain.devchain import DevChain

_HEAD = {"latest", "pending", "safe", "finalized"}
_CALL_GAS = 45_000_000
_MAX_KEPT_CALLS = 1000
MAX_LOGS = 10_000


class RpcError(Exception):
    """An answer with an error object."""

    def __init__(self, code: int, message: str, data: str | None = None) -> None:
        super().__init__(message)
        self.body: dict[str, Any] = {"code": code, "message": message}
        if data is not None:
            self.body["data"] = data


class Rpc:
    """Answers decoded JSON-RPC requests."""

    def __init__(self, chain: DevChain) -> None:
        self._chain = chain
        self._calls: tuple[tuple[bytes, int], dict[tuple[str, str, str], str]] = ((b"", 0), {})
        self._methods: dict[str, Callable[..., Any]] = {
            "web3_clientVersion": lambda: "wsi-swarm dev chain",
            "net_version": lambda: str(chain.engine.chain_id),
            "net_listening": lambda: True,
            "eth_syncing": lambda: False,
            "eth_accounts": list,
            "eth_chainId": lambda: hex(chain.engine.chain_id),
            "eth_blockNumber": lambda: hex(chain.engine.head.number),
            "eth_gasPrice": lambda: "0x0",
            "eth_maxPriorityFeePerGas": lambda: "0x0",
            "eth_getBalance": self._balance,
            "eth_getBlockByNumber": self._block_by_number,
            "eth_getBlockByHash": self._block_by_hash,
            "eth_getTransactionCount": self._nonce,
            "eth_getCode": self._code,
            "eth_getStorageAt": self._storage,
            "eth_call": self._call,
            "eth_estimateGas": self._estimate,
            "eth_sendRawTransaction": self._send,
            "eth_getTransactionReceipt": self._receipt,
            "eth_getTransactionByHash": self._transaction,
            "eth_getLogs": self._logs,
        }

    def answer(self, request: object) -> object:
        """Answer one request or a batch; never raises."""
        if isinstance(request, list):
            return [self._answer_one(one) for one in cast("list[object]", request)]
        return self._answer_one(request)

    def _answer_one(self, request: object) -> dict[str, Any]:
        told = cast("dict[str, Any]", request) if isinstance(request, dict) else {}
        answer: dict[str, Any] = {"jsonrpc": "2.0", "id": told.get("id")}
        try:
            answer["result"] = self._result(told.get("method"), told.get("params", []))
        except RpcError as error:
            answer["error"] = error.body
        except BadTransaction as error:
            answer["error"] = {"code": -32000, "message": str(error)}
        except CallReverted as error:
            answer["error"] = {"code": 3, "message": str(error), "data": to_hex(error.data)}
        except (TypeError, ValueError, AttributeError, KeyError, IndexError) as error:
            answer["error"] = {"code": -32602, "message": f"invalid parameters for {told.get('method')}: {error}"}
        return answer

    def _result(self, method: object, params: object) -> object:
        if not isinstance(method, str) or method not in self._methods:
            raise RpcError(-32601, f"this chain has no method {method!r}")
        if not isinstance(params, list):
            raise RpcError(-32602, "params must be a list")
        return self._methods[method](*cast("list[Any]", params))

    def _balance(self, _account: str, _tag: str = "latest") -> str:
        return "0x0"

    def _code(self, account: str, tag: str = "latest") -> str:
        self._at_head(tag)
        return to_hex(self._chain.engine.code(to_raw(account)))

    def _storage(self, account: str, slot: str, tag: str = "latest") -> str:
        self._at_head(tag)
        return to_hex(self._chain.engine.storage(to_raw(account), int(slot, 16)).to_bytes(32))

    def _send(self, raw: str) -> str:
        return to_hex(self._chain.submit(to_raw(raw)))

    def _number(self, tag: str) -> int:
        if tag in _HEAD:
            return self._chain.engine.head.number
        return 0 if tag == "earliest" else int(tag, 16)

    def _block_by_number(self, tag: str, full: bool = False) -> dict[str, Any] | None:
        number = self._number(tag)
        blocks = self._chain.engine.blocks
        return block_json(blocks[number], full) if number < len(blocks) else None

    def _block_by_hash(self, block_hash: str, full: bool = False) -> dict[str, Any] | None:
        wanted = to_raw(block_hash)
        return next((block_json(b, full) for b in self._chain.engine.blocks if b.hash == wanted), None)

    def _at_head(self, tag: str) -> None:
        if self._number(tag) != self._chain.engine.head.number:
            raise RpcError(-32000, "this chain answers for its latest block only; it keeps no old states")

    def _nonce(self, account: str, tag: str = "latest") -> str:
        if tag == "pending":
            return hex(self._chain.pending_nonce(to_raw(account)))
        self._at_head(tag)
        return hex(self._chain.engine.nonce(to_raw(account)))

    def _execute(self, call: dict[str, str], gas: int) -> tuple[bytes, int]:
        return self._chain.engine.call(
            sender=to_raw(call.get("from", "0x" + "00" * 20)),
            to=to_raw(call.get("to") or "0x"),
            data=to_raw(call.get("input") or call.get("data") or "0x"),
            gas=gas,
            timestamp=self._chain.pending_time(),
        )

    def _call(self, call: dict[str, str], tag: str = "latest") -> str:
        self._at_head(tag)
        if "gas" in call:
            return to_hex(self._execute(call, min(int(call["gas"], 16), _CALL_GAS))[0])
        # Every member polls the same view: until the block or the second changes, the answer is the same.
        moment = (self._chain.engine.head.hash, self._chain.pending_time())
        if self._calls[0] != moment or len(self._calls[1]) >= _MAX_KEPT_CALLS:
            self._calls = (moment, {})
        what = (call.get("from", ""), call.get("to") or "", call.get("input") or call.get("data") or "")
        if what not in self._calls[1]:
            self._calls[1][what] = to_hex(self._execute(call, _CALL_GAS)[0])
        return self._calls[1][what]

    def _estimate(self, call: dict[str, str], tag: str = "latest") -> str:
        self._at_head(tag)
        used = self._execute(call, _CALL_GAS)[1]
        return hex(used * 5 // 4)  # room for refunds, which are paid back only at the end

    def _receipt(self, transaction_hash: str) -> dict[str, Any] | None:
        found = self._chain.receipts.get(to_raw(transaction_hash))
        if found is None:
            return None
        return receipt_json(*found)

    def _transaction(self, transaction_hash: str) -> dict[str, Any] | None:
        found = self._chain.receipts.get(to_raw(transaction_hash))
        if found is not None:
            return transaction_json(found[2].transaction, found[0], found[1])
        waiting = self._chain.waiting(to_raw(transaction_hash))
        return transaction_json(waiting, None, 0) if waiting else None

    def _logs(self, wanted: dict[str, Any]) -> list[dict[str, Any]]:
        first, last = self._number(wanted.get("fromBlock", "latest")), self._number(wanted.get("toBlock", "latest"))
        addresses = _choices(wanted.get("address"))
        topics = [_choices(one) for one in cast("list[Any]", wanted.get("topics") or [])]
        found: list[dict[str, Any]] = []
        for block in self._chain.engine.blocks[first : last + 1]:
            for place, receipt in enumerate(block.receipts):
                for log, formatted in zip(receipt.logs, logs_json(block, place, receipt), strict=True):
                    if addresses and log.address not in addresses:
                        continue
                    if len(topics) <= len(log.topics) and all(
                        not t or log.topics[i] in t for i, t in enumerate(topics)
                    ):
                        found.append(formatted)
            if len(found) > MAX_LOGS:
                raise RpcError(-32005, f"more than {MAX_LOGS} results; ask for a smaller range of blocks")
        return found


def _choices(told: str | list[str] | None) -> set[bytes]:
    """Read what a filter allows; an empty set allows anything."""
    return {to_raw(one) for one in ([told] if isinstance(told, str) else told or [])}
