"""Three centres on hosts whose every packet takes 200 ms, at 20 Mbit/s, and of whose packets 2 % are lost."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from tests.faults.conftest import DevChain, make_swarm, run_config
from tests.faults.wire import Line, Wire
from tests.waiting import free_port, until
from wsi_swarm.swarm.config import Timeouts
from wsi_swarm.swarm.ledger.base import Phase, Void

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

WAITS = Timeouts(enrol_s=240, commit_s=180, reveal_s=60, attest_s=120, heartbeat_s=2, connect_s=10)


@pytest.fixture
def wire() -> Iterator[Wire]:
    """Three hosts besides this one."""
    if os.geteuid() != 0:
        pytest.skip("network namespaces need root")
    made = Wire(3, Line(), seed=4)
    yield made
    made.close()


@pytest.mark.network
def test_a_run_over_slow_and_lossy_lines(tmp_path: Path, wire: Wire) -> None:
    names = ("a", "b", "c")
    chain = DevChain(tmp_path, free_port(), host="0.0.0.0")
    chain.start()
    hosts = {name: wire.address(number) for number, name in enumerate(names, 2)}
    swarm = make_swarm(tmp_path, run_config(rounds=2, timeouts=WAITS), names, chain.url, hosts=hosts)
    try:
        for number, name in enumerate(names, 2):
            swarm.start(name, prefix=wire.inside(number), rpc=f"http://{wire.address(1)}:{chain.port}")
        swarm.propose("a")
        until("a round is final", lambda: swarm.reader.run_count() and swarm.reader.run(1).finals >= 1, 400)
        results = {swarm.wait(name, 400) for name in names}
        state = swarm.reader.run(1)
        assert state.phase is Phase.FINISHED
        assert {root for _, root in results} == {state.base_root.hex()}
        assert not [event for event in swarm.reader.events()[0] if isinstance(event, Void)]
        assert wire.lost > 0.01 * wire.carried > 10
    finally:
        swarm.stop()
        chain.kill()
