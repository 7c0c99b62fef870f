"""The chain's node is killed before a run and in the middle of it and comes back: the swarm goes on where it was."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.faults.conftest import DevChain, Swarm, run_config
from tests.waiting import until
from wsi_swarm.swarm.ledger.base import Phase

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.mark.slow
def test_chain_killed_and_started_again(new_swarm: Callable[..., Swarm], dev_chain: DevChain) -> None:
    swarm = new_swarm(run_config(rounds=4, weighting="equal"))
    for name in swarm.names:
        swarm.start(name)
        until(f"{name} waits for the run", lambda n=name: "waiting for the run" in swarm.log(n))
    _kill_and_start(dev_chain, swarm, 1)
    swarm.propose("a")
    until("the run is opened", lambda: swarm.reader.run_count() == 1)
    until("round 2", lambda: swarm.reader.run(1).round >= 2)
    _kill_and_start(dev_chain, swarm, 2)
    results = {swarm.wait(name) for name in swarm.names}
    state = swarm.reader.run(1)
    assert state.phase is Phase.FINISHED
    assert {root for _, root in results} == {state.base_root.hex()}
    for name in swarm.names:
        assert swarm.log(name).count("the chain answers again") == 2
        assert swarm.audit(name).returncode == 0


def _kill_and_start(chain: DevChain, swarm: Swarm, time: int) -> None:
    chain.kill()
    for name in swarm.names:
        until(f"{name} notices", lambda n=name: swarm.log(n).count("waiting for the chain") == time)
    chain.start()
