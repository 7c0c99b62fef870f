"""The compiled contract that this version of wsi-swarm speaks to: code, ABI, and how to recognise it on a chain."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, cast

from eth_hash.auto import keccak

from wsi_swarm.swarm.ledger.errors import REFUSAL_CODES


@dataclass(frozen=True)
class Function:
    """Selector and canonical argument and result types of a function."""

    selector: bytes
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]


@dataclass(frozen=True)
class EventShape:
    """Name and canonical types of an event's indexed and other values, with their names."""

    name: str
    indexed: tuple[tuple[str, str], ...]
    rest: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Artifact:
    """What ``contracts/artifacts/Swarm.json`` holds, ready for use."""

    bytecode: bytes
    deployed: bytes
    immutables: tuple[tuple[int, int], ...]
    """Start and length of the places in ``deployed`` that the constructor fills in."""
    constructor: tuple[str, ...]
    functions: dict[str, Function]
    events: dict[bytes, EventShape]
    """By topic."""
    errors: dict[bytes, str]
    """Name by selector."""

    def is_code(self, code: bytes) -> bool:
        """Return whether ``code`` is this contract, whatever its immutable values."""
        return len(code) == len(self.deployed) and self._masked(code) == self._masked(self.deployed)

    def _masked(self, code: bytes) -> bytes:
        masked = bytearray(code)
        for start, length in self.immutables:
            masked[start : start + length] = bytes(length)
        return bytes(masked)


@cache
def load_artifact() -> Artifact:
    """Read the committed artifact of ``contracts/Swarm.sol``."""
    told: dict[str, Any] = json.loads(files("contracts").joinpath("artifacts/Swarm.json").read_text())
    abi = cast("list[dict[str, Any]]", told["abi"])
    functions: dict[str, Function] = {}
    events: dict[bytes, EventShape] = {}
    errors: dict[bytes, str] = {}
    constructor: tuple[str, ...] = ()
    for item in abi:
        inputs = tuple(_type(value) for value in item["inputs"])
        signature = f"{item.get('name', '')}({','.join(inputs)})"
        topic = keccak(signature.encode())
        if item["type"] == "function":
            functions[item["name"]] = Function(topic[:4], inputs, tuple(_type(value) for value in item["outputs"]))
        elif item["type"] == "event":
            indexed = tuple((v["name"], _type(v)) for v in item["inputs"] if v["indexed"])
            rest = tuple((v["name"], _type(v)) for v in item["inputs"] if not v["indexed"])
            events[topic] = EventShape(item["name"], indexed, rest)
        elif item["type"] == "error" and item["name"] in REFUSAL_CODES:
            errors[topic[:4]] = item["name"]
        elif item["type"] == "constructor":
            constructor = inputs
    references = cast("dict[str, list[dict[str, int]]]", told["immutableReferences"])
    return Artifact(
        bytecode=bytes.fromhex(told["bytecode"][2:]),
        deployed=bytes.fromhex(told["deployedBytecode"][2:]),
        immutables=tuple((r["start"], r["length"]) for places in references.values() for r in places),
        constructor=constructor,
        functions=functions,
        events=events,
        errors=errors,
    )


def _type(value: dict[str, Any]) -> str:
    """Write a parameter's canonical type; a tuple as its components."""
    told: str = value["type"]
    if not told.startswith("tuple"):
        return told
    return f"({','.join(_type(part) for part in value['components'])}){told[5:]}"
