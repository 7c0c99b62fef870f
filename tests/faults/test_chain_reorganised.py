"""A chain whose last blocks are not final: they are replaced under a running swarm, which waits for confirmations."""

from __future__ import annotations

import dataclasses
import re
from typing import TYPE_CHECKING

import pytest

from tests.faults.conftest import Swarm, make_swarm, run_config
from tests.waiting import until
from wsi_swarm.swarm.config import Timeouts
from wsi_swarm.swarm.ledger.base import Final, Phase
from wsi_swarm.swarm.ledger.evm import EvmReader
from wsi_swarm.swarm.ledger.rpc_client import RpcClient

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.anvil import Anvil

WAITS = Timeouts(enrol_s=90, commit_s=60, reveal_s=15, attest_s=45, heartbeat_s=0.5, connect_s=2)
CONFIRMATIONS = 2


@pytest.fixture
def swarm(tmp_path: Path, anvil: Anvil) -> Iterator[Swarm]:
    """Three running centres on a chain that can be reorganised."""
    config = run_config(rounds=3, timeouts=WAITS, weighting="equal")
    made = make_swarm(tmp_path, config, ("a", "b", "c"), anvil.url, confirmations=CONFIRMATIONS)
    for name in made.names:
        made.start(name)
    yield made
    made.stop()


def head_of(swarm: Swarm) -> EvmReader:
    """Return a reader that believes the newest block."""
    return EvmReader(RpcClient(swarm.rpc), dataclasses.replace(swarm.federation, confirmations=0))


def check_end(swarm: Swarm) -> None:
    """All have the model that is final on the chain, and nobody ever took another for final."""
    results = {name: swarm.wait(name, 240) for name in swarm.names}
    until("the end is final", lambda: swarm.reader.run(1).phase is Phase.FINISHED)
    assert {root for _, root in results.values()} == {swarm.reader.run(1).base_root.hex()}
    finals = {e.round: e.merged_root.hex()[:12] for e in swarm.reader.events()[0] if isinstance(e, Final)}
    assert len(finals) == 3
    for name in swarm.names:
        believed = re.findall(r"round (\d+) final .* root ([0-9a-f]{12})", swarm.log(name))
        assert {int(number): root for number, root in believed} == finals
        assert len(believed) == 3
        assert swarm.audit(name).returncode == 0


@pytest.mark.slow
def test_commits_and_finals_that_a_reorganisation_drops_are_made_again(swarm: Swarm, anvil: Anvil) -> None:
    swarm.propose("a")
    head = head_of(swarm)
    until("the run is opened", lambda: swarm.reader.run_count() == 1)
    until("commits that are not final", lambda: (s := head.run(1)).round == 1 and s.committed)
    anvil.reorganise(CONFIRMATIONS)
    until("a final that is not final", lambda: head.run(1).finals > swarm.reader.run(1).finals, 180)
    before = head.run(1)
    anvil.reorganise(CONFIRMATIONS)
    assert head.run(1).finals < before.finals
    until("commits of a later round", lambda: (s := head.run(1)).round >= 2 and s.committed, 180)
    anvil.reorganise(CONFIRMATIONS)
    check_end(swarm)


@pytest.mark.slow
def test_chain_that_comes_back_without_its_last_blocks(swarm: Swarm, anvil: Anvil) -> None:
    swarm.propose("a")
    until("the run is opened", lambda: swarm.reader.run_count() == 1)
    until("round 2", lambda: swarm.reader.run(1).round >= 2, 180)
    anvil.kill()
    for name in swarm.names:
        until(f"{name} notices", lambda n=name: "waiting for the chain" in swarm.log(n))
    anvil.start()
    check_end(swarm)
