"""What is on the disk after any instant is whole, or is not there."""

from __future__ import annotations

import numpy as np
import pytest

from wsi_swarm.errors import IntegrityError
from wsi_swarm.swarm.node.checkpoint import Checkpoint
from wsi_swarm.swarm.protocol.desk import own_update
from wsi_swarm.swarm.protocol.message import Reveal
from wsi_swarm.swarm.state.chunks import manifest_of
from wsi_swarm.swarm.state.encoding import encode

CONTRACT = "0x" + "Ab" * 20


@pytest.fixture
def checkpoint(tmp_path) -> Checkpoint:
    return Checkpoint(tmp_path, CONTRACT, 3)


def state(value: float):
    return encode({"w": np.full(4, value, np.float32)}, 24)


def test_runs_and_contracts_do_not_mix(tmp_path):
    folders = {
        Checkpoint(tmp_path, contract, run).folder for contract in (CONTRACT, "0x" + "cd" * 20) for run in (1, 2)
    }
    assert len(folders) == 4


@pytest.mark.parametrize("residual", [None, np.arange(-2, 2, dtype=np.int32)])
def test_an_update_comes_back_to_the_byte(checkpoint, residual):
    assert checkpoint.load_update() is None
    saved = own_update(b"b" * 32, 7, state(0.5).to_bytes(), 0x3C00, residual)
    checkpoint.save_update(saved)
    update = checkpoint.load_update()
    assert update is not None
    assert (update.base_root, update.finals, update.blob, update.flags) == (b"b" * 32, 7, saved.blob, 0x3C00)
    assert (update.residual is None) == (residual is None)
    if residual is not None:
        np.testing.assert_array_equal(update.residual, residual)


@pytest.mark.parametrize("kept", [0, 20, -1])
def test_an_update_that_a_power_cut_tore_is_not_trusted(checkpoint, kept):
    checkpoint.save_update(own_update(b"b" * 32, 7, state(0.5).to_bytes(), 0, np.ones(4, np.int32)))
    path = checkpoint.folder / "update.state"
    whole = path.read_bytes()
    path.write_bytes(whole[: whole.index(b"\n") + 1 + kept] if kept >= 0 else whole[:-1])
    assert checkpoint.load_update() is None
    path.unlink()
    assert checkpoint.load_update() is None


def test_models_by_root_and_the_last_one(checkpoint):
    assert checkpoint.load_model() is None
    first, last = state(1.0), state(2.0)
    checkpoint.save_model(first, 0)
    checkpoint.save_model(last, 1)
    loaded = checkpoint.load_model()
    assert loaded is not None
    assert loaded.root == last.root
    earlier = checkpoint.model(first.root)
    assert earlier is not None
    assert earlier.to_bytes() == first.to_bytes()
    assert checkpoint.model(b"x" * 32) is None


def test_a_changed_model_is_refused_by_the_audit_and_fetched_again_by_the_node(checkpoint):
    model = state(1.0)
    checkpoint.save_model(model, 0)
    path = checkpoint.folder / "models" / f"{model.root.hex()}.state"
    path.write_bytes(path.read_bytes()[:-1] + b"\2")
    with pytest.raises(IntegrityError, match="does not hash to its name"):
        checkpoint.model(model.root)
    assert checkpoint.load_model() is None
    checkpoint.save_model(model, 0)
    assert checkpoint.load_model() is not None


@pytest.mark.parametrize("text", ["{", "[]"])
def test_a_damaged_description_is_refused(checkpoint, text):
    checkpoint.save_model(state(1.0), 0)
    (checkpoint.folder / "model.json").write_text(text)
    with pytest.raises(IntegrityError, match=r"model\.json is damaged"):
        checkpoint.load_model()


def test_kept_updates(checkpoint):
    blob = state(0.5).to_bytes()
    reveal = Reveal(1, 5, b"s" * 32, manifest_of(blob))
    assert checkpoint.kept_update(2, CONTRACT) is None
    checkpoint.keep_update(2, CONTRACT, reveal, blob)
    kept = checkpoint.kept_update(2, CONTRACT)
    assert kept is not None
    assert (kept.blob, kept.flags, kept.salt) == (blob, 5, b"s" * 32)
    assert checkpoint.kept_update(3, CONTRACT) is None


def test_attested_merges_come_back_the_newest_of_them(checkpoint):
    assert checkpoint.load_merges() == []
    for value in range(6):
        checkpoint.keep_merge(state(float(value)))
    checkpoint.save_model(state(9.0), 1)
    assert [merged.root for merged in checkpoint.load_merges()] == [state(float(value)).root for value in range(2, 6)]


def test_a_damaged_merge_is_left_out(checkpoint):
    checkpoint.keep_merge(state(1.0))
    checkpoint.keep_merge(state(2.0))
    (checkpoint.folder / "models" / f"{state(1.0).root.hex()}.state").write_bytes(b"damaged")
    assert [merged.root for merged in checkpoint.load_merges()] == [state(2.0).root]
