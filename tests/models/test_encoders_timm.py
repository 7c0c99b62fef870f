"""Networks of timm: weights come from a file, or the refusal says what to do. Small networks only."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
import timm
import torch
from safetensors.torch import save_file
from torch.nn import functional

from models.encoders import get_encoder
from models.encoders.card import CARD_FOLDER, load_card
from models.encoders.timm_encoder import TimmEncoder, load_timm_encoder
from models.encoders.weights import file_sha256, state_sha256
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


def test_a_hub_out_of_reach_names_the_page_and_the_way_round(tmp_path):
    code = (
        "from models.encoders import get_encoder\n"
        "from pipelines.errors import SetupError\n"
        "try:\n    get_encoder('uni', None, 'cpu')\nexcept SetupError as error:\n    print(error)\n"
    )
    environment = os.environ | {"HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    assert "https://huggingface.co/MahmoodLab/UNI" in done.stdout
    assert "--weights FILE" in done.stdout
    assert "licence" in done.stdout
    assert len(done.stdout.strip().splitlines()) == 1
