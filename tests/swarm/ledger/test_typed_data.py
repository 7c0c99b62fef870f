"""Signatures and hashes against an independent implementation (eth-account, eth-abi) and known vectors."""

from __future__ import annotations

import pytest
from eth_abi.abi import encode
from eth_account import Account
from eth_account.messages import encode_typed_data
from eth_hash.auto import keccak
from hypothesis import given
from hypothesis import strategies as st

from wsi_swarm.swarm.ledger import typed_data as td

KEY = b"\x07" * 32
CONTRACT = "0x" + "12" * 20
WORDS = st.binary(min_size=32, max_size=32)
DOMAIN = {"name": "wsi-swarm", "version": "1", "chainId": 1337, "verifyingContract": CONTRACT}


def test_address_is_written_as_eip55_says() -> None:
    # Examples of the EIP itself.
    for address in ("0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed", "0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359"):
        assert td.checksum_address(bytes.fromhex(address[2:])) == address
    assert td.account_of(KEY) == Account.from_key(KEY).address


@given(st.frozensets(st.integers(0, 255)))
def test_bitmap_and_indices_are_inverse(members: frozenset[int]) -> None:
    assert td.indices(td.bitmap(members)) == members


@given(base=WORDS, commits=WORDS, root=WORDS, who=st.frozensets(st.integers(0, 255)), round_=st.integers(0, 2**32))
def test_attest_digest_is_eip712(base: bytes, commits: bytes, root: bytes, who: frozenset[int], round_: int) -> None:
    fields = {"run": "uint256", "round": "uint256", "baseRoot": "bytes32", "commitsHash": "bytes32"}
    fields |= {"contributors": "uint256", "mergedRoot": "bytes32"}
    types = {"Attest": [{"name": n, "type": t} for n, t in fields.items()]}
    values = dict(zip(fields, (3, round_, base, commits, td.bitmap(who), root), strict=True))
    message = encode_typed_data(DOMAIN, types, values)
    digest = td.attest_digest(1337, CONTRACT, 3, round_, base, commits, who, root)
    assert Account.recover_message(message, signature=td.sign(KEY, digest)) == td.account_of(KEY)


@given(curve_key=WORDS, endpoint=st.text(), expiry=st.integers(0, 2**64 - 1))
def test_join_request_is_eip712_and_bound_to_chain_and_contract(curve_key: bytes, endpoint: str, expiry: int) -> None:
    request = td.sign_join_request(KEY, 1337, CONTRACT, curve_key, endpoint, expiry)
    fields = {"account": "address", "curveKey": "bytes32", "endpointHash": "bytes32", "expiry": "uint64"}
    types = {"JoinRequest": [{"name": n, "type": t} for n, t in fields.items()]}
    values = {
        "account": request.account,
        "curveKey": curve_key,
        "endpointHash": keccak(endpoint.encode()),
        "expiry": expiry,
    }
    message = encode_typed_data(DOMAIN, types, values)
    assert Account.recover_message(message, signature=request.signature) == request.account
    assert td.join_request_is_authentic(request, 1337, CONTRACT)
    assert not td.join_request_is_authentic(request, 1, CONTRACT)
    assert not td.join_request_is_authentic(request, 1337, td.ZERO_ADDRESS)


@given(base=WORDS, update=WORDS, salt=WORDS, flags=st.integers(0, 2**32 - 1))
def test_commitment_is_what_solidity_would_hash(base: bytes, update: bytes, salt: bytes, flags: int) -> None:
    member = td.account_of(KEY)
    types = ["address", "address", "uint256", "uint256", "bytes32", "bytes32", "uint32", "bytes32"]
    expected = keccak(encode(types, [member, CONTRACT, 1, 2, base, update, flags, salt]))
    assert td.commitment(member, CONTRACT, 1, 2, base, update, flags, salt) == expected


def test_words_of_a_wrong_size_are_refused() -> None:
    with pytest.raises(ValueError, match="32 bytes, not 31"):
        td.commitment(CONTRACT, CONTRACT, 1, 1, bytes(31), bytes(32), 0, bytes(32))
    with pytest.raises(ValueError, match="32 bits"):
        td.commitment(CONTRACT, CONTRACT, 1, 1, bytes(32), bytes(32), 2**32, bytes(32))


@given(st.binary(max_size=70))
def test_recover_never_fails_on_garbage(signature: bytes) -> None:
    assert td.recover(bytes(32), signature) != td.account_of(KEY)
