"""Status and votes, over the pure model of the contract."""

from __future__ import annotations

import json

import pytest

from wsi_swarm.swarm.ledger.base import Candidate, Phase, RunTerms
from wsi_swarm.swarm.ledger.federation import Federation, FederationMember
from wsi_swarm.swarm.ledger.model import ContractModel, ModelLedger
from wsi_swarm.swarm.ledger.typed_data import account_of
from wsi_swarm.swarm.node.runs import find_run, open_votes, vote_for_wanted
from wsi_swarm.swarm.oversight.status import as_json, as_text, read_status
from wsi_swarm.swarm.simulation.world import Faults, Outage, Setting, Simulation

KEYS = [bytes(31) + bytes([i + 1]) for i in range(3)]
ACCOUNTS = [account_of(key) for key in KEYS]
TERMS = RunTerms(b"c" * 32, b"b" * 32, 2, 2, enrol_seconds=60, commit_seconds=60, attest_seconds=60, max_weight=9)


@pytest.fixture
def ledgers() -> list[ModelLedger]:
    founders = [Candidate(account, account.encode()[:32], bytes(32)) for account in ACCOUNTS]
    contract = ContractModel(founders, 3600, lambda: 1000)
    return [ModelLedger(contract, account) for account in ACCOUNTS]


def federation(ledger) -> Federation:
    members = tuple(
        FederationMember(f"centre-{n}", m.account, m.curve_key, "tcp://h:1")
        for n, m in zip("abc", ledger.members(), strict=False)
    )
    return Federation(1337, ledger.contract, bytes(32), 0, members)


def test_a_run_that_is_what_this_centre_wants_gets_its_vote_and_no_other(ledgers):
    other_model = RunTerms(**{name: getattr(TERMS, name) for name in TERMS.__slots__} | {"base_root": b"x" * 32})
    wanted = ledgers[0].propose_run(TERMS)
    ledgers[0].propose_run(other_model)
    ledgers[0].propose_removal(2)
    assert find_run(ledgers[1], TERMS.config_hash) is None
    assert [(v.proposal.id, v.acceptable) for v in open_votes(ledgers[1], ACCOUNTS[1], TERMS)] == [
        (2, False),
        (1, True),
    ]
    assert len(vote_for_wanted(ledgers[1], TERMS)) == 2
    assert ledgers[0].proposal(2).yes == {0}
    assert ledgers[0].proposal(wanted).outcome == 1
    found = find_run(ledgers[2], TERMS.config_hash)
    assert found is not None
    assert (found.run, found.phase) == (1, Phase.ENROL)
    assert find_run(ledgers[2], b"?" * 32) is None
    assert [v.proposal.id for v in vote_for_wanted(ledgers[1], TERMS)] == [2]


def test_who_has_voted_is_not_asked_again_and_strangers_never(ledgers):
    ledgers[0].propose_run(TERMS)
    assert open_votes(ledgers[0], ACCOUNTS[0], TERMS) == []
    assert open_votes(ledgers[0], "0x" + "99" * 20, TERMS) == []


def test_a_run_that_goes_on_comes_before_a_finished_one():
    simulation = Simulation(0, Setting(rounds=1)).run()
    ledger = simulation.ledgers[0]
    assert find_run(ledger, b"\1" * 32).run == 1
    number = ledger.propose_run(simulation.run_state.terms)
    simulation.ledgers[1].vote(number, yes=True)
    assert find_run(ledger, b"\1" * 32).run == 2


def test_what_a_person_sees_while_a_run_goes_on(ledgers):
    ledgers[0].propose_run(TERMS)
    ledgers[1].vote(1, yes=True)
    ledgers[0].propose_removal(2)
    for weight, ledger in enumerate(ledgers, 3):
        ledger.enrol(1, weight)
    ledgers[1].commit(1, 1, b"q" * 32)
    seen = read_status(ledgers[0], federation(ledgers[0]))
    text = as_text(seen)
    assert "run 1: training and commitment, 60 s left" in text
    assert "remove centre-c  (1 yes, 0 no of 3; proposed by centre-a)" in text
    rows = {line.split()[0]: line for line in text.splitlines() if "weight" in line}
    assert "weight 4" in rows["centre-b"]
    assert "committed" in rows["centre-b"]
    assert "expected" in rows["centre-a"]
    told = json.loads(json.dumps(as_json(seen)))
    assert told["runs"][0]["committed"] == ["centre-b"]
    assert told["runs"][0]["enrolled"] == {"centre-a": 3, "centre-b": 4, "centre-c": 5}
    assert [p["status"] for p in told["proposals"]] == ["EXECUTED", "OPEN"]


def test_history_of_a_finished_run_with_a_void_round():
    simulation = Simulation(2, Setting(rounds=2), Faults(outages=(Outage(0, 2.5, 40.0), Outage(1, 2.5, 40.0)))).run()
    seen = read_status(simulation.ledgers[0], federation(simulation.ledgers[0]))
    text, told = as_text(seen), as_json(seen)
    assert "run 1: finished" in text
    assert "too few centres committed in time" in text
    history = told["runs"][0]["history"]
    assert {one["result"] for one in history} == {"final", "void"}
    assert history[-1]["root"] == simulation.run_state.base_root.hex()
