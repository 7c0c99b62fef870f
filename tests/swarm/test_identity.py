"""Keys: made once, private, and what they sign is what the chain checks."""

from __future__ import annotations

import json
import stat
from dataclasses import replace

import pytest

from wsi_swarm.errors import ConfigError
from wsi_swarm.swarm.identity import (
    JOIN_VALID_S,
    check_request,
    create_identity,
    load_identity,
    passphrase_from,
    write_private,
    write_request,
)
from wsi_swarm.swarm.ledger.federation import Federation, read_join_file, write_join_file
from wsi_swarm.swarm.ledger.typed_data import ZERO_ADDRESS, join_request_is_authentic
from wsi_swarm.swarm.rotation import begin_rotation, end_rotation, pending_rotation

ENDPOINT = "tcp://10.0.0.1:5101"


def test_keys_come_back_and_only_their_owner_may_read_them(tmp_path):
    made = create_identity(tmp_path / "a", "centre-a", ENDPOINT, None)
    assert load_identity(tmp_path / "a", None) == made
    for path in (tmp_path / "a" / "keys").iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "a" / "keys").stat().st_mode) == 0o700
    assert made.key.hex() not in repr(made)
    public = (tmp_path / "a" / "identity.json").read_text()
    assert made.key.hex() not in public
    assert made.curve_secret.hex() not in public


def test_with_a_passphrase_the_key_lies_encrypted(tmp_path):
    made = create_identity(tmp_path, "centre-a", ENDPOINT, "open sesame")
    assert not (tmp_path / "keys" / "account.key").exists()
    assert json.loads((tmp_path / "keys" / "account.json").read_text())["version"] == 3
    assert load_identity(tmp_path, "open sesame") == made
    for wrong in (None, "open barley"):
        with pytest.raises(ConfigError, match="passphrase"):
            load_identity(tmp_path, wrong)


def test_keys_are_never_overwritten(tmp_path):
    create_identity(tmp_path, "centre-a", ENDPOINT, None)
    with pytest.raises(ConfigError, match="never overwritten"):
        create_identity(tmp_path, "centre-a", ENDPOINT, None)


@pytest.mark.parametrize(("name", "endpoint"), [("", ENDPOINT), ("a/b", ENDPOINT), ("a", "10.0.0.1:5101")])
def test_wrong_names_and_endpoints_make_nothing(tmp_path, name, endpoint):
    with pytest.raises(ConfigError):
        create_identity(tmp_path / "x", name, endpoint, None)
    assert not (tmp_path / "x").exists()


def test_a_key_file_that_others_may_read_is_refused(tmp_path):
    create_identity(tmp_path, "a", ENDPOINT, None)
    (tmp_path / "keys" / "account.key").chmod(0o644)
    with pytest.raises(ConfigError, match="chmod 600"):
        load_identity(tmp_path, None)


def test_missing_damaged_and_foreign_files_are_refused(tmp_path):
    with pytest.raises(ConfigError, match="swarm init"):
        load_identity(tmp_path, None)
    create_identity(tmp_path / "a", "a", ENDPOINT, None)
    create_identity(tmp_path / "b", "b", ENDPOINT, None)
    key = tmp_path / "a" / "keys" / "account.key"
    key.write_text((tmp_path / "b" / "keys" / "account.key").read_text())
    with pytest.raises(ConfigError, match="not that of the account"):
        load_identity(tmp_path / "a", None)
    key.write_text("zz")
    with pytest.raises(ConfigError, match="swarm init"):
        load_identity(tmp_path / "a", None)


def test_the_join_request_is_signed_for_one_contract(tmp_path):
    identity = create_identity(tmp_path, "d", ENDPOINT, None)
    contract = "0x" + "12" * 20
    file = read_join_file(write_request(tmp_path, identity, 1337, contract, now=1000))
    request = file.request
    assert (file.name, file.chain_id, file.contract, file.proofs) == ("d", 1337, contract, {})
    assert (request.account, request.endpoint, request.expiry) == (identity.account, ENDPOINT, 1000 + JOIN_VALID_S)
    assert join_request_is_authentic(request, 1337, contract)
    assert not join_request_is_authentic(request, 1337, ZERO_ADDRESS)
    assert not join_request_is_authentic(request, 1, contract)


CONTRACT = "0x" + "12" * 20
FEDERATION = Federation(1337, CONTRACT, bytes(32), 1, ())


def applicant_and_members(folder):
    """Return an applicant, two members, and the request that the applicant makes for the first of them."""
    applicant, first, second = (create_identity(folder / name, name, ENDPOINT, None) for name in "xab")
    return applicant, first, second, write_request(folder, applicant, 1337, CONTRACT, 1000, [first.curve_public])


def test_a_request_proves_both_keys_to_each_member_that_it_names(tmp_path):
    _, first, second, path = applicant_and_members(tmp_path)
    file = read_join_file(path)
    assert check_request(file, first, FEDERATION, 1000) is None
    assert "no proof of its CURVE key for this centre" in str(check_request(file, second, FEDERATION, 1000))
    moved = replace(
        file, proofs={second.curve_public: file.proofs[first.curve_public]}
    )  # a proof is for its member alone
    assert "does not hold the CURVE key" in str(check_request(moved, second, FEDERATION, 1000))


