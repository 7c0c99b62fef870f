"""Networks of timm: weights come from a file, or the refusal says what to do. Small networks only."""

from __future__ import annotations

import hashlib
import json
import os
import socket
import time

import pytest
import timm
import torch
from huggingface_hub import constants
from safetensors.torch import save_file
from torch.nn import functional

from models.encoders import get_encoder
from models.encoders.card import CARD_FOLDER, load_card
from models.encoders.timm_encoder import TimmEncoder, load_timm_encoder
from models.encoders.weights import file_sha256, fill_network, resample_grid, state_sha256
from pipelines.errors import ConfigError, InputError, SetupError


@pytest.fixture(scope="module")
def tiles():
    return torch.randint(0, 256, (3, 96, 96, 3), dtype=torch.uint8, generator=torch.Generator().manual_seed(1))


def encode(encoder, tiles):
    return encoder(encoder.transform(tiles))


def resnet18_state():
    torch.manual_seed(5)
    return timm.create_model("resnet18").state_dict()  # with its head, as timm's own files have it


def test_weights_saved_under_timms_names_give_the_networks_own_features(tmp_path, tiles):
    state = resnet18_state()
    save_file(state, tmp_path / "w.safetensors")
    torch.save(state, tmp_path / "w.pth")
    torch.save({"state_dict": state}, tmp_path / "nested.bin")

    network = timm.create_model("resnet18", num_classes=0).eval()
    network.load_state_dict({key: value for key, value in state.items() if not key.startswith("fc.")})
    images = functional.interpolate(tiles.permute(0, 3, 1, 2) / 255, (224, 224), mode="bilinear", antialias=True)
    mean, std = (torch.tensor(v).view(3, 1, 1) for v in ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)))
    with torch.inference_mode():
        expected = network((images - mean) / std)

    for name in ("w.safetensors", "w.pth", "nested.bin"):
        encoder = get_encoder("resnet18", tmp_path / name, "cpu")
        torch.testing.assert_close(encode(encoder, tiles), expected, rtol=1e-5, atol=1e-5)
        assert encoder.weights_sha256 == file_sha256(tmp_path / name)


def test_a_random_network_is_seeded_and_says_so(tiles):
    torch.manual_seed(1)
    first = get_encoder("resnet18", "random", "cpu")
    torch.manual_seed(2)
    state_before = torch.random.get_rng_state()
    second = get_encoder("resnet18", "random", "cpu")
    assert torch.equal(torch.random.get_rng_state(), state_before)
    assert torch.equal(encode(first, tiles), encode(second, tiles))
    assert first.weights_sha256 == second.weights_sha256
    assert first.weights_sha256.startswith("random:seed=0:")


def test_the_hash_of_a_state_follows_every_weight():
    network = torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.BatchNorm1d(2))
    before = state_sha256(network)
    assert before == state_sha256(network)
    with torch.no_grad():
        network[0].bias[1] += 1e-6
    assert state_sha256(network) != before


def test_class_token_and_mean_of_patch_tokens(tiles):
    card = load_card(CARD_FOLDER / "virchow2.toml").model_copy(
        update={"timm_model": "test_vit", "input_px": 160, "dim": 128, "kwargs": {"num_classes": 0, "reg_tokens": 2}}
    )
    encoder = load_timm_encoder(card, "random", torch.device("cpu"))
    batch = encoder.transform(tiles)
    with torch.inference_mode():
        tokens = encoder._network.forward_features(batch)
    assert tokens.shape[1] == 3 + 100
    expected = torch.cat([tokens[:, 0], tokens[:, 3:].mean(1)], -1)
    torch.testing.assert_close(encoder(batch), expected)


def test_a_model_of_timm_needs_no_card(tiles):
    encoder = get_encoder("test_vit", "random", "cpu")
    assert (encoder.name, encoder.dim, encoder.input_px) == ("test_vit", 64, 160)
    assert encode(encoder, tiles).shape == (3, 64)
    white = torch.full((1, 160, 160, 3), 255, dtype=torch.uint8)
    torch.testing.assert_close(encoder.transform(white), torch.ones(1, 3, 160, 160))  # its mean and std are 0.5


