"""The two files that centres exchange out of band: a join request and the federation file."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, cast

from pipelines.files import write_json
from wsi_swarm.errors import ConfigError
from wsi_swarm.swarm.ledger.base import JoinRequest
from wsi_swarm.swarm.ledger.typed_data import endpoint_hash

if TYPE_CHECKING:
    from pathlib import Path

    from wsi_swarm.swarm.ledger.base import Member

_FEDERATION = "wsi-swarm federation 1"
_JOIN = "wsi-swarm join request 1"
JOIN_SUFFIX = ".join.json"


@dataclass(frozen=True, slots=True)
class FederationMember:
    """What a centre knows of another: ``name`` is a label for people and stands on no chain."""

    name: str
    account: str
    curve_key: bytes
    endpoint: str


@dataclass(frozen=True, slots=True)
class Federation:
    """Which contract on which chain is the swarm's, and where its members are reached.

    Attributes
    ----------
    code_hash : bytes
        keccak256 of the code at ``contract``; the node refuses any other.
    deployed_block : int
        No record of the contract is older.
    """

    chain_id: int
    contract: str
    code_hash: bytes
    deployed_block: int
    members: tuple[FederationMember, ...]

    def endpoint_of(self, member: Member) -> str | None:
        """Return the endpoint of a member of the contract, if this file knows the one whose hash stands on chain."""
        for known in self.members:
            if known.account == member.account and endpoint_hash(known.endpoint) == member.endpoint_hash:
                return known.endpoint
        return None

    def name_of(self, member: Member) -> str:
        """Return the label of a member; its address when the file has none."""
        return next((known.name for known in self.members if known.account == member.account), member.account)

    def with_member(self, name: str, request: JoinRequest) -> Federation:
        """Return the federation with an applicant (or its new endpoint) added."""
        others = tuple(known for known in self.members if known.account != request.account)
        added = FederationMember(name, request.account, request.curve_key, request.endpoint)
        return replace(self, members=(*others, added))


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
            "members": [
                {"name": m.name, "account": m.account, "curve_key": m.curve_key.hex(), "endpoint": m.endpoint}
                for m in federation.members
            ],
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
        return Federation(
            chain_id=int(told["chain_id"]),
            contract=str(told["contract"]),
            code_hash=bytes.fromhex(told["code_hash"]),
            deployed_block=int(told["deployed_block"]),
            members=tuple(
                FederationMember(m["name"], m["account"], bytes.fromhex(m["curve_key"]), m["endpoint"])
                for m in told["members"]
            ),
        )
    except (KeyError, TypeError, ValueError) as error:
        msg = f"{path} is no whole federation file ({error!r}); ask the centre that sent it for a new copy."
        raise ConfigError(msg) from error


def write_join_request(path: Path, request: JoinRequest) -> None:
    """Write a join request; ``<name>.join.json`` names the centre."""
    write_json(
        path,
        {
            "format": _JOIN,
            "account": request.account,
            "curve_key": request.curve_key.hex(),
            "endpoint": request.endpoint,
            "expiry": request.expiry,
            "signature": request.signature.hex(),
        },
    )


def read_join_request(path: Path) -> JoinRequest:
    """Read a join request; its signature is checked where chain and contract are known.

    Raises
    ------
    ConfigError
        It is absent or not a whole join request.
    """
    told = _read(path, _JOIN, "join request")
    try:
        curve_key, signature = bytes.fromhex(told["curve_key"]), bytes.fromhex(told["signature"])
        return JoinRequest(str(told["account"]), curve_key, str(told["endpoint"]), int(told["expiry"]), signature)
    except (KeyError, TypeError, ValueError) as error:
        msg = f"{path} is no whole join request ({error!r}); ask the centre that sent it for a new copy."
        raise ConfigError(msg) from error


def name_of_request(path: Path) -> str:
    """Return the centre's name that a join request's file name gives."""
    return path.name.removesuffix(JOIN_SUFFIX).removesuffix(".json")


def _read(path: Path, kind: str, what: str) -> dict[str, Any]:
    try:
        told = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        msg = f"The {what} {path} cannot be read ({error}); check the path."
        raise ConfigError(msg) from error
    if not isinstance(told, dict) or cast("dict[str, Any]", told).get("format") != kind:
        msg = f"{path} is no {what} of this version (expected format {kind!r})."
        raise ConfigError(msg)
    return cast("dict[str, Any]", told)
