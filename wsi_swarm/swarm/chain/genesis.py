"""Files for a chain that the centres run together: Hyperledger Besu with QBFT, one validator per centre.

Everything here is text for another program; Besu itself is no part of wsi-swarm and is not run by its tests. What the
files hold follows Besu's documentation (see ``docs/besu.md``).
"""

from __future__ import annotations

import ipaddress
import json
import re
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from coincurve import PrivateKey
from eth_hash.auto import keccak

from wsi_swarm.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Sequence

P2P_PORT, RPC_PORT = 30303, 8545
IMAGE = "hyperledger/besu:${BESU_TAG:-latest}"
"""Agree on one release among the centres and set ``BESU_TAG`` to it."""

_QBFT_MIX_HASH = "0x" + b"ctical byzantine fault tolerance".hex()
_TRIAL_NETWORK = "172.28.77"


@dataclass(frozen=True, slots=True)
class Validator:
    """One centre's chain node.

    Attributes
    ----------
    name : str
        Label for people; names its folder.
    public_key : bytes
        64 bytes: the point of the node key, without the prefix.
    host, port
        Where the other nodes reach it; ``host`` is an IP address, which is all that Besu takes by default.
    """

    name: str
    public_key: bytes
    host: str
    port: int = P2P_PORT

    @property
    def address(self) -> bytes:
        """20 bytes: who it is in the list of validators."""
        return keccak(self.public_key)[12:]

    @property
    def enode(self) -> str:
        """How the other nodes name and reach it."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"enode://{self.public_key.hex()}@{host}:{self.port}"


def new_node_key() -> bytes:
    """Return a new private node key (32 bytes)."""
    return secrets.token_bytes(32)


def validator_of(name: str, key: bytes, host: str, port: int = P2P_PORT) -> Validator:
    """Return the validator of a private node key."""
    return Validator(name, PrivateKey(key).public_key.format(compressed=False)[1:], host, port)


def parse_validator(text: str) -> Validator:
    """Return the validator that ``NAME=enode://KEY@IP:PORT`` means.

    Raises
    ------
    ConfigError
        If it is not of this form.
    """
    found = re.fullmatch(
        r"([A-Za-z0-9][A-Za-z0-9_.-]{0,62})=enode://([0-9a-fA-F]{128})@\[?([0-9a-fA-F.:]+?)\]?:(\d{1,5})", text
    )
    if found is None:
        msg = f"'{text}' is not of the form NAME=enode://KEY@IP:PORT, which 'wsi-swarm chain node-key' prints"
        raise ConfigError(msg)
    name, key, host, port = found.groups()
    return Validator(name, bytes.fromhex(key), check_host(host), int(port))


def check_host(host: str) -> str:
    """Return an IP address as it is.

    Raises
    ------
    ConfigError
        If it is none: Besu refuses names in an enode unless an early-access option is set.
    """
    try:
        return str(ipaddress.ip_address(host))
    except ValueError as error:
        msg = (
            f"'{host}' is no IP address; Besu takes only those by default, so give the node's address as others see it"
        )
        raise ConfigError(msg) from error


def genesis(validators: Sequence[Validator], chain_id: int, block_seconds: int, timestamp: int) -> dict[str, Any]:
    """Return Besu's genesis file: QBFT with these validators, London rules, free gas.

    Parameters
    ----------
    block_seconds : int
        Between two blocks; a proposer that is silent is overtaken after twice as long.
    timestamp : int
        Unix seconds of the first block.

    Raises
    ------
    ConfigError
        If there is no validator, or one occurs twice.
    """
    if not validators or len({one.address for one in validators}) != len(validators):
        msg = "a chain needs validators, each with a node key of its own"
        raise ConfigError(msg)
    return {
        "config": {
            "chainId": chain_id,
            "londonBlock": 0,
            "zeroBaseFee": True,
            "qbft": {
                "epochlength": 30000,
                "blockperiodseconds": block_seconds,
                "requesttimeoutseconds": 2 * block_seconds,
            },
        },
        "nonce": "0x0",
        "timestamp": hex(timestamp),
        "extraData": "0x" + extra_data([one.address for one in validators]).hex(),
        "gasLimit": "0x3938700",  # 60 million: a finalisation with 128 members takes 2.5 million
        "difficulty": "0x1",
        "mixHash": _QBFT_MIX_HASH,
        "coinbase": "0x" + "00" * 20,
        "alloc": {},
    }


def extra_data(addresses: Sequence[bytes]) -> bytes:
    """Return ``RLP([32 bytes vanity, validators, no vote, round 0, no seals])`` for addresses of 20 bytes.

    The order is that of the addresses, as Besu keeps it.
    """
    listed = _rlp_list(b"".join(_rlp_bytes(address) for address in sorted(addresses)))
    return _rlp_list(_rlp_bytes(bytes(32)) + listed + b"\xc0" + b"\x80" + b"\xc0")


def _rlp_bytes(data: bytes) -> bytes:
    return _rlp_prefix(0x80, len(data)) + data


def _rlp_list(content: bytes) -> bytes:
    return _rlp_prefix(0xC0, len(content)) + content


def _rlp_prefix(base: int, size: int) -> bytes:
    """Return the prefix of a text (0x80) or list (0xc0) of ``size`` bytes; a single byte would not come here."""
    if size < 56:
        return bytes([base + size])
    length = size.to_bytes((size.bit_length() + 7) // 8)
    return bytes([base + 55 + len(length)]) + length


def static_nodes(validators: Sequence[Validator]) -> str:
    """Return Besu's list of nodes that are always connected to."""
    return json.dumps([one.enode for one in validators], indent=1) + "\n"


