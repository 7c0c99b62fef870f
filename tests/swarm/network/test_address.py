"""Addresses as people write them."""

from __future__ import annotations

import pytest

from wsi_swarm.errors import ConfigError
from wsi_swarm.swarm.network.address import bind_address, socks_address


@pytest.mark.parametrize(
    ("endpoint", "bind"),
    [
        ("tcp://127.0.0.1:5101", "tcp://127.0.0.1:5101"),
        ("tcp://centre-a.example:5101", "tcp://*:5101"),
        ("tcp://[::1]:5101", "tcp://[::1]:5101"),
        ("", ""),
    ],
)
def test_bind_address(endpoint, bind):
    assert bind_address(endpoint) == bind


@pytest.mark.parametrize("endpoint", ["127.0.0.1:5101", "tcp://host", "http://h:1", "tcp://h:99999", "tcp://[::1:5"])
def test_a_wrong_endpoint_is_refused(endpoint):
    with pytest.raises(ConfigError, match="tcp://HOST:PORT"):
        bind_address(endpoint)


@pytest.mark.parametrize(
    ("text", "proxy"),
    [
        ("proxy.example:1080", "proxy.example:1080"),
        ("socks5://10.0.0.1:1080", "10.0.0.1:1080"),
        ("socks5://[fd00::1]:1080", "[fd00::1]:1080"),
    ],
)
def test_socks_address(text, proxy):
    assert socks_address(text) == proxy


@pytest.mark.parametrize("text", ["proxy", "http://proxy:1080", "proxy:port", "socks5://user:word@proxy:1080", ""])
def test_a_wrong_proxy_is_refused(text):
    with pytest.raises(ConfigError, match="HOST:PORT"):
        socks_address(text)