def test_a_request_that_names_a_key_of_another_is_found_out(tmp_path):
    applicant, first, _, path = applicant_and_members(tmp_path)
    theirs = create_identity(tmp_path / "y", "y", ENDPOINT, None).curve_public
    stolen = replace(applicant, curve_public=theirs)  # signs for a key whose secret it does not have
    file = read_join_file(write_request(tmp_path, stolen, 1337, CONTRACT, 1000, [first.curve_public]))
    assert "does not hold the CURVE key" in str(check_request(file, first, FEDERATION, 1000))
    for point in (bytes(32), bytes([1]) + bytes(31)):  # whose secret everybody knows
        weak = replace(applicant, curve_public=point)
        file = read_join_file(write_request(tmp_path, weak, 1337, CONTRACT, 1000))
        file = replace(file, proofs={first.curve_public: bytes(32)})
        assert "does not hold the CURVE key" in str(check_request(file, first, FEDERATION, 1000))
    assert path.is_file()


def test_requests_for_another_swarm_expired_or_signed_by_another_are_refused(tmp_path):
    applicant, first, _, path = applicant_and_members(tmp_path)
    file = read_join_file(path)
    assert "has expired" in str(check_request(file, first, FEDERATION, 1000 + JOIN_VALID_S))
    assert "is for contract" in str(check_request(file, first, replace(FEDERATION, chain_id=5), 1000))
    founding = read_join_file(write_request(tmp_path, applicant, 1337, ZERO_ADDRESS, 1000))
    assert "yet to be founded" in str(check_request(founding, first, FEDERATION, 1000))
    changed = replace(file, request=replace(file.request, endpoint="tcp://evil:1"))
    assert "not signed by its account" in str(check_request(changed, first, FEDERATION, 1000))


@pytest.mark.parametrize(
    "change",
    [
        {"proofs": {"x": "00"}},
        {"proofs": {"00" * 32: "00"}},
        {"proofs": []},
        {"endpoint": "tcp://h:1\x1b[2J"},
        {"name": ""},
        {"signature": "00"},
        {"curve_key": 7},
        {"format": "wsi-swarm join request 1"},
    ],
)
def test_damaged_requests_are_refused_with_a_sentence(tmp_path, change):
    *_, path = applicant_and_members(tmp_path)
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
    with pytest.raises(ConfigError, match="join request"):
        read_join_file(path)


def test_a_centre_that_only_dials_out_has_an_empty_endpoint(tmp_path):
    made = create_identity(tmp_path / "a", "a", "", None)
    assert load_identity(tmp_path / "a", None) == made
    file = read_join_file(write_request(tmp_path, made, 1337, CONTRACT, 1000))
    assert file.request.endpoint == ""
    write_join_file(tmp_path / "again.join.json", file)
    assert read_join_file(tmp_path / "again.join.json") == file


@pytest.mark.parametrize("written", [0, 1, 2])
def test_a_rotation_may_be_cut_short_anywhere(tmp_path, written):
    old = create_identity(tmp_path, "a", ENDPOINT, None)
    assert pending_rotation(tmp_path, old) is None
    new = begin_rotation(tmp_path, old, "tcp://10.0.0.9:1")
    assert stat.S_IMODE((tmp_path / "keys" / "rotation.json").stat().st_mode) == 0o600
    assert load_identity(tmp_path, None) == old  # until the chain names the new key
    assert begin_rotation(tmp_path, old, None) == new  # begun again, it is the same
    with pytest.raises(ConfigError, match="was begun"):
        begin_rotation(tmp_path, old, "tcp://10.0.0.10:1")
    rotation = (tmp_path / "keys" / "rotation.json").read_text()
    secret = (tmp_path / "keys" / "curve.key").read_text()
    end_rotation(tmp_path, new)
    if written < 2:  # as if it had died before the rotation's file was removed, or the old key replaced
        write_private(tmp_path / "keys" / "rotation.json", rotation)
    if written < 1:
        write_private(tmp_path / "keys" / "curve.key", secret)
    assert load_identity(tmp_path, None) == new
    assert new.curve_public != old.curve_public
    end_rotation(tmp_path, new)
    assert pending_rotation(tmp_path, new) is None
    assert stat.S_IMODE((tmp_path / "keys" / "curve.key").stat().st_mode) == 0o600
    assert load_identity(tmp_path, None) == new


def test_a_damaged_rotation_is_named(tmp_path):
    made = create_identity(tmp_path, "a", ENDPOINT, None)
    begin_rotation(tmp_path, made, None)
    (tmp_path / "keys" / "rotation.json").write_text("{}")
    with pytest.raises(ConfigError, match=r"rotation\.json is damaged"):
        pending_rotation(tmp_path, made)


def test_where_the_passphrase_comes_from(tmp_path):
    file = tmp_path / "secret"
    file.write_text("from file\n")
    assert passphrase_from({}) is None
    assert passphrase_from({"WSI_SWARM_PASSPHRASE_FILE": str(file)}) == "from file"
    assert passphrase_from({"WSI_SWARM_PASSPHRASE_FILE": str(file), "WSI_SWARM_PASSPHRASE": "x"}) == "x"
    with pytest.raises(ConfigError, match="WSI_SWARM_PASSPHRASE_FILE"):
        passphrase_from({"WSI_SWARM_PASSPHRASE_FILE": str(tmp_path / "gone")})
