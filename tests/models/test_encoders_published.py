"""Each card takes its weights under the names under which they were published, and gives the network's own features.

The names are made from timm's here, the way opposite to a key map; that they are those of the published files was
compared once with transformers and with the models' own code. Deep networks are cut to one or two blocks.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest
import torch
from safetensors.torch import save_file
from torch.nn import functional

from models.encoders import get_encoder, list_cards
from models.encoders.card import CARD_FOLDER, load_card
from models.encoders.networks import build_network
from models.encoders.weights import file_sha256

if TYPE_CHECKING:
    from collections.abc import Callable

IMAGENET = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
CLIP = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)
HALF = (0.5, 0.5, 0.5), (0.5, 0.5, 0.5)
H_OPTIMUS = (0.707223, 0.578729, 0.703617), (0.211883, 0.230117, 0.177517)
HIBOU = (0.7068, 0.5755, 0.722), (0.195, 0.2316, 0.1816)
LUNIT = (0.70322989, 0.53606487, 0.66096631), (0.21716536, 0.26081574, 0.20723464)


def plain(state):
    """As timm itself names them."""
    return state


def transformers_vit(state):
    """ViTModel."""
    return _rename(
        _three(state, ".attention.attention.{}", ("query", "key", "value")),
        ("cls_token", "embeddings.cls_token"),
        ("pos_embed", "embeddings.position_embeddings"),
        ("patch_embed.proj", "embeddings.patch_embeddings.projection"),
        ("blocks.", "encoder.layer."),
        (".attn.proj", ".attention.output.dense"),
        (".mlp.fc1", ".intermediate.dense"),
        (".mlp.fc2", ".output.dense"),
        (".norm1", ".layernorm_before"),
        (".norm2", ".layernorm_after"),
        ("^norm", "layernorm"),
    ) | {"pooler.dense.weight": torch.zeros(2, 2)}


def transformers_dinov2(state):
    """Dinov2Model and Dinov2WithRegistersModel."""
    return _rename(
        _three(_class_position(state, "reg_token"), ".attention.attention.{}", ("query", "key", "value")),
        ("cls_token", "embeddings.cls_token"),
        ("reg_token", "embeddings.register_tokens"),
        ("pos_embed", "embeddings.position_embeddings"),
        ("patch_embed.proj", "embeddings.patch_embeddings.projection"),
        ("blocks.", "encoder.layer."),
        (".attn.proj", ".attention.output.dense"),
        (".ls1.gamma", ".layer_scale1.lambda1"),
        (".ls2.gamma", ".layer_scale2.lambda1"),
        (".mlp.fc1", ".mlp.weights_in" if _gated(state) else ".mlp.fc1"),
        (".mlp.fc2", ".mlp.weights_out" if _gated(state) else ".mlp.fc2"),
        ("^norm", "layernorm"),
    ) | {"embeddings.mask_token": torch.zeros(1, 2)}


def meta_dinov2(state):
    """DINOv2's own code."""
    return _rename(
        _class_position(state, "reg_token"),
        ("reg_token", "register_tokens"),
        *([(".mlp.fc1", ".mlp.w12"), (".mlp.fc2", ".mlp.w3")] if _gated(state) else []),
    ) | {"mask_token": torch.zeros(1, 2)}


def dinov2_teacher(state):
    """The teacher in a checkpoint of training, its blocks in chunks."""
    named = {"backbone." + re.sub(r"^blocks\.", "blocks.0.", key): value for key, value in meta_dinov2(state).items()}
    return {"teacher": named | {"dino_head.mlp.0.weight": torch.zeros(2, 2)}}


def transformers_clip(state):
    """CLIPModel with its text tower."""
    named = _rename(
        _three(state, ".self_attn.{}_proj", ("q", "k", "v")),
        ("cls_token", "embeddings.class_embedding"),
        ("pos_embed", "embeddings.position_embedding.weight"),
        ("patch_embed.proj", "embeddings.patch_embedding"),
        ("norm_pre", "pre_layrnorm"),
        ("blocks.", "encoder.layers."),
        (".attn.proj", ".self_attn.out_proj"),
        (".norm1", ".layer_norm1"),
        (".norm2", ".layer_norm2"),
        ("^norm", "post_layernorm"),
    )
    projection = named.pop("head.weight")
    named.pop("head.bias").zero_()  # of the network itself: CLIP projects without one
    named["embeddings.class_embedding"] = named["embeddings.class_embedding"][0, 0]
    named["embeddings.position_embedding.weight"] = named["embeddings.position_embedding.weight"][0]
    return {f"vision_model.{key}": value for key, value in named.items()} | {
        "visual_projection.weight": projection,
        "text_model.embeddings.token_embedding.weight": torch.zeros(2, 2),
        "text_projection.weight": torch.zeros(2, 2),
        "logit_scale": torch.zeros(()),
    }


