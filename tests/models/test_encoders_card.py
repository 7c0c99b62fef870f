"""Cards are data that are checked."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
import torch

from models.encoders import describe_cards, list_cards
from models.encoders.card import CARD_FOLDER, EncoderCard, load_card
from models.encoders.timm_encoder import build_network
from pipelines.errors import ConfigError

TIMM_CARDS = [card for card in list_cards() if card.source == "timm"]


def test_the_default_is_listed_first_and_every_file_is_listed():
    names = [card.name for card in list_cards()]
    assert names[0] == "stain-texture"
    assert sorted(names) == sorted(path.stem for path in CARD_FOLDER.glob("*.toml"))


@pytest.mark.parametrize("card", TIMM_CARDS, ids=lambda card: card.name)
def test_timm_builds_each_card_with_the_length_that_it_states(card):
    with torch.device("meta"):  # shapes without memory: some of these have 10^9 weights
        network = build_network(card)
        image = torch.zeros(1, 3, card.input_px, card.input_px)
        tokens = network.eval().forward_features(image)
    assert network.num_features * (2 if card.pooling == "class+mean" else 1) == card.dim
    if card.pooling == "class+mean":
        patches = (card.input_px // card.kwargs.get("patch_size", 14)) ** 2
        assert tokens.shape[1] == network.num_prefix_tokens + patches


@pytest.mark.parametrize(
    ("name", "millions", "prefix_tokens"),
    [("uni", 303, 1), ("uni2-h", 681, 9), ("virchow2", 631, 5), ("h-optimus-0", 1135, 5)],
)
def test_networks_have_the_published_size(name, millions, prefix_tokens):
    with torch.device("meta"):
        network = build_network(load_card(CARD_FOLDER / f"{name}.toml"))
    assert round(sum(weight.numel() for weight in network.parameters()) / 1e6) == millions
    assert network.num_prefix_tokens == prefix_tokens


def test_the_hash_follows_what_determines_features_and_nothing_else():
    card = TIMM_CARDS[0]
    content = card.model_dump()
    reordered = EncoderCard(**dict(reversed(content.items())))
    assert reordered.sha256 == card.sha256
    assert EncoderCard(**content | {"description": "other prose"}).sha256 == card.sha256
    assert EncoderCard(**content | {"precision": "float32"}).sha256 != card.sha256
    assert EncoderCard(**content | {"kwargs": {**card.kwargs, "img_size": 448}}).sha256 != card.sha256


@pytest.mark.parametrize(
    ("old", "new", "where"),
    [
        ("dim = 512", "dim = 512\ncolour = 3", "colour"),
        ("dim = 512\n", "", "dim"),
        ("dim = 512", "dim = -1", "dim"),
        ('precision = "float16"', 'precision = "float8"', "precision"),
        ("std = [0.229, 0.224, 0.225]", "std = [0.229, 0.0, 0.225]", "std must be positive"),
        ("mean = [0.485, 0.456, 0.406]\n", "", "mean and std"),
        ("dim = 512", "dim = 512\nsupported_mpp = [1.0, 0.5]", "supported_mpp"),
        ('pooling = "network"', 'pooling = "none"', "pooling"),
        ("dim = 512", "dim = ", "TOML"),
        ('name = "resnet18"', 'name = "resnet19"', "resnet19"),
    ],
)
def test_a_bad_card_is_one_sentence_that_names_file_and_key(tmp_path, old, new, where):
    text = (CARD_FOLDER / "resnet18.toml").read_text()
    assert old in text
    path = tmp_path / "resnet18.toml"
    path.write_text(text.replace(old, new))
    with pytest.raises(ConfigError) as error:
        load_card(path)
    assert str(path) in str(error.value)
    assert where in str(error.value)
    assert "\n" not in str(error.value) or where == "TOML"


def test_listing_loads_no_network_library_and_is_json():
    code = (
        "import sys, json; from models.encoders import describe_cards; text = json.dumps(describe_cards());"
        "print([m for m in ('torch', 'timm', 'skimage') if m in sys.modules])"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert out.strip() == "[]"
    first = json.loads(json.dumps(describe_cards()))[0]
    assert first["name"] == "stain-texture"
    assert first["weights"] == "none needed"
    assert first["dim"] == 106
