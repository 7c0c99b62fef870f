from __future__ import annotations

import hashlib
import json
import pickle
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from safetensors.numpy import save_file

from models.model_file import METADATA_KEY, Model, load_model, save_model
from models.predict import predict_bag
from pipelines.errors import InputError

if TYPE_CHECKING:
    from pathlib import Path


def test_a_model_comes_back_as_it_was(model: Model, tmp_path: Path) -> None:
    path = tmp_path / "m.safetensors"
    save_model(path, model)
    loaded = load_model(path)
    assert loaded.spec == model.spec
    assert loaded.sha256 == model.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    save_model(tmp_path / "again.safetensors", loaded)
    assert (tmp_path / "again.safetensors").read_bytes() == path.read_bytes()
    bag = np.random.default_rng(0).normal(size=(50, 16)).astype(np.float16)
    assert predict_bag(loaded, bag) == predict_bag(model, bag)


def test_the_bytes_do_not_depend_on_any_order(model: Model) -> None:
    shuffled = Model(dict(reversed(model.state.items())), model.spec)
    assert shuffled.to_bytes() == model.to_bytes()
    # safetensors orders metadata entries by a hash that is seeded anew for each call.
    assert len({model.to_bytes() for _ in range(20)}) == 1


def test_the_hash_sees_weights_and_description(model: Model) -> None:
    state = {name: value.copy() for name, value in model.state.items()}
    state["head.bias"][0] += np.float32(1e-6)
    other = replace(model.spec, features=replace(model.spec.features, encoder="other"))
    assert len({model.sha256, Model(state, model.spec).sha256, Model(model.state, other).sha256}) == 3


def test_a_target_is_found_by_name(model: Model) -> None:
    assert model.spec.target("BRAF")[0] == 1
    with pytest.raises(InputError, match="no target 'KRAS'; it knows MSI, BRAF"):
        model.spec.target("KRAS")


def _header(path: Path) -> dict[str, object]:
    raw = path.read_bytes()
    return json.loads(raw[8 : 8 + int.from_bytes(raw[:8], "little")])["__metadata__"]


def test_the_description_is_plain_json_in_the_one_metadata_entry(model: Model, tmp_path: Path) -> None:
    save_model(tmp_path / "m.safetensors", model)
    metadata = _header(tmp_path / "m.safetensors")
    assert list(metadata) == [METADATA_KEY]
    described = json.loads(metadata[METADATA_KEY])
    assert described["format"] == "wsi-swarm model 1"
    assert described["targets"][0] == {"name": "MSI", "positive": "MSIH", "negative": ["nonMSIH"]}


def test_wrong_files_are_refused_with_a_sentence(model: Model, tmp_path: Path) -> None:
    whole = tmp_path / "m.safetensors"
    save_model(whole, model)
    cut = tmp_path / "cut.safetensors"
    cut.write_bytes(whole.read_bytes()[:-10])
    pickled = tmp_path / "model.pt"
    pickled.write_bytes(pickle.dumps({"state": 1}))
    foreign = tmp_path / "foreign.safetensors"
    save_file(model.state, foreign)
    newer = tmp_path / "newer.safetensors"
    described = _header(whole)[METADATA_KEY]
    save_file(model.state, newer, metadata={METADATA_KEY: described.replace("model 1", "model 9")})
    damaged = tmp_path / "damaged.safetensors"
    save_file(model.state, damaged, metadata={METADATA_KEY: described.replace('"hidden"', '"hiden"')})
    other = tmp_path / "other.safetensors"
    save_file({**model.state, "head.bias": np.zeros(3, np.float32)}, other, metadata={METADATA_KEY: described})
    for path, message in (
        (tmp_path / "absent", "does not exist"),
        (cut, "not a whole safetensors file"),
        (pickled, "not a whole safetensors file"),
        (foreign, "was not written by wsi-swarm"),
        (newer, "'wsi-swarm model 9' and this software reads 'wsi-swarm model 1'"),
        (damaged, "damaged description"),
        (other, r"weight head\.bias should have shape \(2,\) and has \(3,\)"),
    ):
        with pytest.raises(InputError, match=message) as caught:
            load_model(path)
        assert caught.value.exit_code == 4
        assert path.name in str(caught.value)


def test_a_diverged_model_is_not_written(model: Model, tmp_path: Path) -> None:
    state = {**model.state, "head.bias": np.array([np.nan, 0], np.float32)}
    with pytest.raises(InputError, match="not finite"):
        save_model(tmp_path / "m.safetensors", Model(state, model.spec))
    assert not list(tmp_path.iterdir())
