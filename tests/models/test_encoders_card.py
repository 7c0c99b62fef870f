"""Cards are data that are checked."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
import torch

from models.encoders import cards_as_text, describe_cards, get_encoder, list_cards
from models.encoders.card import CARD_FOLDER, EncoderCard, find_card, load_card
from models.encoders.key_map import KEY_MAP_FOLDER, load_key_map
from models.encoders.networks import build_network, of_right_length
from pipelines.errors import ConfigError

TIMM_CARDS = [card for card in list_cards() if card.source == "timm"]


def test_the_default_is_listed_first_and_every_file_is_listed():
    names = [card.name for card in list_cards()]
    assert names[0] == "stain-texture"
    assert sorted(names) == sorted(path.stem for path in CARD_FOLDER.glob("*.toml"))


SIZES = {  # weights of the whole network, tokens before those of the patches
    "chief-ctranspath": (27_520_038, 0),
    "conch": (87_567_104, 1),
    "conch-v1.5": (306_711_296, 1),
    "ctranspath": (27_520_038, 0),
    "gigapath": (1_134_953_984, 1),
    "gpfm": (303_227_904, 1),
    "h-optimus-0": (1_134_774_272, 5),
    "h-optimus-1": (1_134_774_272, 5),
    "h0-mini": (85_739_520, 5),
    "hibou-b": (85_739_520, 5),
    "hibou-l": (303_657_216, 5),
    "kaiko-b16": (85_798_656, 1),
    "kaiko-b8": (85_807_872, 1),
    "kaiko-l14": (304_370_688, 5),
    "kaiko-s16": (21_665_664, 1),
    "kaiko-s8": (21_670_272, 1),
    "keep": (304_728_576, 1),
    "lunit-s8": (21_670_272, 1),
    "midnight": (1_134_769_664, 1),
    "mstar": (303_350_784, 1),
    "musk": (303_936_512, 1),
    "openmidnight": (1_134_774_272, 5),
    "phikon": (85_798_656, 1),
    "phikon-v2": (303_350_784, 1),
    "plip": (87_849_728, 1),
    "resnet18": (11_176_512, 0),
    "resnet50": (23_508_032, 0),
    "resnet50-trunc": (8_543_296, 0),
    "uni": (303_350_784, 1),
    "uni2-h": (681_394_176, 9),
    "virchow": (631_229_184, 1),
    "virchow2": (631_239_424, 5),
}


@pytest.mark.parametrize("card", TIMM_CARDS, ids=lambda card: card.name)
def test_each_card_has_its_number_of_weights_and_the_length_that_it_states(card):
    with torch.device("meta"):  # shapes without memory: some of these have 10^9 weights
        network = build_network(card)
    trunk = getattr(network, "trunk", network)
    weights = sum(weight.numel() for weight in network.parameters())
    assert (weights, getattr(trunk, "num_prefix_tokens", 0)) == SIZES[card.name]
    for each in map(card.variant, card.variants):
        assert of_right_length(network, each) is network
        with pytest.raises(ConfigError, match=f"says dim {each.dim + 1}, but the network gives {each.dim}"):
            of_right_length(network, each.model_copy(update={"dim": each.dim + 1}))


FIRST_HASHES = {  # these stand in feature files
    "stain-texture": "9632f6e6a07c5de6701bd24801202f2e69dd48c3d03b5d5addb1dc124d01913d",
    "h-optimus-0": "c857b5617c647addf0621e83765ec9e1aeb164d81aac4dc67a364e509a3fffd4",
    "resnet18": "c53c1a2c26110fe7ec6aa5b88590979c4e6f2cc7856062da2c98cc59b2d8f4d2",
    "resnet50": "13491ef09582c282a01cc110734574a87cc840646a2a110465fa9251bf6ef9c7",
    "uni": "ee998c4167900243dde599c31cd6617f043c589dd1349caa734b952531e28392",
    "uni2-h": "5e471394fb8e66ceaefbdeaa641f94e9571a58114fb38cc9b98b0477deb1e275",
    "virchow2": "341ab2c112256b62874be2f83181a1cafa02ea53a8415ecc65cf81dc630e9abb",
}


def test_what_a_card_can_say_more_changes_no_older_card():
    assert {name: load_card(CARD_FOLDER / f"{name}.toml").sha256 for name in FIRST_HASHES} == FIRST_HASHES


def test_a_variant_is_a_card_of_its_own():
    whole, part = find_card("virchow2"), find_card("virchow2:class")
    assert (whole.name, whole.dim, whole.pooling) == ("virchow2", 2560, "class+mean")
    assert (part.name, part.dim, part.pooling) == ("virchow2-class", 1280, "class")
    assert part.supported_mpp == whole.supported_mpp
    assert part.sha256 != whole.sha256
    assert find_card("virchow2-class") == part  # as its features are named
    with pytest.raises(ConfigError, match="no variant 'mean': virchow2:class"):
        find_card("virchow2:mean")
    with pytest.raises(ConfigError, match="it has none"):
        find_card("uni:")
    assert find_card("uni-class") is None


def test_a_card_that_is_not_supported_is_listed_and_refused_with_its_reason():
    refused = [card for card in list_cards() if card.source == "unsupported"]
    assert refused
    for card in refused:
        with pytest.raises(ConfigError) as error:
            get_encoder(card.name)
        assert card.reason in str(error.value)
        listed = next(each for each in describe_cards() if each["name"] == card.name)
        assert (listed["supported"], listed["weights"], listed["reason"]) == (False, "not supported", card.reason)


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("rename = [['(', 'x']]", "rename"),
        ("drop = ['*']", "drop"),
        ("renames = []", "renames"),
        ("rename = [", "TOML"),
    ],
)
def test_a_bad_key_map_is_one_sentence_that_names_file_and_rule(tmp_path, text, where):
    (tmp_path / "bad.toml").write_text(text)
    with pytest.raises(ConfigError) as error:
        load_key_map("bad", tmp_path)
    assert str(tmp_path / "bad.toml") in str(error.value)
    assert where in str(error.value)


def test_every_key_map_is_used_and_there():
    used = {card.key_map for card in list_cards() if card.key_map}
    assert used == {path.stem for path in KEY_MAP_FOLDER.glob("*.toml")}
    with pytest.raises(ConfigError, match="no key map 'other'; there are: beit3"):
        load_key_map("other")


def test_the_hash_follows_what_determines_features_and_nothing_else():
    card = TIMM_CARDS[0]
    content = card.model_dump()
    reordered = EncoderCard(**dict(reversed(content.items())))
    assert reordered.sha256 == card.sha256
    assert EncoderCard(**content | {"description": "other prose"}).sha256 == card.sha256
    assert EncoderCard(**content | {"precision": "bfloat16"}).sha256 != card.sha256
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
        ('pooling = "network"', 'pooling = "network"\nresize_px = 200', "resize_px must be at least"),
        ('pooling = "network"', 'pooling = "class"\n[head]\nkind = "mlp-unit"', "head"),
        ('source = "timm"', 'source = "unsupported"', "states its reason"),
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


def test_the_text_names_each_card_variant_scale_and_term():
    lines = cards_as_text().splitlines()
    row = {line.split()[0]: line for line in lines if line and not line.startswith(" ")}
    for card in list_cards():
        assert str(card.dim) in row[card.name].split()
        assert card.precision in row[card.name]
        assert all(str(variant.dim) in row[f"{card.name}:{key}"] for key, variant in card.variants.items())
    assert "256→224 px" in row["gigapath"]
    assert "0.2-2.2" in row["midnight"]
    assert "not stated" in row["plip"]
    assert row["genbio-pathfm"].endswith("not supported")
    assert max(map(len, lines)) <= 160
    joined = " ".join(line.strip() for line in lines)
    assert all(card.licence.split(" at ")[0] in joined for card in list_cards())
