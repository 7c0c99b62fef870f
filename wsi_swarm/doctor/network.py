"""Outside the machine: the chain, this centre's port, the hub of encoder weights. Nothing waits longer than 3 s."""

from __future__ import annotations

import json
import os
import socket
import threading
import time
import tomllib
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from wsi_swarm.doctor.finding import Finding, examine

WAIT_S = 3.0
_PROJECT = "wsi-swarm.toml"


@dataclass(frozen=True)
class Project:
    """What a project file says of the swarm; paths are relative to the file.

    Attributes
    ----------
    path : the project file, or None.
    folder : of the centre's identity.
    federation, rpc, bind : None where the file does not say them.
    """

    path: Path | None
    folder: Path | None = None
    federation: Path | None = None
    rpc: str | None = None
    bind: str | None = None


def read_project() -> Project:
    """Read the project file of this folder, or of WSI_SWARM_PROJECT; the sections of the swarm share their values."""
    path = Path(os.environ.get("WSI_SWARM_PROJECT", _PROJECT))
    try:
        sections = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return Project(None)
    swarm = sections.get("swarm", {})
    tables = [sections.get("train-swarm", {}), *(table for table in swarm.values() if isinstance(table, dict))]
    values: dict[str, Any] = {}
    for table in tables:
        for name in ("dir", "federation", "rpc", "bind"):
            if name in table:
                values.setdefault(name, table[name])
    known = {name: path.parent / str(values[name]) for name in ("dir", "federation") if name in values}
    return Project(path, known.get("dir"), known.get("federation"), values.get("rpc"), values.get("bind"))


def check_chain(project: Project) -> list[Finding]:
    """Examine the chain node of the project: reachable, of the right chain, alive, with the swarm's contract."""
    if project.rpc is None:
        why = "no chain named" if project.path else "no project file"
        return [Finding("swarm", "chain", "SKIP", f"{why}; `wsi-swarm swarm init` makes one")]
    remedy = f"start the chain node, or correct `rpc` in {project.path}"
    rpc = project.rpc
    return [examine("swarm", "chain", remedy, lambda: _chain(rpc, project.federation, remedy))]


def _chain(rpc: str, federation: Path | None, remedy: str) -> Finding | str:
    from eth_hash.auto import keccak

    from wsi_swarm.swarm.ledger.federation import read_federation
    from wsi_swarm.swarm.ledger.rpc_client import RpcClient

    parts = urlsplit(rpc)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    refused = _connect(parts.hostname or "", port)
    if refused is not None:
        return Finding("swarm", "chain", "FAIL", f"{rpc} does not answer ({refused})", remedy)
    client = RpcClient(rpc, timeout_s=WAIT_S)
    chain_id, head = client.chain_id(), client.head()
    text = f"{rpc} answers: chain {chain_id}, block {head}"
    if federation is None or not federation.is_file():
        return f"{text}; no federation file yet"
    known = read_federation(federation)
    if known.chain_id != chain_id:
        wrong = f"{text}, but {federation} is of chain {known.chain_id}"
        return Finding("swarm", "chain", "FAIL", wrong, "name the node of the federation's chain with `rpc`")
    code = client.code(known.contract)
    if not code or keccak(code) != known.code_hash:
        wrong = f"{text}, but the contract {known.contract} is not there or is another one"
        return Finding(
            "swarm", "chain", "FAIL", wrong, "wait until the node has caught up, or get the federation file anew"
        )
    return f"{text}, contract {known.contract} as in {federation.name}, {len(known.members)} members"


def check_port(project: Project) -> Finding:
    """Examine whether this centre can listen where its identity file says that peers reach it."""
    identity = project.folder / "identity.json" if project.folder else None
    if identity is None or not identity.is_file():
        return Finding("swarm", "port", "SKIP", "no identity here; `wsi-swarm swarm init` makes one")
    return examine("swarm", "port", "make the identity again from its backup", lambda: _port(identity, project.bind))


