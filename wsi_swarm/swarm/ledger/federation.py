"""The two files that centres exchange out of band: a join request and the federation file."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, cast

from pipelines.files import write_json
from wsi_swarm.errors import ConfigError
from wsi_swarm.swarm.ledger.base import JoinRequest
from wsi_swarm.swarm.ledger.typed_data import endpoint_hash

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from wsi_swarm.swarm.ledger.base import Member

_FEDERATION = "wsi-swarm federation 2"
_JOIN = "wsi-swarm join request 2"
JOIN_SUFFIX = ".join.json"
DIAL_ONLY = ""
"""Endpoint of a member that nobody can dial: it dials the others."""


@dataclass(frozen=True, slots=True)
class FederationMember:
    """What a centre knows of another: ``name`` is a label for people and stands on no chain."""

    name: str
    account: str
    curve_key: bytes
    endpoint: str


@dataclass(frozen=True, slots=True)
class FederationRun:
    """A run that the centres agreed on: the name in its ``run.toml``, and the hash that the chain carries."""

    name: str
    config_hash: bytes


@dataclass(frozen=True, slots=True)
class Federation:
    """Which contract on which chain is the swarm's, and where its members are reached.

    Attributes
    ----------
    code_hash : bytes
        keccak256 of the code at ``contract``; the node refuses any other.
    deployed_block : int
        No record of the contract is older.
    confirmations : int
        How many blocks must follow a block before what it says is believed; 0 where a block is final at once (QBFT).
    runs : tuple of FederationRun
        Oldest first.
    """

    chain_id: int
    contract: str
    code_hash: bytes
    deployed_block: int
    members: tuple[FederationMember, ...]
    confirmations: int = 0
    runs: tuple[FederationRun, ...] = ()

    @property
    def fingerprint(self) -> str:
        """What two centres compare by telephone: 128 bits over all that must never differ between them."""
        pinned = (self.chain_id, self.contract.lower(), self.code_hash.hex(), self.deployed_block, self.confirmations)
        digest = hashlib.sha256("\n".join(map(str, (_FEDERATION, *pinned))).encode()).hexdigest()
        return " ".join(digest[start : start + 4] for start in range(0, 32, 4))

    def endpoint_of(self, member: Member) -> str | None:
        """Return the endpoint of a member of the contract, if this file knows the one whose hash stands on chain.

        A member that cannot be dialled has the endpoint ``""``.
        """
        if member.endpoint_hash == endpoint_hash(DIAL_ONLY):
            return DIAL_ONLY
        for known in self.members:
            if known.account == member.account and endpoint_hash(known.endpoint) == member.endpoint_hash:
                return known.endpoint
        return None

    def name_of(self, member: Member) -> str:
        """Return the label of a member; its address when the file has none."""
        return next((known.name for known in self.members if known.account == member.account), member.account)

    def with_member(self, name: str, request: JoinRequest) -> Federation:
        """Return the federation with an applicant (or its new endpoint) added.

        Raises
        ------
        ConfigError
            Another centre has this name.
        """
        if any(known.name == name and known.account != request.account for known in self.members):
            msg = f"another centre of the federation is called {name}; give this one another label with --name"
            raise ConfigError(msg)
        return self._with(FederationMember(name, request.account, request.curve_key, request.endpoint))

    def with_self(self, name: str, account: str, curve_key: bytes, endpoint: str) -> Federation:
        """Return the federation with what the own centre knows of itself; a label that it has here stays."""
        told = next((known.name for known in self.members if known.account == account), name)
        return self._with(FederationMember(told, account, curve_key, endpoint))

    def _with(self, member: FederationMember) -> Federation:
        if member in self.members:
            return self
        others = tuple(known for known in self.members if known.account != member.account)
        return replace(self, members=(*others, member))

    def with_run(self, name: str, config_hash: bytes) -> Federation:
        """Return the federation with a run added, if it is not there."""
        if any(run.config_hash == config_hash for run in self.runs):
            return self
        return replace(self, runs=(*self.runs, FederationRun(name, config_hash)))


def write_federation(path: Path, federation: Federation) -> None:
    """Write the federation file."""
    write_json(
        path,
        {
            "format": _FEDERATION,
            "chain_id": federation.chain_id,
            "contract": federation.contract,
            "code_hash": federation.code_hash.hex(),
            "deployed_block": federation.deployed_block,
            "confirmations": federation.confirmations,
            "members": [
                {"name": m.name, "account": m.account, "curve_key": m.curve_key.hex(), "endpoint": m.endpoint}
                for m in federation.members
            ],
            "runs": [{"name": run.name, "config_sha256": run.config_hash.hex()} for run in federation.runs],
        },
    )


def read_federation(path: Path) -> Federation:
    """Read a federation file.

    Raises
    ------
    ConfigError
        It is absent or not a whole federation file.
    """
    told = _read(path, _FEDERATION, "federation file")
    try:
        federation = Federation(
            chain_id=int(told["chain_id"]),
            contract=_text(told["contract"]),
            code_hash=_hex(told["code_hash"], 32),
            deployed_block=int(told["deployed_block"]),
            members=tuple(
                FederationMember(
                    _text(m["name"]), _text(m["account"]), _hex(m["curve_key"], 32), _text(m["endpoint"], empty=True)
                )
                for m in told["members"]
            ),
            confirmations=int(told["confirmations"]),
            runs=tuple(FederationRun(_text(r["name"]), _hex(r["config_sha256"], 32)) for r in told["runs"]),
        )
    except (KeyError, TypeError, ValueError) as error:
        msg = f"{path} is no whole federation file ({error!r}); ask the centre that sent it for a new copy."
        raise ConfigError(msg) from error
    if federation.confirmations < 0:
        msg = f"{path}: confirmations is {federation.confirmations} and must be 0 (a block is final at once) or more."
        raise ConfigError(msg)
    return federation


@dataclass(frozen=True, slots=True)
class JoinFile:
    """A join request as it is handed over.

    Attributes
    ----------
    name : str
        The centre's label.
    chain_id, contract
        For which swarm the request is signed; the zero address for one that is yet to be founded.
    proofs : mapping of bytes to bytes
        By the CURVE public key of each member that the applicant knew: proof that it holds its own (``key_proof``).
    """

    name: str
    chain_id: int
    contract: str
    request: JoinRequest
    proofs: Mapping[bytes, bytes] = field(default_factory=dict[bytes, bytes])


def write_join_file(path: Path, file: JoinFile) -> None:
    """Write a join request with its proofs."""
    request = file.request
    write_json(
        path,
        {
            "format": _JOIN,
            "name": file.name,
            "chain_id": file.chain_id,
            "contract": file.contract,
            "account": request.account,
            "curve_key": request.curve_key.hex(),
            "endpoint": request.endpoint,
            "expiry": request.expiry,
            "signature": request.signature.hex(),
            "proofs": {key.hex(): proof.hex() for key, proof in file.proofs.items()},
        },
    )


def read_join_file(path: Path) -> JoinFile:
    """Read a join request; its signature and proofs are checked where chain, contract and keys are known.

    Raises
    ------
    ConfigError
        It is absent or not a whole join request.
    """
    told = _read(path, _JOIN, "join request")
    try:
        request = JoinRequest(
            _text(told["account"]),
            _hex(told["curve_key"], 32),
            _text(told["endpoint"], empty=True),
            int(told["expiry"]),
            _hex(told["signature"], 65),
        )
        proofs = {_hex(key, 32): _hex(proof, 32) for key, proof in told["proofs"].items()}
        return JoinFile(_text(told["name"]), int(told["chain_id"]), _text(told["contract"]), request, proofs)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        msg = f"{path} is no whole join request ({error!r}); ask the centre that sent it for a new copy."
        raise ConfigError(msg) from error


def _text(value: Any, empty: bool = False) -> str:
    """Return a value that people are shown: what another centre wrote must not move their terminal's cursor."""
    if not isinstance(value, str) or not value.isprintable() or len(value) > 256 or not (value or empty):
        raise ValueError(value)
    return value


def _hex(value: Any, size: int) -> bytes:
    data = bytes.fromhex(value)
    if len(data) != size:
        raise ValueError(value)
    return data


def _read(path: Path, kind: str, what: str) -> dict[str, Any]:
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        msg = f"The {what} {path} cannot be read ({error}); check the path."
        raise ConfigError(msg) from error
    if not isinstance(told, dict) or cast("dict[str, Any]", told).get("format") != kind:
        msg = f"{path} is no {what} of this version (expected format {kind!r})."
        raise ConfigError(msg)
    return cast("dict[str, Any]", told)