def conch(state):
    """CONCH with its captioning and text parts."""
    named = _rename(
        state,
        ("^query", "attn_pool_contrast.query"),
        ("norm_query", "attn_pool_contrast.ln_q"),
        ("norm_tokens", "attn_pool_contrast.ln_k"),
        ("^attention", "attn_pool_contrast.attn"),
        ("^norm", "ln_contrast"),
    )
    rest = ("visual.proj_contrast", "visual.ln_caption.weight", "visual.attn_pool_caption.query", "text.cls_emb")
    return {f"visual.{key}": value for key, value in named.items()} | {key: torch.zeros(2) for key in rest}


def conch_v15(state):
    """CONCH v1.5: one matrix for keys and values."""
    named = dict(state)
    both = torch.cat([named.pop("attention.k_proj_weight"), named.pop("attention.v_proj_weight")])
    return _rename(
        named,
        ("^query", "attn_pool_contrast.query"),
        ("norm_query", "attn_pool_contrast.ln_q"),
        ("norm_tokens", "attn_pool_contrast.ln_k"),
        ("attention.q_proj_weight", "attn_pool_contrast.to_q.weight"),
        ("attention.out_proj", "attn_pool_contrast.to_out"),
        ("^norm", "ln_contrast"),
    ) | {"attn_pool_contrast.to_kv.weight": both}


def keep(state):
    """KEEP with its text tower."""
    return _rename(state, ("^head", "visual_head"), ("^trunk", "visual")) | {"text.pooler.dense.bias": torch.zeros(2)}


def old_swin(state):
    """Swin of timm 0.5 in a checkpoint: patches merged at the end of a stage, tables stored."""
    named = {
        re.sub(r"^layers\.(\d)\.downsample", lambda at: f"layers.{int(at[1]) - 1}.downsample", key): value
        for key, value in state.items()
    }
    named["layers.0.blocks.0.attn.relative_position_index"] = torch.zeros(49, 49, dtype=torch.long)
    named["layers.0.blocks.1.attn_mask"] = torch.zeros(64, 49, 49)
    return {"model": named}


def beit3(state):
    """BEiT-3 of which the A branch sees images; the first two positions stand for nothing."""
    named = _three(state, ".self_attn.{}_proj.A", ("q", "k", "v"))
    named = _rename(
        named,
        ("cls_token", "beit3.vision_embed.cls_token"),
        ("patch_embed", "beit3.vision_embed"),
        ("pos_embed", "beit3.encoder.embed_positions.A.weight"),
        (".attn.norm", ".self_attn.inner_attn_ln.A"),
        (".attn.proj", ".self_attn.out_proj.A"),
        (".norm1", ".self_attn_layer_norm.A"),
        (".norm2", ".final_layer_norm.A"),
        (".mlp.norm", ".ffn.A.ffn_layernorm"),
        (".mlp", ".ffn.A"),
        ("^norm", "beit3.encoder.layer_norm.A"),
        ("^blocks", "beit3.encoder.layers"),
    )
    positions = "beit3.encoder.embed_positions.A.weight"
    named[positions] = torch.cat([torch.full((2, named[positions].shape[2]), 9.0), named[positions][0]])
    text = {key.replace(".A.", ".B."): value + 1 for key, value in named.items() if ".A." in key}
    return named | text | {"beit3.text_embed.weight": torch.zeros(2, 2), "vision_head.weight": torch.zeros(2, 2)}


def whole_resnet(state):
    """A residual network with the parts that a cut one lacks."""
    return state | {"layer4.0.conv1.weight": torch.zeros(2, 2), "fc.weight": torch.zeros(2, 2)}


def _gated(state):
    return "blocks.0.mlp.fc1.weight" in state and (
        state["blocks.0.mlp.fc1.weight"].shape[0] != state["blocks.0.mlp.fc2.weight"].shape[1]
    )


def _rename(state, *rules):
    for pattern, new in rules:
        regex = pattern if pattern[0] == "^" else re.escape(pattern)
        state = {re.sub(regex, new, key): value for key, value in state.items()}
    return state


