"""The chain's node is killed in the middle of a run and comes back: the run goes on where it was."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.faults.conftest import DevChain, Swarm, run_config, until
from wsi_swarm.swarm.ledger.base import Phase

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.mark.slow
def test_chain_killed_and_started_again(new_swarm: Callable[..., Swarm], dev_chain: DevChain) -> None:
    swarm = new_swarm(run_config(rounds=4, weighting="equal"))
    for name in swarm.names:
        swarm.start(name)
    swarm.propose("a")
    until("the run is opened", lambda: swarm.reader.run_count() == 1)
    until("round 2", lambda: swarm.reader.run(1).round >= 2)
    dev_chain.kill()
    for name in swarm.names:
        until(f"{name} notices", lambda n=name: "waiting for the chain" in swarm.log(n))
    dev_chain.start()
    results = {swarm.wait(name) for name in swarm.names}
    state = swarm.reader.run(1)
    assert state.phase is Phase.FINISHED
    assert {root for _, root in results} == {state.base_root.hex()}
    for name in swarm.names:
        assert "the chain answers again" in swarm.log(name)
        assert swarm.audit(name).returncode == 0
