"""Changing the CURVE key or the endpoint of a centre, so that a crash at any instant loses neither key.

The new key is on the disk before the chain hears of it, and takes the old one's place only once the chain names it:
a rotation that was cut short is ended by starting it again.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

from pipelines.files import write_text
from wsi_swarm.errors import ConfigError
from wsi_swarm.swarm.identity import ROTATION, curve_public, public_text, write_private

if TYPE_CHECKING:
    from pathlib import Path

    from wsi_swarm.swarm.identity import Identity


def begin_rotation(folder: Path, identity: Identity, endpoint: str | None) -> Identity:
    """Return the identity as it shall be, with a new CURVE key that is on the disk; one that was begun goes on.

    Parameters
    ----------
    endpoint : str or None
        The new endpoint; None keeps it.

    Raises
    ------
    ConfigError
        If a rotation to another endpoint was begun.
    """
    begun = pending_rotation(folder, identity)
    if begun is None:
        import zmq
        from zmq.utils import z85

        public, secret = (z85.decode(half) for half in zmq.curve_keypair())
        wanted = identity.endpoint if endpoint is None else endpoint
        begun = replace(identity, curve_public=public, curve_secret=secret, endpoint=wanted)
        write_private(_path(folder), json.dumps({"curve_secret": secret.hex(), "endpoint": wanted}) + "\n")
    elif endpoint not in (None, begun.endpoint):
        msg = f"a rotation to the endpoint '{begun.endpoint}' was begun; end it first with 'wsi-swarm swarm rotate-key'"
        raise ConfigError(msg)
    return begun


def pending_rotation(folder: Path, identity: Identity) -> Identity | None:
    """Return the identity as it shall be after the rotation that was begun, or None.

    Raises
    ------
    ConfigError
        If the rotation's file is damaged.
    """
    path = _path(folder)
    if not path.is_file():
        return None
    try:
        told = json.loads(path.read_text(encoding="ascii"))
        secret = bytes.fromhex(told["curve_secret"])
        public, endpoint = curve_public(secret), str(told["endpoint"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        msg = f"{path} is damaged ({error}); restore it from the backup if the chain names its key, else delete it"
        raise ConfigError(msg) from error
    return replace(identity, curve_public=public, curve_secret=secret, endpoint=endpoint)


def end_rotation(folder: Path, rotated: Identity) -> None:
    """Put the new key in the place of the old one; call it once the chain names it."""
    write_text(folder / "identity.json", public_text(rotated))  # from here on the identity is the new one
    write_private(folder / "keys" / "curve.key", rotated.curve_secret.hex() + "\n")
    _path(folder).unlink(missing_ok=True)


def _path(folder: Path) -> Path:
    return folder / "keys" / ROTATION
