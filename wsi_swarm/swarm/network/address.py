"""Addresses as people write them: where peers dial this centre, where it listens, which proxy it dials through."""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit

from wsi_swarm.errors import ConfigError

DIAL_ONLY = ""
"""The endpoint of a member that nobody can dial; the hash of the empty text stands on the chain."""


def bind_address(endpoint: str) -> str:
    """Return where to listen for an endpoint such as ``tcp://host:5101``: there if it is an IP address, else anywhere.

    A member that only dials out (``DIAL_ONLY``) listens nowhere: the empty text.

    Raises
    ------
    ConfigError
        If the endpoint is not of this form.
    """
    if endpoint == DIAL_ONLY:
        return DIAL_ONLY
    host, port = _host_and_port(endpoint, "tcp")
    if not host or not port:
        msg = f"the endpoint '{endpoint}' is not of the form tcp://HOST:PORT; give the address at which peers reach you"
        raise ConfigError(msg)
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return f"tcp://*:{port}"
    return f"tcp://[{address}]:{port}" if address.version == 6 else f"tcp://{address}:{port}"


def socks_address(text: str) -> str:
    """Return a SOCKS5 proxy given as ``HOST:PORT`` or ``socks5://HOST:PORT`` in ZeroMQ's form ``HOST:PORT``.

    Raises
    ------
    ConfigError
        If it is of another form.
    """
    host, port = _host_and_port(text if "://" in text else f"socks5://{text}", "socks5")
    if not host or not port:
        msg = f"the proxy '{text}' is not of the form HOST:PORT or socks5://HOST:PORT; ask your network department"
        raise ConfigError(msg)
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _host_and_port(url: str, scheme: str) -> tuple[str | None, int | None]:
    try:
        parts = urlsplit(url)
        return (parts.hostname, parts.port) if parts.scheme == scheme and not parts.username else (None, None)
    except ValueError:
        return None, None
