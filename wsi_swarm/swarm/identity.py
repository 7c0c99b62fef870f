"""A centre's identity: the Ethereum key it signs with, the CURVE key of its links, its endpoint. Made once, kept local.

The account's key stands in an encrypted keystore (JSON v3) when a passphrase is given by ``WSI_SWARM_PASSPHRASE`` or
``WSI_SWARM_PASSPHRASE_FILE``, else in a file that only its owner may read.
"""

from __future__ import annotations

import json
import os
import re
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from wsi_swarm.errors import ConfigError
from wsi_swarm.swarm.key_proof import curve_key_is_proven, prove_curve_key
from wsi_swarm.swarm.ledger.federation import DIAL_ONLY, JOIN_SUFFIX, Federation, JoinFile, write_join_file
from wsi_swarm.swarm.ledger.typed_data import (
    ZERO_ADDRESS,
    account_of,
    endpoint_hash,
    join_digest,
    join_request_is_authentic,
    sign_join_request,
)
from wsi_swarm.swarm.network.links import bind_address

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from wsi_swarm.swarm.ledger.base import JoinRequest

_FORMAT = "wsi-swarm identity 1"
JOURNAL = "transactions.json"
"""In the identity's folder: one journal for all processes that sign with its key."""
ROTATION = "rotation.json"
"""In the folder of the keys: a rotation that was begun."""
JOIN_VALID_S = 90 * 24 * 3600
"""A join request is void after this many seconds."""


@dataclass(frozen=True)
class Identity:
    """Who this centre is. ``key`` and ``curve_secret`` (32 bytes each) never leave it.

    ``endpoint`` is ``""`` for a centre that nobody can dial.
    """

    name: str
    endpoint: str
    account: str
    key: bytes
    curve_public: bytes
    curve_secret: bytes

    def __repr__(self) -> str:  # keys stay out of logs and tracebacks
        return f"Identity({self.name!r}, {self.endpoint!r}, {self.account!r})"

    def join_request(self, chain_id: int, contract: str, now: int) -> JoinRequest:
        """Sign a request to be a member of ``contract`` (of one to be made, if it is the zero address)."""
        expiry = now + JOIN_VALID_S
        return sign_join_request(self.key, chain_id, contract, self.curve_public, self.endpoint, expiry)


def passphrase_from(environment: Mapping[str, str]) -> str | None:
    """Return the passphrase that the environment gives, or None.

    Raises
    ------
    ConfigError
        If ``WSI_SWARM_PASSPHRASE_FILE`` cannot be read.
    """
    if "WSI_SWARM_PASSPHRASE" in environment:
        return environment["WSI_SWARM_PASSPHRASE"]
    path = environment.get("WSI_SWARM_PASSPHRASE_FILE")
    if path is None:
        return None
    try:
        return Path(path).read_text(encoding="utf-8").rstrip("\r\n")
    except OSError as error:
        msg = f"{path} (from WSI_SWARM_PASSPHRASE_FILE) cannot be read ({error.strerror})"
        raise ConfigError(msg) from error


def create_identity(folder: Path, name: str, endpoint: str, passphrase: str | None) -> Identity:
    """Make the keys of a centre under ``folder``; with the endpoint ``""`` it is one that only dials out.

    Raises
    ------
    ConfigError
        If there are keys already (they are never overwritten), or name or endpoint are not usable.
    """
    import zmq
    from zmq.utils import z85

    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,62}", name):
        msg = f"the name '{name}' must be 1 to 63 letters, digits, '-', '_' or '.'; it labels the centre for people"
        raise ConfigError(msg)
    if endpoint != DIAL_ONLY:
        bind_address(endpoint)
    if (folder / "identity.json").exists() or (folder / "keys").exists():
        msg = f"{folder} holds an identity already, and its keys are never overwritten; choose another folder"
        raise ConfigError(msg)
    key = secrets.token_bytes(32)
    public, secret = (z85.decode(half) for half in zmq.curve_keypair())
    (folder / "keys").mkdir(parents=True, mode=0o700)
    if passphrase is None:
        write_private(folder / "keys" / "account.key", key.hex() + "\n")
    else:
        write_private(folder / "keys" / "account.json", json.dumps(_encrypt(key, passphrase)) + "\n")
    write_private(folder / "keys" / "curve.key", secret.hex() + "\n")
    identity = Identity(name, endpoint, account_of(key), key, public, secret)
    _write_new(folder / "identity.json", public_text(identity), 0o644)
    return identity


def public_text(identity: Identity) -> str:
    """Return the text of ``identity.json``: what may be known."""
    told = {"format": _FORMAT, "name": identity.name, "endpoint": identity.endpoint, "account": identity.account}
    return json.dumps({**told, "curve_key": identity.curve_public.hex()}, indent=1) + "\n"


