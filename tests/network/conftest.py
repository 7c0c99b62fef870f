"""Hosts as network namespaces on one bridge, with packet filters; needs root, iproute2 and nftables."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator


def run(*command: object, text: str | None = None) -> str:
    """Run a command that must succeed."""
    words = [str(word) for word in command]
    done = subprocess.run(words, input=text, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{' '.join(words)}: {done.stderr}"
    return done.stdout


@dataclass
class Lan:
    """A bridge on this machine (``gateway``) and hosts on it."""

    tag: str
    gateway: str = "10.77.0.1"
    hosts: dict[str, str] = field(default_factory=dict)

    def host(self, name: str) -> str:
        """Add a host; return its address."""
        space, address = self.space(name), f"10.77.0.{11 + len(self.hosts)}"
        outer, inner = f"{self.tag}o{len(self.hosts)}", f"{self.tag}i{len(self.hosts)}"
        run("ip", "netns", "add", space)
        self.hosts[name] = address
        run("ip", "link", "add", outer, "type", "veth", "peer", "name", inner, "netns", space)
        run("ip", "link", "set", outer, "master", self.tag, "up")
        for words in (
            ("addr", "add", f"{address}/24", "dev", inner),
            ("link", "set", inner, "up"),
            ("link", "set", "lo", "up"),
        ):
            run("ip", "-n", space, *words)
        return address

    def space(self, name: str) -> str:
        return f"{self.tag}-{name}"

    def inside(self, name: str) -> tuple[str, ...]:
        """Return the prefix of a command that is run on a host."""
        return ("ip", "netns", "exec", self.space(name))

    def filter(self, name: str, *rules: str) -> None:
        """Give a host packet filter rules (nftables): lines like ``input tcp dport 1 drop``."""
        lines = ["table inet firewall {"]
        for hook in ("input", "output"):
            mine = [rule.removeprefix(f"{hook} ") for rule in rules if rule.startswith(f"{hook} ")]
            lines += [f"chain {hook} {{ type filter hook {hook} priority 0; policy accept;", *mine, "}"]
        run(*self.inside(name), "nft", "-f", "-", text="\n".join([*lines, "}", ""]))

    def open(self) -> None:
        run("ip", "link", "add", self.tag, "type", "bridge")
        run("ip", "addr", "add", f"{self.gateway}/24", "dev", self.tag)
        run("ip", "link", "set", self.tag, "up")

    def close(self) -> None:
        for name in self.hosts:
            run("ip", "netns", "del", self.space(name))
        run("ip", "link", "del", self.tag)


@pytest.fixture
def lan() -> Iterator[Lan]:
    missing = [tool for tool in ("ip", "nft") if shutil.which(tool) is None]
    if os.geteuid() != 0 or missing:
        pytest.skip(f"needs root and iproute2, nftables (missing: {missing}); see scripts/install-ci-tools.sh")
    made = Lan(f"wsi{os.getpid() % 10_000}")
    made.open()
    try:
        yield made
    finally:
        made.close()