def broken(state):
    return {
        "missing": {key: value for key, value in state.items() if key != "conv1.weight"},
        "unknown": state | {"surplus.weight": torch.zeros(1)},
        "shape": state | {"conv1.weight": torch.zeros(64, 3, 3, 3)},
    }


@pytest.mark.parametrize(
    ("kind", "words"), [("missing", "conv1.weight"), ("unknown", "surplus.weight"), ("shape", "(64, 3, 7, 7)")]
)
def test_weights_of_another_network_are_one_sentence(tmp_path, kind, words):
    path = tmp_path / "w.safetensors"
    save_file(broken(resnet18_state())[kind], path)
    with pytest.raises(InputError) as error:
        get_encoder("resnet18", path, "cpu")
    message = str(error.value)
    assert str(path) in message
    assert words in message
    assert "\n" not in message


class Payload:
    def __reduce__(self):
        return (os.mkdir, ("unpickled",))


def test_unreadable_files_are_refused_and_nothing_is_unpickled(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    torch.save({"x": Payload()}, tmp_path / "evil.pth")
    torch.save([1, 2], tmp_path / "list.pth")
    for name, content in (("empty.pth", b""), ("noise.safetensors", b"no weights at all"), ("noise.pth", b"noise")):
        (tmp_path / name).write_bytes(content)
    for name in ("absent.safetensors", "evil.pth", "list.pth", "empty.pth", "noise.safetensors", "noise.pth"):
        with pytest.raises(InputError, match=name) as error:
            get_encoder("resnet18", tmp_path / name, "cpu")
        assert "\n" not in str(error.value)
    assert not (tmp_path / "unpickled").exists()


def test_a_card_with_a_wrong_length_or_argument_is_refused():
    card = load_card(CARD_FOLDER / "resnet18.toml")
    with pytest.raises(ConfigError, match="says dim 500, but the network gives 512"):
        load_timm_encoder(card.model_copy(update={"dim": 500}), "random", torch.device("cpu"))
    with pytest.raises(ConfigError, match="nonsense"):
        load_timm_encoder(card.model_copy(update={"kwargs": {"nonsense": 1}}), "random", torch.device("cpu"))
    network = timm.create_model("resnet18", num_classes=0)
    encoder = TimmEncoder(card.model_copy(update={"dim": 500}), network, "", torch.device("cpu"))
    with pytest.raises(InputError, match=r"\(512,\), its card says 500"):
        encoder(torch.zeros(1, 3, 64, 64))


def test_no_weights_is_a_refusal():
    card = load_card(CARD_FOLDER / "resnet18.toml").model_copy(update={"hub_id": None})
    with pytest.raises(ConfigError, match="--weights FILE"):
        load_timm_encoder(card, None, torch.device("cpu"))
    with pytest.raises(ConfigError, match="has no weights"):
        get_encoder("stain-texture", "random", "cpu")


def test_unknown_names_and_devices():
    with pytest.raises(ConfigError, match="did you mean 'uni2-h'"):
        get_encoder("uni2h", None, "cpu")
    with pytest.raises(ConfigError, match=r"no encoder '\.\./cards/uni'"):
        get_encoder("../cards/uni", None, "cpu")
    with pytest.raises(SetupError, match="'abacus' is not available"):
        get_encoder("stain-texture", None, "abacus")


def cached(hub, repository, **files):
    """Lay files into the cache as the hub's client does."""
    folder = hub / f"models--{repository.replace('/', '--')}"
    (folder / "refs").mkdir(parents=True)
    (folder / "refs" / "main").write_text("0" * 40)
    snapshot = folder / "snapshots" / ("0" * 40)
    snapshot.mkdir(parents=True)
    for name, content in files.items():
        path = snapshot / name.replace("_json", ".json").replace("_safetensors", ".safetensors")
        path.write_text(json.dumps(content)) if path.suffix == ".json" else save_file(content, path)
    return snapshot


@pytest.fixture
def hub(tmp_path, monkeypatch):
    """An empty cache, and a hub at a port where nobody listens."""
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")
    return tmp_path / "hub"


def test_weights_in_the_cache_need_no_hub_and_are_the_same_as_the_file(hub, tiles):
    snapshot = cached(hub, "timm/resnet18.a1_in1k", model_safetensors=resnet18_state())
    from_cache = get_encoder("resnet18", None, "cpu")
    from_file = get_encoder("resnet18", snapshot / "model.safetensors", "cpu")
    assert from_cache.weights_sha256 == from_file.weights_sha256 == file_sha256(snapshot / "model.safetensors")
    assert torch.equal(encode(from_cache, tiles), encode(from_file, tiles))


def test_a_page_of_the_hub_that_timm_can_read_is_an_encoder(hub, tiles):
    config = {
        "architecture": "resnet18",
        "num_classes": 1000,
        "pretrained_cfg": {
            "input_size": [3, 160, 160],
            "interpolation": "bicubic",
            "mean": [0.5, 0.6, 0.7],
            "std": [0.1, 0.2, 0.3],
            "num_classes": 1000,
            "first_conv": "conv1",
            "classifier": "fc",
        },
    }
    state = resnet18_state()
    cached(hub, "someone/theirs", config_json=config, model_safetensors=state)
    encoder = get_encoder("hf-hub:someone/theirs", None, "cpu")
    assert (encoder.name, encoder.dim, encoder.input_px) == ("hf-hub-someone-theirs", 512, 160)
    network = timm.create_model("resnet18", num_classes=0).eval()
    network.load_state_dict({key: value for key, value in state.items() if not key.startswith("fc.")})
    batch = encoder.transform(tiles)
    with torch.inference_mode():
        torch.testing.assert_close(encoder(batch), network(batch))
    grey = encoder.transform(torch.full((1, 160, 160, 3), 255, dtype=torch.uint8))
    torch.testing.assert_close(grey[0, :, 0, 0], torch.tensor([0.5 / 0.1, 0.4 / 0.2, 0.3 / 0.3]))


@pytest.mark.parametrize("name", ["uni", "ctranspath", "hf-hub:someone/absent", "resnet26"])
def test_a_hub_out_of_reach_names_the_page_and_the_way_round(hub, name):
    with pytest.raises((SetupError, ConfigError)) as error:
        get_encoder(name, None, "cpu")
    message = str(error.value)
    assert "--weights FILE" in message
    assert "\n" not in message
    assert ("https://huggingface.co/" in message) == (name != "ctranspath")  # which lies on no page that is named


def test_a_hub_that_does_not_answer_is_not_waited_for(hub, monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setattr(constants, "ENDPOINT", f"http://127.0.0.1:{silent.getsockname()[1]}")
        monkeypatch.setattr("models.encoders.hub.REACH_SECONDS", 0.2)
        started = time.monotonic()
        with pytest.raises(SetupError, match="Timeout"):
            get_encoder("uni", None, "cpu")
        assert time.monotonic() - started < 5


@pytest.mark.parametrize("suffix", ["safetensors", "pth"])
def test_a_file_cut_short_is_named_with_its_hash(tmp_path, suffix):
    path = tmp_path / f"w.{suffix}"
    save_file(resnet18_state(), path) if suffix == "safetensors" else torch.save(resnet18_state(), path)
    whole = path.read_bytes()
    for part in (whole[: len(whole) // 2], whole[:-1], whole[:100]):
        path.write_bytes(part)
        with pytest.raises(InputError) as error:
            get_encoder("resnet18", path, "cpu")
        assert f"{path} (sha256 {hashlib.sha256(part).hexdigest()})" in str(error.value)
        assert "cut short" in str(error.value) or "hold no whole header" in str(error.value)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_weights_in_half_precision_are_widened(tmp_path, tiles, dtype):
    state = {key: value.to(dtype) if value.is_floating_point() else value for key, value in resnet18_state().items()}
    save_file(state, tmp_path / "half.safetensors")
    save_file({key: value.float() for key, value in state.items()}, tmp_path / "whole.safetensors")
    half, whole = (get_encoder("resnet18", tmp_path / f"{name}.safetensors", "cpu") for name in ("half", "whole"))
    assert torch.equal(encode(half, tiles), encode(whole, tiles))
    assert half.weights_sha256 != whole.weights_sha256


def test_a_checkpoint_of_training_is_unwrapped(tmp_path, tiles):
    state = resnet18_state()
    torch.save({"teacher": {"state_dict": state}, "epoch": 3, "optimizer": {"lr": 0.1}}, tmp_path / "a.pth")
    save_file(state, tmp_path / "b.safetensors")
    first, second = (get_encoder("resnet18", tmp_path / name, "cpu") for name in ("a.pth", "b.safetensors"))
    assert torch.equal(encode(first, tiles), encode(second, tiles))


def test_the_ratio_of_dino_moves_the_points_and_plain_resampling_does_not():
    ramp = (torch.arange(14.0) - 6.5).view(1, 1, 14, 1).expand(1, 1, 14, 14)
    for method in ("bicubic", "bilinear"):
        plain_rows = resample_grid(ramp, 28, method)[0, 0, :, 0]
        torch.testing.assert_close(plain_rows, -plain_rows.flip(0))
    moved = resample_grid(ramp, 28, "bicubic-offset")
    assert moved.shape == (1, 1, 28, 28)
    assert -0.1 < float(moved.mean()) < -0.01


def test_tiles_of_another_size_are_resized_then_cropped():
    card = load_card(CARD_FOLDER / "gigapath.toml").model_copy(
        update={"timm_model": "test_vit", "dim": 64, "kwargs": {"num_classes": 0, "img_size": 224}}
    )
    encoder = load_timm_encoder(card, "random", torch.device("cpu"))
    tiles = torch.zeros(1, 512, 512, 3, dtype=torch.uint8)
    tiles[:, 32:480, 32:480] = 255  # the middle 448 of 512 px are the middle 224 of 256
    batch = encoder.transform(tiles)
    assert batch.shape == (1, 3, 224, 224)
    white = (1 - torch.tensor(card.mean)) / torch.tensor(card.std)
    torch.testing.assert_close(batch[0, :, 2:-2, 2:-2], white.view(3, 1, 1).expand(3, 220, 220))
    exact = torch.zeros(1, 256, 256, 3, dtype=torch.uint8)
    exact[:, 16:240, 16:240] = 255
    torch.testing.assert_close(encoder.transform(exact)[0], white.view(3, 1, 1).expand(3, 224, 224))


def test_positions_of_another_grid_are_resampled_where_the_card_says_how(tmp_path):
    network = timm.create_model("test_vit", num_classes=0)  # ten by ten patches
    state = network.state_dict()
    kept = torch.randn(1, 1, 64)
    ramp = torch.linspace(-1, 1, 20).view(1, 20, 1, 1).expand(1, 20, 20, 64)
    state["pos_embed"] = torch.cat([kept, ramp.flatten(1, 2)], 1)
    fill_network(network, state, tmp_path, pos_embed="bicubic")
    assert torch.equal(network.pos_embed[:, :1], kept)
    rows = network.pos_embed[0, 1:].view(10, 10, 64)
    assert torch.equal(rows, rows[:, :1, :1].expand(10, 10, 64))
    # Halved: each new row lies in the middle between two old ones.
    torch.testing.assert_close(rows[1:-1, 0, 0], ramp[0, :, 0, 0].view(10, 2).mean(1)[1:-1])

    path = tmp_path / "w.safetensors"
    save_file({key: value.contiguous() for key, value in state.items()}, path)
    for method, positions in ((None, state["pos_embed"]), ("bicubic", torch.zeros(1, 17, 8))):
        with pytest.raises(InputError, match=r"weight pos_embed has shape \(1, (401, 64|17, 8)\)"):
            fill_network(network, state | {"pos_embed": positions}, path, pos_embed=method)


def test_a_part_that_lacks_in_a_stacked_weight_is_named(tmp_path):
    path = tmp_path / "w.safetensors"
    state = {f"encoder.layer.0.attention.attention.{part}.weight": torch.zeros(4, 4) for part in ("query", "value")}
    save_file(state, path)
    with pytest.raises(InputError, match=r"blocks\.0\.attn\.qkv\.weight has only 2 of its 3 parts") as error:
        get_encoder("phikon", path, "cpu")
    assert file_sha256(path) in str(error.value)
