"""Keys: made once, private, and what they sign is what the chain checks."""

from __future__ import annotations

import json
import stat

import pytest

from wsi_swarm.errors import ConfigError
from wsi_swarm.swarm.identity import (
    JOIN_VALID_S,
    check_against,
    create_identity,
    load_identity,
    passphrase_from,
    write_request,
)
from wsi_swarm.swarm.ledger.federation import Federation, FederationMember, read_join_request
from wsi_swarm.swarm.ledger.typed_data import ZERO_ADDRESS, join_request_is_authentic

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
    request = read_join_request(write_request(tmp_path, identity, 1337, contract, now=1000))
    assert (request.account, request.endpoint, request.expiry) == (identity.account, ENDPOINT, 1000 + JOIN_VALID_S)
    assert join_request_is_authentic(request, 1337, contract)
    assert not join_request_is_authentic(request, 1337, ZERO_ADDRESS)
    assert not join_request_is_authentic(request, 1, contract)


def test_the_federation_file_is_held_against_the_own_keys(tmp_path):
    me = create_identity(tmp_path, "a", ENDPOINT, None)

    def federation(account=me.account, key=me.curve_public, endpoint=ENDPOINT):
        member = FederationMember("a", account, key, endpoint)
        return Federation(1337, "0x" + "12" * 20, bytes(32), 1, (member,))

    assert check_against(me, federation()) is None
    assert "does not stand in it" in str(check_against(me, federation(account="0x" + "34" * 20)))
    assert "another CURVE key" in str(check_against(me, federation(key=bytes(32))))
    assert "tcp://elsewhere:1" in str(check_against(me, federation(endpoint="tcp://elsewhere:1")))


def test_where_the_passphrase_comes_from(tmp_path):
    file = tmp_path / "secret"
    file.write_text("from file\n")
    assert passphrase_from({}) is None
    assert passphrase_from({"WSI_SWARM_PASSPHRASE_FILE": str(file)}) == "from file"
    assert passphrase_from({"WSI_SWARM_PASSPHRASE_FILE": str(file), "WSI_SWARM_PASSPHRASE": "x"}) == "x"
    with pytest.raises(ConfigError, match="WSI_SWARM_PASSPHRASE_FILE"):
        passphrase_from({"WSI_SWARM_PASSPHRASE_FILE": str(tmp_path / "gone")})