def permissions(validators: Sequence[Validator]) -> str:
    """Return Besu's list of nodes that may connect at all."""
    return f"nodes-allowlist={json.dumps([one.enode for one in validators])}\n"


def compose(validator: Validator) -> str:
    """Return the ``compose.yaml`` of one centre; it lies beside the shared files and the centre's node key."""
    publish = [f"{validator.port}:{P2P_PORT}", f"127.0.0.1:{RPC_PORT}:{RPC_PORT}"]
    return _HEAD.format(what=f"The chain node of {validator.name}") + _service("chain", ".", "key", publish, None)


def trial_compose(names: Sequence[str]) -> str:
    """Return a ``compose.yaml`` with all validators on one machine: for a trial, since it fails as one."""
    services = [
        _service(name, ".", f"{name}/key", [f"127.0.0.1:{RPC_PORT + place}:{RPC_PORT}"], trial_host(place))
        for place, name in enumerate(names)
    ]
    network = f"networks:\n  default:\n    ipam:\n      config:\n        - subnet: {_TRIAL_NETWORK}.0/24\n"
    return _HEAD.format(what="All validators on one machine, for a trial") + "".join(services) + network


def trial_host(place: int) -> str:
    """Return the address of a validator in the network of :func:`trial_compose`."""
    return f"{_TRIAL_NETWORK}.{11 + place}"


_HEAD = "# {what}: Hyperledger Besu, QBFT. Made by 'wsi-swarm chain genesis'; see docs/besu.md.\nservices:\n"


def _service(name: str, shared: str, key: str, publish: Sequence[str], host: str | None) -> str:
    options = [
        "--data-path=/var/lib/besu",
        "--genesis-file=/etc/besu-network/genesis.json",
        "--node-private-key-file=/etc/besu-network/key",
        "--static-nodes-file=/etc/besu-network/static-nodes.json",
        "--permissions-nodes-config-file-enabled",
        "--permissions-nodes-config-file=/etc/besu-network/permissions.toml",
        "--discovery-enabled=false",
        "--profile=ENTERPRISE",
        "--sync-mode=FULL",
        "--data-storage-format=FOREST",
        "--min-gas-price=0",
        "--rpc-http-enabled",
        "--rpc-http-api=ETH,NET,WEB3,QBFT",
        "--host-allowlist=localhost,127.0.0.1",
    ]
    lines = [f"  {name}:", f"    image: {IMAGE}", "    restart: unless-stopped", "    command:"]
    lines += [f"      - {option}" for option in options]
    lines.append("    volumes:")
    lines += [
        f"      - ./{name}/data:/var/lib/besu" if host else "      - ./data:/var/lib/besu",
        f"      - {shared}/genesis.json:/etc/besu-network/genesis.json:ro",
        f"      - {shared}/static-nodes.json:/etc/besu-network/static-nodes.json:ro",
        f"      - {shared}/permissions.toml:/etc/besu-network/permissions.toml:ro",
        f"      - ./{key}:/etc/besu-network/key:ro",
    ]
    lines += ["    ports:", *(f'      - "{one}"' for one in publish)]
    if host is not None:
        lines += ["    networks:", "      default:", f"        ipv4_address: {host}"]
    return "\n".join(lines) + "\n"
