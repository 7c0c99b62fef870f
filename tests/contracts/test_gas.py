"""Gas of a round: under the bars, where it was, and inside the limits that the adapter sends along."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from wsi_swarm.swarm.ledger import evm

if TYPE_CHECKING:
    from wsi_swarm.swarm.ledger.base import RunTerms

BARS = {3: 460_000, 8: 720_000}
MEASURED = {3: 248_878, 8: 509_227}
"""By ``benchmarks/contract_gas.py``; change it, and the table in docs/contracts.md, when the contract changes."""


def round_gas(swarm: Any, round_: int) -> int:
    """Play a round in which everybody commits; return its gas."""
    members = sorted(swarm.model.active)
    before = len(swarm.gas)
    for who in members:
        assert swarm.commit(who, 1, round_, bytes([who + 1, round_]) * 16) is None
    contributors, root = frozenset(members), bytes([round_]) * 32
    signers = frozenset(range(len(members) // 2 + 1))
    assert swarm.finalise(0, 1, round_, contributors, root, swarm.attest(1, contributors, root, signers)) is None
    return sum(gas for _, gas in swarm.gas[before:])


@pytest.mark.parametrize("members", BARS)
def test_round_costs_what_the_table_says(members: int, twin: Any, terms: RunTerms) -> None:
    swarm = twin(members)
    swarm.propose_run(0, terms)
    for who in range(1, members // 2 + 1):
        swarm.vote(who, 1, True)
    for who in range(members):
        swarm.enrol(who, 1, 5)
    round_gas(swarm, 1)
    gas = round_gas(swarm, 2)
    assert gas <= BARS[members]
    assert gas == pytest.approx(MEASURED[members], rel=0.01)


def test_limits_leave_half_as_much_again(twin: Any, terms: RunTerms) -> None:
    swarm = twin(2)
    swarm.propose_run(0, terms)
    swarm.vote(1, 1, True)
    swarm.propose_member(0, swarm.request(2, swarm.now + 900))
    swarm.vote(1, 2, True)
    swarm.propose_removal(0, 2)
    swarm.vote(1, 3, True)
    for who in range(2):
        swarm.enrol(who, 1, 5)
    round_gas(swarm, 1)
    swarm.now += terms.commit_seconds
    swarm.poke(0, 1)
    for who in range(2):
        swarm.enrol(who, 1, 5)
        swarm.commit(who, 1, 3, b"u" * 32)
    swarm.reject(0, 1, 3)
    swarm.poke(0, 1)
    swarm.leave(0, 1)
    swarm.report(0, 1, swarm.equivocation(1, 1, (b"m" * 32, b"n" * 32)))
    swarm.rotate_key(0, b"r" * 32, b"e" * 32)
    swarm.propose_replacement(0, 1, swarm.request(3, swarm.now + 900))
    swarm.vote(1, 4, True)
    swarm.resign(0)
    alone = twin(1)
    alone.propose_run(0, replace(terms, rounds=2**32 - 1))
    used: dict[str, int] = {}
    for function, gas in swarm.gas + alone.gas:
        used[function] = max(used.get(function, 0), gas)
    del used["deploy"]
    assert used.keys() == evm._GAS.keys()
    assert [f for f, gas in used.items() if evm._GAS[f] < 1.5 * gas] == []
