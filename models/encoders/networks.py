"""Networks of the cards: what timm builds, and the few parts of published encoders that it lacks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import timm
import torch
from timm.layers import SwiGLUPacked
from torch import Tensor, nn
from torch.nn import functional

from pipelines.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable

    from models.encoders.card import EncoderCard


class ConvStem(nn.Module):
    """Patch embedding of CTransPath: two strided 3 x 3 convolutions, then 1 x 1 (Wang et al. 2022)."""

    dynamic_img_pad = False

    def __init__(
        self,
        img_size: int | tuple[int, int],
        patch_size: int | tuple[int, int],
        in_chans: int,
        embed_dim: int,
        norm_layer: Callable[[int], nn.Module] | None = None,
        **_ignored: Any,
    ) -> None:
        super().__init__()
        side = img_size if isinstance(img_size, int) else img_size[0]
        patch = patch_size if isinstance(patch_size, int) else patch_size[0]
        if patch != 4:
            raise ValueError(f"the stem makes patches of 4 px, not {patch}")
        self.patch_size = (patch, patch)
        self.grid_size = (side // patch, side // patch)
        self.num_patches = self.grid_size[0] * self.grid_size[1]
        layers: list[nn.Module] = []
        channels = in_chans
        for width in (embed_dim // 8, embed_dim // 4):
            layers += [nn.Conv2d(channels, width, 3, 2, 1, bias=False), nn.BatchNorm2d(width), nn.ReLU(inplace=True)]
            channels = width
        self.proj = nn.Sequential(*layers, nn.Conv2d(channels, embed_dim, 1))
        self.norm = norm_layer(embed_dim) if norm_layer else nn.Identity()

    def forward(self, images: Tensor) -> Tensor:
        """Embed (B, 3, H, W) as (B, H / 4, W / 4, embed_dim)."""
        return self.norm(self.proj(images).permute(0, 2, 3, 1))


class AttentionPooled(nn.Module):
    """A network whose tokens one learned query gathers, as in CONCH."""

    def __init__(self, trunk: nn.Module, dim: int, heads: int, bias: bool) -> None:
        super().__init__()
        width = trunk.num_features
        self.trunk = trunk
        self.query = nn.Parameter(torch.randn(1, dim))
        self.norm_query = nn.LayerNorm(dim)
        self.norm_tokens = nn.LayerNorm(width)
        self.attention = nn.MultiheadAttention(dim, heads, bias=bias, kdim=width, vdim=width, batch_first=True)
        self.norm = nn.LayerNorm(dim)
        self.num_features = dim

    def forward(self, images: Tensor) -> Tensor:
        """Encode (B, 3, H, W) as (B, dim)."""
        tokens = self.norm_tokens(self.trunk.forward_features(images))
        query = self.norm_query(self.query).expand(len(tokens), -1, -1)
        return self.norm(self.attention(query, tokens, tokens, need_weights=False)[0][:, 0])


class UnitProjected(nn.Module):
    """A network whose vector is projected and divided by its length, as in KEEP."""

    def __init__(self, trunk: nn.Module, dim: int) -> None:
        super().__init__()
        self.trunk = trunk
        self.head = nn.Sequential(nn.Linear(trunk.num_features, dim), nn.GELU(), nn.Linear(dim, dim))
        self.num_features = dim

    def forward(self, images: Tensor) -> Tensor:
        """Encode (B, 3, H, W) as (B, dim) of length one."""
        return functional.normalize(self.head(self.trunk(images)), dim=-1)


_LAYERS = {"SwiGLUPacked": SwiGLUPacked, "SiLU": nn.SiLU, "ConvStem": ConvStem}
"""What a card may name as a layer."""


def build_network(card: EncoderCard) -> nn.Module:
    """Build the card's architecture, without weights.

    Raises
    ------
    ConfigError
        timm does not know the model or one of the arguments, or its vectors have another length than the card says.
    """
    try:
        network = timm.create_model(card.timm_model, pretrained=False, **arguments(card))
    except (RuntimeError, TypeError, ValueError, AssertionError) as error:
        raise ConfigError(f"card {card.name!r}: timm can't build {card.timm_model!r}: {error}.") from error
    if card.norm_eps is not None:
        for module in network.modules():
            if isinstance(module, nn.LayerNorm):
                module.eps = card.norm_eps
    if card.head is not None and card.head.kind == "attention-pool":
        network = AttentionPooled(network, card.dim, card.head.heads, card.head.bias)
    elif card.head is not None:
        network = UnitProjected(network, card.dim)
    return of_right_length(network, card)


def arguments(card: EncoderCard) -> dict[str, Any]:
    """Turn the card's kwargs into timm's: names of layers become the layers."""
    return {
        key: _LAYERS.get(value, value) if key.endswith("_layer") and isinstance(value, str) else value
        for key, value in card.kwargs.items()
    }


def of_right_length(network: nn.Module, card: EncoderCard) -> nn.Module:
    """Return the network; raises ConfigError where its vectors are not as long as the card says."""
    if card.pooling == "map-mean":
        length = network.feature_info.channels()[-1]
    else:
        own = getattr(network, "num_classes", 0) or network.num_features
        length = own * (2 if card.pooling == "class+mean" else 1)
    if length != card.dim:
        raise ConfigError(f"card {card.name!r} says dim {card.dim}, but the network gives {length}; correct the card.")
    return network


def pooled(network: nn.Module, pooling: str, images: Tensor) -> Tensor:
    """Run the network and pool its tokens or maps as a card says.

    Parameters
    ----------
    network : nn.Module
        In evaluation mode.
    pooling : str
        As in `EncoderCard`.
    images : Tensor
        (B, 3, H, W), normalised.

    Returns
    -------
    Tensor
        (B, D).
    """
    if pooling == "network":
        return network(images)
    if pooling == "map-mean":
        return network(images)[-1].mean((2, 3))
    tokens = network.forward_features(images)
    if pooling == "class":
        return tokens[:, 0]
    return torch.cat([tokens[:, 0], tokens[:, network.num_prefix_tokens :].mean(1)], -1)