def _three(state, pattern, names):
    """Cut attn.qkv into three."""
    named = {}
    for key, value in state.items():
        if ".attn.qkv." not in key:
            named[key] = value
            continue
        for name, part in zip(names, value.chunk(3), strict=True):
            named[key.replace(".attn.qkv", pattern.format(name))] = part
    return named


def _class_position(state, token):
    """Give the class token a position of its own where timm has added the two."""
    if token not in state:
        return state
    position = torch.randn(state["cls_token"].shape, generator=torch.Generator().manual_seed(3))
    return state | {
        "cls_token": state["cls_token"] - position,
        "pos_embed": torch.cat([position, state["pos_embed"]], 1),
    }


def own(network, images):
    """The vector that the network gives by itself."""
    return network(images)


def class_token(network, images):
    """Class token after the last norm."""
    return network.forward_features(images)[:, 0]


def class_and_mean(prefix):
    """Class token beside the mean of what follows the prefix."""

    def pool(network, images):
        tokens = network.forward_features(images)
        return torch.cat([tokens[:, 0], tokens[:, prefix:].mean(1)], 1)

    return pool


def third_stage(network, images):
    """Mean of the third stage, layer by layer."""
    planes = network.maxpool(network.act1(network.bn1(network.conv1(images))))
    return network.layer3(network.layer2(network.layer1(planes))).mean((2, 3))


def asked_once(network, images):
    """One query over the tokens, written out."""
    tokens = network.norm_tokens(network.trunk.forward_features(images))
    attention, heads = network.attention, 8
    biases = [None] * 3 if attention.in_proj_bias is None else attention.in_proj_bias.chunk(3)
    weights = (attention.q_proj_weight, attention.k_proj_weight, attention.v_proj_weight)
    inputs = (network.norm_query(network.query).expand(len(tokens), 1, -1), tokens, tokens)
    query, key, value = (
        functional.linear(each, weight, bias).unflatten(2, (heads, -1)).transpose(1, 2)
        for each, weight, bias in zip(inputs, weights, biases, strict=True)
    )
    share = (query @ key.transpose(2, 3) * query.shape[-1] ** -0.5).softmax(-1)
    return network.norm(attention.out_proj((share @ value).transpose(1, 2).flatten(2)))[:, 0]


def of_length_one(network, images):
    """The projection over its length."""
    projected = network.head(network.trunk(images))
    return projected / projected.square().sum(1, keepdim=True).sqrt()


@dataclass(frozen=True)
class Published:
    """What the published encoder does, written down apart from its card."""

    norm: tuple[tuple[float, ...], tuple[float, ...]]
    dim: int
    names: Callable = plain
    pool: Callable = own
    px: int = 224
    crop: int = 0
    depth: int | None = 1
    suffix: str = "safetensors"
    variants: dict[str, tuple[int, Callable]] = field(default_factory=dict)


CLASS = {"class": (1280, class_token)}
ENCODERS = {
    "uni": Published(IMAGENET, 1024, suffix="bin"),
    "uni2-h": Published(IMAGENET, 1536),
    "virchow": Published(IMAGENET, 2560, pool=class_and_mean(1), variants=CLASS),
    "virchow2": Published(IMAGENET, 2560, pool=class_and_mean(5), variants=CLASS),
    "h-optimus-0": Published(H_OPTIMUS, 1536),
    "h-optimus-1": Published(H_OPTIMUS, 1536),
    "h0-mini": Published(H_OPTIMUS, 1536, pool=class_and_mean(5), variants={"class": (768, class_token)}),
    "gigapath": Published(IMAGENET, 1536, px=256, crop=16),
    "kaiko-s8": Published(HALF, 384),
    "kaiko-s16": Published(HALF, 384),
    "kaiko-b8": Published(HALF, 768),
    "kaiko-b16": Published(HALF, 768),
    "kaiko-l14": Published(HALF, 1024),
    "lunit-s8": Published(LUNIT, 384),
    "phikon": Published(IMAGENET, 768, transformers_vit, depth=2),
    "phikon-v2": Published(IMAGENET, 1024, transformers_dinov2),
    "hibou-b": Published(HIBOU, 768, transformers_dinov2, depth=2),
    "hibou-l": Published(HIBOU, 1024, transformers_dinov2),
    "midnight": Published(HALF, 3072, transformers_dinov2, class_and_mean(1), variants={"class": (1536, class_token)}),
    "openmidnight": Published(IMAGENET, 1536, meta_dinov2, suffix="pt"),
    "gpfm": Published(IMAGENET, 1024, dinov2_teacher, suffix="pth"),
    "mstar": Published(IMAGENET, 1024),
    "ctranspath": Published(IMAGENET, 768, old_swin, depth=None, suffix="pth"),
    "chief-ctranspath": Published(IMAGENET, 768, old_swin, depth=None, suffix="pth"),
    "conch": Published(CLIP, 512, conch, asked_once, px=448, suffix="bin"),
    "conch-v1.5": Published(IMAGENET, 768, conch_v15, asked_once, px=448, suffix="bin"),
    "musk": Published(HALF, 1024, beit3, class_token, px=384),
    "keep": Published(IMAGENET, 768, keep, of_length_one, suffix="bin"),
    "plip": Published(CLIP, 512, transformers_clip, suffix="bin"),
    "resnet18": Published(IMAGENET, 512, depth=None),
    "resnet50": Published(IMAGENET, 2048, depth=None),
    "resnet50-trunc": Published(IMAGENET, 1024, whole_resnet, third_stage, depth=None),
}
OF_ITS_KIND = ("virchow2", "gigapath", "phikon", "hibou-b", "gpfm", "ctranspath", "conch", "musk", "plip")
"""One of each way of naming, pooling and cropping; the others are slow for their number."""


