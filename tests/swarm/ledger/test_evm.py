"""The adapter's own duties: the right contract, no doubled transactions, files, sentences."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from wsi_swarm.errors import ConfigError, IntegrityError
from wsi_swarm.swarm.chain.devchain import DevChain
from wsi_swarm.swarm.ledger import typed_data as td
from wsi_swarm.swarm.ledger.artifact import load_artifact
from wsi_swarm.swarm.ledger.base import LedgerError, LedgerReader, RunTerms, UnreachableError, WrongChainError
from wsi_swarm.swarm.ledger.deploy import deploy
from wsi_swarm.swarm.ledger.errors import REFUSAL_CODES
from wsi_swarm.swarm.ledger.evm import EvmReader
from wsi_swarm.swarm.ledger.federation import (
    JoinFile,
    read_federation,
    read_join_file,
    write_federation,
    write_join_file,
)
from wsi_swarm.swarm.ledger.rpc_client import RpcClient

if TYPE_CHECKING:
    from pathlib import Path

TERMS = RunTerms(b"c" * 32, b"b" * 32, 2, 2, enrol_seconds=100, commit_seconds=60, attest_seconds=60, max_weight=500)


def test_every_custom_error_of_the_contract_has_its_exception() -> None:
    assert set(load_artifact().errors.values()) == REFUSAL_CODES


def test_reader_needs_no_key(world: Any) -> None:
    reader: LedgerReader = EvmReader(world.client, world.federation)
    assert [m.account for m in reader.members()] == [td.account_of(key) for key in world.keys[:3]]
    assert reader.chain_time() >= world.chain.engine.head.timestamp


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"chain_id": 1}, "is on chain 1337, the federation is on chain 1"),
        ({"contract": "0x" + "00" * 19 + "01"}, "There is no contract"),
        ({"code_hash": bytes(32)}, "is not the contract"),
    ],
)
def test_wrong_chain_or_contract_is_refused(change: dict[str, Any], sentence: str, world: Any) -> None:
    with pytest.raises(WrongChainError, match=sentence):
        EvmReader(world.client, replace(world.federation, **change))


def test_code_is_recognised_whatever_its_immutables(world: Any) -> None:
    code = world.client.code(world.federation.contract)
    assert code != load_artifact().deployed
    assert load_artifact().is_code(code)
    changed = bytearray(code)
    changed[100] ^= 1
    assert not load_artifact().is_code(bytes(changed))


def test_node_that_is_gone_is_said_to_be_unreachable() -> None:
    with pytest.raises(UnreachableError, match="does not answer"):
        RpcClient("http://127.0.0.1:9", timeout_s=1).chain_id()


def test_crash_after_the_journal_before_the_broadcast_is_made_good_at_the_next_start(world: Any) -> None:
    world.provider.lose = {"eth_sendRawTransaction"}
    with pytest.raises(UnreachableError):
        world.ledgers[0].propose_run(TERMS)
    (under_way,) = json.loads((world.folder / "nonces-0.json").read_text())
    assert under_way["intent"].startswith("proposeRun")
    world.provider.lose = set()
    again = world.ledger(0)
    assert again.proposal_count() == 1
    again.propose_removal(1)
    assert [p.subject for p in map(again.proposal, (1, 2))] == [TERMS, 1]
    assert json.loads((world.folder / "nonces-0.json").read_text()) == []


def test_crash_before_the_receipt_neither_loses_nor_doubles(world: Any) -> None:
    world.provider.lose = {"eth_getTransactionReceipt"}
    with pytest.raises(UnreachableError):
        world.ledgers[0].propose_removal(2)
    world.provider.lose = set()
    assert world.chain.engine.nonce(bytes.fromhex(world.ledgers[0].account[2:])) == 1
    again = world.ledger(0)
    assert again.proposal_count() == 1
    assert again.propose_removal(1) == 2


def test_asking_twice_for_what_is_under_way_sends_it_once(world: Any) -> None:
    proposal = world.ledgers[0].propose_run(TERMS)
    world.provider.lose = {"eth_sendRawTransaction"}
    with pytest.raises(UnreachableError):
        world.ledgers[1].vote(proposal, True)
    world.provider.lose = set()
    world.ledgers[1].vote(proposal, True)
    assert world.chain.engine.nonce(bytes.fromhex(world.ledgers[1].account[2:])) == 1


def test_nonce_taken_by_another_program_with_the_same_key_is_stepped_over(world: Any) -> None:
    world.provider.lose = {"eth_sendRawTransaction"}
    with pytest.raises(UnreachableError):
        world.ledgers[0].propose_removal(2)
    world.provider.lose = set()
    other = type(world.ledgers[0])(world.client, world.federation, world.keys[0], world.folder / "other.json")
    assert other.propose_run(TERMS) == 1
    assert world.ledgers[0].propose_removal(2) == 2


def test_contract_is_deployed_only_for_founders_who_asked(world: Any, tmp_path: Path) -> None:
    contract = world.federation.contract
    good = td.sign_join_request(world.keys[0], 1337, td.ZERO_ADDRESS, b"k" * 32, "tcp://h:1", 2_000_000)
    other_contract = td.sign_join_request(world.keys[0], 1337, contract, b"k" * 32, "tcp://h:1", 2_000_000)
    for request, now in [(replace(good, endpoint="tcp://evil:1"), 0), (other_contract, 0), (good, 2_000_000)]:
        with pytest.raises(IntegrityError, match="join request of kiel"):
            deploy(world.client, world.keys[4], tmp_path / "j.json", {"kiel": request}, 100, now=now)
    with pytest.raises(LedgerError, match="AlreadyMember"):
        deploy(world.client, world.keys[4], tmp_path / "j.json", {"kiel": good, "mainz": good}, 100, now=0)
    with pytest.raises(LedgerError, match="BadVotingTime"):
        deploy(world.client, world.keys[4], tmp_path / "j.json", {"kiel": good}, 0, now=0)


def test_chain_that_asks_for_money_is_refused_with_a_sentence(world: Any) -> None:
    class Costly(type(world.provider)):
        def make_request(self, method: Any, params: Any) -> Any:
            answer = super().make_request(method, params)
            if method == "eth_getBlockByNumber":
                answer["result"]["baseFeePerGas"] = "0x3b9aca00"
            return answer

    client = RpcClient("costly", provider=Costly(world.chain, world.clock))
    with pytest.raises(LedgerError, match="asks for gas money"):
        type(world.ledgers[0])(client, world.federation, world.keys[0], world.folder / "x.json")


def test_files_come_back_as_they_were_written(world: Any, tmp_path: Path) -> None:
    federation = tmp_path / "federation.json"
    write_federation(federation, world.federation)
    assert read_federation(federation) == world.federation
    request = td.sign_join_request(world.keys[3], 1337, world.federation.contract, b"k" * 32, "tcp://h:1", 99)
    path = tmp_path / "kiel.join.json"
    file = JoinFile("kiel", 1337, world.federation.contract, request, {b"m" * 32: b"p" * 32})
    write_join_file(path, file)
    assert read_join_file(path) == file
    with pytest.raises(ConfigError, match="is no join request"):
        read_join_file(federation)
    federation.write_text(federation.read_text().replace('"chain_id"', '"chain"'))
    with pytest.raises(ConfigError, match="no whole federation file"):
        read_federation(federation)


def test_federation_trusts_an_endpoint_only_if_its_hash_stands_on_chain(world: Any) -> None:
    member = world.ledgers[0].members()[1]
    assert world.federation.endpoint_of(member) == "tcp://h1:7000"
    assert world.federation.name_of(member) == "centre-1"
    moved = td.sign_join_request(
        world.keys[1], 1337, world.federation.contract, member.curve_key, "tcp://evil:1", 2_000_000
    )
    assert world.federation.with_member("centre-1", moved).endpoint_of(member) is None


def test_long_histories_are_read_in_ranges(world: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    for member in range(3):
        world.ledgers[member].propose_removal(2)
    whole = world.ledgers[0].events()
    monkeypatch.setattr("wsi_swarm.swarm.ledger.evm.LOG_RANGE", 1)
    world.provider.asked.clear()
    assert world.ledgers[0].events() == whole
    assert world.provider.asked.count("eth_getLogs") == world.chain.engine.head.number


def test_another_chain_with_the_same_id_is_noticed(world: Any) -> None:
    begun_anew = RpcClient("anew", provider=type(world.provider)(DevChain(world.clock, 1337), world.clock))
    with pytest.raises(WrongChainError, match="was the chain begun anew"):
        EvmReader(begun_anew, world.federation)