def load_identity(folder: Path, passphrase: str | None) -> Identity:
    """Read the identity under ``folder``.

    Raises
    ------
    ConfigError
        If something is missing or damaged, or the passphrase is missing or wrong.
    """
    path = folder / "identity.json"
    try:
        told = cast("dict[str, Any]", json.loads(path.read_text(encoding="utf-8")))
        if told["format"] != _FORMAT:
            msg = f"{path} has the format {told['format']!r}; this version reads {_FORMAT!r}"
            raise ConfigError(msg)
        key = _read_key(folder / "keys", passphrase)
        public = bytes.fromhex(told["curve_key"])
        secret = _read_curve_secret(folder / "keys", public)
        identity = Identity(told["name"], told["endpoint"], account_of(key), key, public, secret)
        account = told["account"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        msg = f"there is no whole identity in {folder} ({error}); make one with 'wsi-swarm swarm init'"
        raise ConfigError(msg) from error
    if identity.account != account:
        msg = f"the key in {folder / 'keys'} is not that of the account {account} in {path}; restore the right one"
        raise ConfigError(msg)
    return identity


def curve_public(secret: bytes) -> bytes:
    """Return the public half (32 bytes) of a CURVE secret key.

    Raises
    ------
    ValueError
        It does not have 32 bytes.
    """
    import zmq
    from zmq.utils import z85

    if len(secret) != 32:
        msg = f"a CURVE key has 32 bytes, not {len(secret)}"
        raise ValueError(msg)
    return z85.decode(zmq.curve_public(z85.encode(secret)))


def write_request(
    folder: Path,
    identity: Identity,
    chain_id: int,
    contract: str,
    now: int,
    members: Iterable[bytes] = (),
) -> Path:
    """Sign and write ``<name>.join.json`` for a contract, or for one to be made (the zero address).

    Parameters
    ----------
    members : iterable of bytes
        CURVE public keys of those who shall be able to check that this centre holds its own.
    """
    request = identity.join_request(chain_id, contract, now)
    digest = _digest(request, chain_id, contract)
    proofs = {key: prove_curve_key(identity.curve_secret, key, digest) for key in members}
    path = folder / f"{identity.name}{JOIN_SUFFIX}"
    write_join_file(path, JoinFile(identity.name, chain_id, contract, request, proofs))
    return path


def check_request(file: JoinFile, identity: Identity, federation: Federation, now: int) -> str | None:
    """Return None if the request proves both of its keys to this centre, else a sentence that says what is wrong."""
    request = file.request
    if (file.chain_id, file.contract.lower()) != (federation.chain_id, federation.contract.lower()):
        where = "a swarm that is yet to be founded" if file.contract == ZERO_ADDRESS else f"contract {file.contract}"
        return f"it is for {where} on chain {file.chain_id}; the applicant makes one for this swarm with 'swarm join'"
    if not join_request_is_authentic(request, federation.chain_id, federation.contract):
        return f"it is not signed by its account {request.account}"
    if now >= request.expiry:
        return "it has expired; the applicant makes a new one with 'swarm join'"
    proof = file.proofs.get(identity.curve_public)
    if proof is None:
        return (
            "it brings no proof of its CURVE key for this centre, which was no member or had another key when it was "
            "made; the applicant makes a new one with 'swarm join'"
        )
    digest = _digest(request, federation.chain_id, federation.contract)
    if not curve_key_is_proven(identity.curve_secret, request.curve_key, digest, proof):
        return f"who made it does not hold the CURVE key {request.curve_key.hex()[:12]} that it names"
    return None


def _digest(request: JoinRequest, chain_id: int, contract: str) -> bytes:
    hash_ = endpoint_hash(request.endpoint)
    return join_digest(chain_id, contract, request.account, request.curve_key, hash_, request.expiry)


def _read_curve_secret(folder: Path, public: bytes) -> bytes:
    """Return the secret of the key that identity.json names: a rotation may have been cut short after naming it."""
    secrets_ = [bytes.fromhex((folder / "curve.key").read_text(encoding="ascii").strip())]
    if (folder / ROTATION).is_file():
        secrets_.append(bytes.fromhex(json.loads((folder / ROTATION).read_text(encoding="ascii"))["curve_secret"]))
    for secret in secrets_:
        if curve_public(secret) == public:
            return secret
    msg = f"the CURVE key in {folder} is not the one that identity.json names; restore the right one"
    raise ConfigError(msg)


def _read_key(folder: Path, passphrase: str | None) -> bytes:
    plain, keystore = folder / "account.key", folder / "account.json"
    if plain.is_file():
        if plain.stat().st_mode & 0o077:
            msg = f"{plain} may be read by others than its owner; restrict it with 'chmod 600 {plain}'"
            raise ConfigError(msg)
        key = bytes.fromhex(plain.read_text(encoding="ascii").strip())
        if len(key) != 32:
            raise ValueError(plain.name)
        return key
    if passphrase is None:
        msg = f"{keystore} is encrypted; give its passphrase in WSI_SWARM_PASSPHRASE or WSI_SWARM_PASSPHRASE_FILE"
        raise ConfigError(msg)
    return _decrypt(json.loads(keystore.read_text(encoding="utf-8")), passphrase, keystore)


def _encrypt(key: bytes, passphrase: str) -> dict[str, Any]:
    from eth_account import Account

    return Account.encrypt(key, passphrase)


def _decrypt(keystore: dict[str, Any], passphrase: str, path: Path) -> bytes:
    from eth_account import Account

    try:
        return bytes(Account.decrypt(keystore, passphrase))
    except ValueError as error:
        msg = f"the passphrase does not open {path}"
        raise ConfigError(msg) from error


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner may read, in the place of an older one: aside, synced, renamed."""
    aside = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
    try:
        _write_new(aside, text, 0o600)
        aside.replace(path)
    finally:
        aside.unlink(missing_ok=True)


def _write_new(path: Path, text: str, mode: int) -> None:
    """Create a file that must not exist yet, with its final permissions from the first byte on."""
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