def _port(identity: Path, bind: str | None) -> Finding | str:
    from wsi_swarm.swarm.network.links import bind_address

    endpoint = str(json.loads(identity.read_text(encoding="utf-8"))["endpoint"])
    if not endpoint:
        return "this centre only dials out, so it needs none"
    where = bind or bind_address(endpoint)
    parts = urlsplit(where.replace("*", "0.0.0.0"))  # noqa: S104 - it is what "*" means to the node too
    host, port = parts.hostname or "", int(parts.port or 0)
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            remedy = "stop what listens there unless it is `train-swarm`, or choose where to listen with --bind"
            return Finding("swarm", "port", "WARN", f"{where} cannot be bound ({error.strerror})", remedy)
    name = urlsplit(endpoint).hostname or ""
    if _address_of(name) is None:
        remedy = "correct the name in DNS; peers look it up too"
        return Finding(
            "swarm", "port", "WARN", f"{where} is free, but the name {name} of {endpoint} is not found", remedy
        )
    return f"{where} is free; peers connect to {endpoint}"


def check_keys(project: Project) -> Finding:
    """Examine whether only their owner may read the private keys."""
    folder = project.folder / "keys" if project.folder else None
    if folder is None or not folder.is_dir():
        return Finding("swarm", "keys", "SKIP", "no keys here")
    open_to_others = [path.name for path in sorted(folder.iterdir()) if path.stat().st_mode & 0o077]
    if open_to_others:
        names = ", ".join(open_to_others)
        return Finding("swarm", "keys", "FAIL", f"others may read {names} in {folder}", f"`chmod 600 {folder}/*`")
    return Finding("swarm", "keys", "PASS", f"only their owner may read the keys in {folder}")


def check_hub() -> Finding:
    """Examine whether weights of encoders can be downloaded; a local file does as well."""
    return examine("network", "hub of weights", "give weights as a local file with --weights", _hub)


def _hub() -> Finding | str:
    from huggingface_hub import constants

    if constants.HF_HUB_OFFLINE:
        return Finding("network", "hub of weights", "SKIP", "HF_HUB_OFFLINE is set; cached weights are used")
    target = urlsplit(constants.ENDPOINT)
    proxy = urlsplit(os.environ.get("HTTPS_PROXY") or os.environ.get("https_proxy") or "")
    way = proxy if proxy.hostname else target
    refused = _connect(way.hostname or "", way.port or 443)
    where = f"{target.hostname}{f' (through {proxy.hostname})' if proxy.hostname else ''}"
    if refused is not None:
        remedy = "give weights as a local file with --weights, or set HTTPS_PROXY"
        return Finding("network", "hub of weights", "WARN", f"{where} is not reached ({refused})", remedy)
    token = "a token is set" if os.environ.get("HF_TOKEN") or Path(constants.HF_TOKEN_PATH).is_file() else "no token"
    return f"{where} is reached; {token}"


def _connect(host: str, port: int) -> str | None:
    """Return None if a connection can be made within ``WAIT_S``, else why not."""
    begun = time.monotonic()
    address = _address_of(host)
    if address is None:
        return "the name is not found"
    try:
        socket.create_connection((address, port), timeout=max(0.1, WAIT_S - (time.monotonic() - begun))).close()
    except OSError as error:
        return error.strerror or str(error)
    return None


def _address_of(host: str) -> str | None:
    """Look a name up, but not for longer than ``WAIT_S``, which a resolver may want."""
    found: list[str] = []

    def look_up() -> None:
        with suppress(OSError, UnicodeError):
            found.append(str(socket.getaddrinfo(host, None)[0][4][0]))

    # A thread of a pool would be waited for when the process ends.
    asking = threading.Thread(target=look_up, daemon=True)
    asking.start()
    asking.join(WAIT_S)
    return found[0] if found else None
