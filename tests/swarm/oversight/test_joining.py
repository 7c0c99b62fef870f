"""What `join` looks at: each check finds what it is there for."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pytest
from eth_abi.abi import encode
from eth_hash.auto import keccak

from wsi_swarm.swarm.oversight.joining import Outcome, check_chain, check_members


@dataclass
class Node:
    """A chain node whose contract names a signing domain of its choice (ERC-5267)."""

    name: str = "wsi-swarm"
    version: str = "1"
    chain_id: int = 1337
    contract: str = ""
    url: str = "http://node"

    def head(self) -> int:
        return 7

    def call(self, sender: str, to: str, data: bytes) -> bytes:
        assert data == keccak(b"eip712Domain()")[:4]
        kinds = ("bytes1", "string", "string", "uint256", "address", "bytes32", "uint256[]")
        return encode(kinds, (b"\x0f", self.name, self.version, self.chain_id, self.contract or to, bytes(32), []))


@pytest.mark.parametrize(
    "domain", [{"name": "other"}, {"version": "2"}, {"chain_id": 5}, {"contract": "0x" + "11" * 20}]
)
def test_a_contract_that_checks_signatures_for_another_domain_fails(played, domain):
    right = {check.about: check for check in check_chain(Node(), played.federation)}
    assert {check.outcome for check in right.values()} == {Outcome.OK}
    wrong = {check.about: check for check in check_chain(Node(**domain), played.federation)}
    assert wrong["signatures"].outcome is Outcome.FAILED
    assert "another domain" in wrong["signatures"].told


def test_how_deep_a_block_must_lie_is_said(played):
    told = {check.about: check.told for check in check_chain(Node(), replace(played.federation, confirmations=6))}
    assert "when 6 more stand on it" in told["finality"]


def test_members_that_moved_or_changed_keys_are_named(played):
    file = replace(played.federation, members=played.federation.members[:3])  # the fourth is no member
    assert [check.outcome for check in check_members(played.ledgers[0], file)] == [Outcome.OK]
    assert "all 3" in next(iter(check_members(played.ledgers[0], file))).told
    played.ledgers[1].rotate_key(b"n" * 32, b"e" * 32)
    played.ledgers[2].rotate_key(played.keys[2][::-1], b"e" * 32)
    told = [check.told for check in check_members(played.ledgers[0], played.federation)]
    assert "centre-b has changed its CURVE key" in told[0]
    assert "centre-c has moved to another endpoint" in told[1]
    assert "centre-d" in told[2]
    assert "is no member" in told[2]
