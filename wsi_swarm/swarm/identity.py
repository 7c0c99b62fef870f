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
from wsi_swarm.swarm.ledger.federation import JOIN_SUFFIX, Federation, write_join_request
from wsi_swarm.swarm.ledger.typed_data import account_of, sign_join_request
from wsi_swarm.swarm.network.links import bind_address

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wsi_swarm.swarm.ledger.base import JoinRequest

_FORMAT = "wsi-swarm identity 1"
JOURNAL = "transactions.json"
"""In the identity's folder: one journal for all processes that sign with its key."""
JOIN_VALID_S = 90 * 24 * 3600
"""A join request is void after this many seconds."""


@dataclass(frozen=True)
class Identity:
    """Who this centre is. ``key`` and ``curve_secret`` (32 bytes each) never leave it."""

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
    """Make the keys of a centre under ``folder``.

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
    bind_address(endpoint)
    if (folder / "identity.json").exists() or (folder / "keys").exists():
        msg = f"{folder} holds an identity already, and its keys are never overwritten; choose another folder"
        raise ConfigError(msg)
    key = secrets.token_bytes(32)
    public, secret = (z85.decode(half) for half in zmq.curve_keypair())
    (folder / "keys").mkdir(parents=True, mode=0o700)
    if passphrase is None:
        _write_private(folder / "keys" / "account.key", key.hex() + "\n")
    else:
        _write_private(folder / "keys" / "account.json", json.dumps(_encrypt(key, passphrase)) + "\n")
    _write_private(folder / "keys" / "curve.key", secret.hex() + "\n")
    told = {"format": _FORMAT, "name": name, "endpoint": endpoint, "account": account_of(key)}
    _write_new(folder / "identity.json", json.dumps({**told, "curve_key": public.hex()}, indent=1) + "\n", 0o644)
    return Identity(name, endpoint, account_of(key), key, public, secret)


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
        secret = bytes.fromhex((folder / "keys" / "curve.key").read_text(encoding="ascii").strip())
        if told["format"] != _FORMAT:
            msg = f"{path} has the format {told['format']!r}; this version reads {_FORMAT!r}"
            raise ConfigError(msg)
        key = _read_key(folder / "keys", passphrase)
        public = bytes.fromhex(told["curve_key"])
        identity = Identity(told["name"], told["endpoint"], account_of(key), key, public, secret)
        account = told["account"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        msg = f"there is no whole identity in {folder} ({error}); make one with 'wsi-swarm swarm init'"
        raise ConfigError(msg) from error
    if identity.account != account:
        msg = f"the key in {folder / 'keys'} is not that of the account {account} in {path}; restore the right one"
        raise ConfigError(msg)
    return identity


def write_request(folder: Path, identity: Identity, chain_id: int, contract: str, now: int) -> Path:
    """Sign and write ``<name>.join.json`` for a contract, or for one to be made (the zero address)."""
    path = folder / f"{identity.name}{JOIN_SUFFIX}"
    write_join_request(path, identity.join_request(chain_id, contract, now))
    return path


def check_against(identity: Identity, federation: Federation) -> str | None:
    """Return None if the federation file names this centre as it is, else a sentence that says what differs."""
    known = next((member for member in federation.members if member.account == identity.account), None)
    if known is None:
        return f"the account {identity.account} of this centre does not stand in it"
    if known.curve_key != identity.curve_public:
        return f"it gives another CURVE key for the account {identity.account} of this centre"
    if known.endpoint != identity.endpoint:
        return f"it gives the endpoint {known.endpoint} for this centre, whose own files say {identity.endpoint}"
    return None


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


def _write_private(path: Path, text: str) -> None:
    _write_new(path, text, 0o600)


def _write_new(path: Path, text: str, mode: int) -> None:
    """Create a file that must not exist yet, with its final permissions from the first byte on."""
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
