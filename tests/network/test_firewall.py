"""Three hospitals, two of which let nobody in: real nodes on hosts of their own, behind packet filters."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.faults.conftest import DevChain, make_swarm, run_config
from tests.waiting import free_port

TESTS = Path(__file__).parents[1]
NO_CALLS_IN = "input tcp flags & (syn | ack) == syn drop"


def reached(lan, origin: str, target: str, port: int) -> str:
    """Say what becomes of a TCP connection from one host to another."""
    program = (
        "import socket, sys\n"
        "try: socket.create_connection((sys.argv[1], int(sys.argv[2])), timeout=1.5); print('open')\n"
        "except OSError as error: print(type(error).__name__)"
    )
    command = [*lan.inside(origin), sys.executable, "-c", program, lan.hosts[target], str(port)]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


@pytest.mark.network
def test_a_run_of_which_two_of_three_may_only_dial_out_and_one_only_through_a_proxy(lan, tmp_path):
    names = ("open", "shut", "proxied")
    hosts = {name: lan.host(name) for name in names}
    chain = DevChain(tmp_path, free_port(), host="0.0.0.0")
    rpc, proxy_port = f"http://{lan.gateway}:{chain.port}", free_port()
    lan.filter("shut", NO_CALLS_IN)
    only = f"output ip daddr {lan.gateway} tcp dport {{ {chain.port}, {proxy_port} }} accept"
    lan.filter("proxied", NO_CALLS_IN, "output oif lo accept", only, "output tcp flags & (syn | ack) == syn drop")
    assert reached(lan, "shut", "open", 9) == "ConnectionRefusedError"  # it may call out,
    assert reached(lan, "open", "shut", 9) == "TimeoutError"  # and not be called;
    assert reached(lan, "proxied", "open", 9) == "TimeoutError"  # this one may not even call out
    assert reached(lan, "shut", "proxied", 9) == "TimeoutError"

    proxy_log = tmp_path / "proxy.log"
    proxy_command = [sys.executable, str(TESTS / "swarm" / "network" / "socks.py"), lan.gateway, str(proxy_port)]
    with proxy_log.open("w") as log, subprocess.Popen(proxy_command, stdout=log, stderr=log) as proxy:
        swarm = None
        try:
            chain.start()
            config = run_config(rounds=3)
            swarm = make_swarm(tmp_path, config, names, chain.url, dial_only=names[1:], hosts=hosts)
            swarm.start("open", prefix=lan.inside("open"), rpc=rpc)
            swarm.start("shut", prefix=lan.inside("shut"), rpc=rpc)
            through = {"WSI_SWARM_SOCKS_PROXY": f"{lan.gateway}:{proxy_port}"}
            swarm.start("proxied", prefix=lan.inside("proxied"), rpc=rpc, **through)
            swarm.propose("open")
            roots = {name: swarm.wait(name, 240)[1] for name in names}
        finally:
            if swarm is not None:
                swarm.stop()
            chain.kill()
            proxy.kill()
    assert len(set(roots.values())) == 1
    for name in names:
        assert "merged open, shut, proxied" in swarm.log(name), swarm.log(name)
    assert f"{hosts['open']}:" in proxy_log.read_text()