def cut(card_name, folder, depth):
    """Write the card, cut to a depth, into a folder of cards."""
    text = (CARD_FOLDER / f"{card_name}.toml").read_text(encoding="utf-8")
    if depth is not None:
        text = re.sub(r"^depth = \d+\n", "", text, flags=re.MULTILINE)
        text = text.replace("[kwargs]\n", f"[kwargs]\ndepth = {depth}\n")
    (folder / f"{card_name}.toml").write_text(text, encoding="utf-8")
    return load_card(folder / f"{card_name}.toml")


def stirred(network):
    """Give every weight a value that matters: fresh networks hide errors behind zeros, ones and small scales."""
    generator = torch.Generator().manual_seed(7)
    with torch.no_grad():
        for key, value in network.state_dict().items():
            noise = torch.randn(value.shape, generator=generator)
            if "running_var" in key:
                value.copy_(noise.abs() + 0.5)
            elif value.ndim == 1 and (key.endswith(("weight", "gamma"))):
                value.copy_(1 + 0.3 * noise)
            elif value.ndim >= 2 and key.endswith("weight"):
                value.copy_(noise * value[0].numel() ** -0.5)
            elif value.is_floating_point():
                value.copy_(noise * 0.5)
    return network.eval()


def saved(state, path):
    """Save as safetensors or by torch, as the suffix says."""
    if path.suffix == ".safetensors":
        save_file({key: value.contiguous().clone() for key, value in state.items()}, path)
    else:
        torch.save(state, path)
    return path


def test_every_card_with_a_network_is_covered():
    assert set(ENCODERS) == {card.name for card in list_cards() if card.source == "timm"}


@pytest.mark.parametrize(
    "name", [each if each in OF_ITS_KIND else pytest.param(each, marks=pytest.mark.slow) for each in ENCODERS]
)
def test_published_names_give_the_networks_own_features(tmp_path, name):
    published = ENCODERS[name]
    card = cut(name, tmp_path, published.depth)
    network = stirred(build_network(card))
    path = saved(published.names(network.state_dict()), tmp_path / f"weights.{published.suffix}")

    side = published.px
    tiles = torch.randint(0, 256, (2, side, side, 3), dtype=torch.uint8, generator=torch.Generator().manual_seed(1))
    kept = tiles[:, published.crop : side - published.crop, published.crop : side - published.crop]
    mean, std = map(torch.tensor, published.norm)
    images = ((kept / 255 - mean) / std).permute(0, 3, 1, 2)
    assert set(published.variants) == set(card.variants)
    for asked, (dim, pool) in {"": (published.dim, published.pool), **published.variants}.items():
        encoder = get_encoder(f"{name}:{asked}" if asked else name, path, "cpu", tmp_path)
        assert encoder.name == (f"{name}-{asked}" if asked else name)
        assert encoder.weights_sha256 == file_sha256(path)
        assert encoder.supported_mpp == load_card(CARD_FOLDER / f"{name}.toml").supported_mpp
        batch = encoder.transform(tiles)
        torch.testing.assert_close(batch, images, rtol=1e-5, atol=1e-5)
        with torch.inference_mode():
            expected = pool(network, images)
        assert expected.shape == (2, dim)
        torch.testing.assert_close(encoder(batch), expected, rtol=1e-4, atol=1e-4)
