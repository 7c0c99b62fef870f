"""Encoder cards: what has to be known of an encoder to get the same features everywhere, as data.

A card is a TOML file in ``models/encoders/cards``. Adding an encoder that timm can build means adding a file.
"""

from __future__ import annotations

import difflib
import hashlib
import json
from functools import cached_property
from pathlib import Path
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from models.encoders.key_map import KeyMap, load_key_map
from models.encoders.toml_file import load_toml
from pipelines.errors import ConfigError

CARD_FOLDER = Path(__file__).parent / "cards"
DEFAULT_ENCODER = "stain-texture"

Triple = tuple[float, float, float]
Pooling = Literal["network", "class", "class+mean", "map-mean", "none"]

_PROSE = {"licence", "description", "verified", "reason", "hub_file", "variants"}
"""Not part of the hash: words, what is offered beside the card's own features, and where a file lies."""
_HASHED_WHEN_SET = {"resize_px", "key_map", "norm_eps", "pos_embed", "head"}
"""Younger than the first cards, whose hashes stand in feature files: left out where a card doesn't use them."""


class Head(BaseModel):
    """What follows timm's network in a model of its own make.

    Attributes
    ----------
    kind : "attention-pool" (one learned query over all tokens, then a layer norm) or "mlp-unit" (two linear layers
        with GELU between them, then division by the length).
    heads : attention heads of the pool.
    bias : whether the pool's linear maps have biases.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Literal["attention-pool", "mlp-unit"]
    heads: int = Field(8, gt=0)
    bias: bool = True


class CardVariant(BaseModel):
    """Another vector from the same network, asked for as ``card:variant``."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    pooling: Pooling
    dim: int = Field(gt=0)
    description: str


class EncoderCard(BaseModel):
    """One encoder.

    Attributes
    ----------
    name : what users type, and the folder of its features.
    source : "descriptor" (computed by this package), "timm" (a network that timm builds) or "unsupported".
    timm_model : architecture that timm builds, for local weights.
    hub_id : where the weights lie on the hub ("owner/name"), or None.
    hub_file : the weights file there, where timm does not know how to read that page.
    kwargs : what the network (or descriptor) is built with.
    input_px : side of the input in pixels; tiles of another size are resized on the device.
    resize_px : tiles are resized to this side and cropped in the middle to input_px, or None: resized to input_px.
    dim : length of a feature vector.
    mean, std : normalisation of RGB in 0..1.
    interpolation : of the resize, always antialiased.
    pooling : "network" (its own), "class" (class token), "class+mean" (class token beside the mean of the patch
        tokens), "map-mean" (mean over the last feature map) or "none".
    head : what follows timm's network, or None.
    precision : of autocast on CUDA; a CPU always computes in float32.
    norm_eps : epsilon of timm's layer norms, where the published network differs from timm's.
    key_map : table that turns the published names of the weights into timm's, or None where they are the same.
    pos_embed : how position embeddings of another grid are resampled to the network's, or None: refused.
    supported_mpp : (lowest, highest) µm/px that it was made or published for, or None.
    variants : other vectors from the same network.
    licence, description, verified, reason : for people: terms, what it is, which facts were checked how, and why
        an unsupported one is not supported. They don't enter the hash.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")
    source: Literal["descriptor", "timm", "unsupported"]
    timm_model: str | None = None
    hub_id: str | None = None
    hub_file: str | None = None
    kwargs: dict[str, bool | int | float | str | list[int]] = {}
    input_px: int = Field(gt=0)
    resize_px: int | None = Field(None, gt=0)
    dim: int = Field(gt=0)
    mean: Triple | None = None
    std: Triple | None = None
    interpolation: Literal["bilinear", "bicubic"] = "bilinear"
    pooling: Pooling
    head: Head | None = None
    precision: Literal["float32", "float16", "bfloat16"]
    norm_eps: float | None = Field(None, gt=0)
    key_map: str | None = None
    pos_embed: Literal["bicubic", "bilinear", "bicubic-offset"] | None = None
    supported_mpp: tuple[float, float] | None = None
    variants: dict[str, CardVariant] = {}
    licence: str
    description: str
    verified: str = ""
    reason: str = ""

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.source == "timm" and (self.timm_model is None or self.mean is None or self.std is None):
            raise ValueError("a timm card needs timm_model, mean and std")
        if (self.source == "descriptor") != (self.pooling == "none"):
            raise ValueError('pooling is "none" for a descriptor and for nothing else')
        if (self.source == "unsupported") != bool(self.reason):
            raise ValueError("an unsupported card, and no other, states its reason")
        if self.std is not None and min(self.std) <= 0:
            raise ValueError("std must be positive")
        if self.supported_mpp is not None and not 0 < self.supported_mpp[0] <= self.supported_mpp[1]:
            raise ValueError("supported_mpp must be (lowest, highest), both positive")
        if self.resize_px is not None and self.resize_px < self.input_px:
            raise ValueError("resize_px must be at least input_px, which is cropped out of it")
        if self.head is not None and self.pooling != "network":
            raise ValueError('a card with a head has pooling "network"')
        return self

    @cached_property
    def sha256(self) -> str:
        """Hash of all that determines the features, independent of the order of keys and of the prose."""
        content = self.model_dump(mode="json", exclude=_PROSE)
        content = {key: value for key, value in content.items() if key not in _HASHED_WHEN_SET or value is not None}
        if self.key_map is not None:
            content["key_map"] = self.keys.model_dump(mode="json")
        return hashlib.sha256(json.dumps(content, sort_keys=True, separators=(",", ":")).encode()).hexdigest()

    @property
    def keys(self) -> KeyMap:
        """Table of the weights' names; raises ConfigError where it is missing or invalid."""
        return KeyMap() if self.key_map is None else load_key_map(self.key_map)

    @property
    def resize_side(self) -> int:
        """Side in pixels to which a tile is resized; a tile read with this side is not resized at all."""
        return self.resize_px or self.input_px

    def variant(self, key: str) -> EncoderCard:
        """Return the card of a variant, named ``<card>-<variant>``; raises ConfigError where there is none."""
        if key not in self.variants:
            names = ", ".join(f"{self.name}:{known}" for known in self.variants) or "it has none"
            raise ConfigError(f"encoder {self.name!r} has no variant {key!r}: {names}.")
        changed = {"name": f"{self.name}-{key}", "variants": {}, **self.variants[key].model_dump()}
        return EncoderCard.model_validate({**self.model_dump(), **changed})


def load_card(path: Path) -> EncoderCard:
    """Read one card.

    Raises
    ------
    ConfigError
        Not TOML, an unknown or missing key, a value out of range, or a name that differs from the file's.
    """
    card = load_toml(path, EncoderCard, "encoder card")
    if card.name != path.stem:
        raise ConfigError(f"{path}: the card is named {card.name!r}, but its file {path.stem!r}; make them equal.")
    return card


def list_cards(folder: Path = CARD_FOLDER) -> list[EncoderCard]:
    """Every card, the default first, then by name."""
    cards = [load_card(path) for path in folder.glob("*.toml")]
    return sorted(cards, key=lambda card: (card.name != DEFAULT_ENCODER, card.name))


def find_card(name: str, folder: Path = CARD_FOLDER) -> EncoderCard | None:
    """Find the card of this name, or None.

    Parameters
    ----------
    name : str
        A card ("virchow2") or a variant of one, as it is asked for ("virchow2:class") or as its features are named
        ("virchow2-class").

    Raises
    ------
    ConfigError
        The card has no such variant, or is invalid.
    """
    base, _, variant = name.partition(":")
    path = folder / f"{base}.toml"
    if path in folder.glob("*.toml"):
        return load_card(path).variant(variant) if ":" in name else load_card(path)
    for card in list_cards(folder):
        key = name.removeprefix(f"{card.name}-")
        if key != name and key in card.variants:
            return card.variant(key)
    return None


def card_names(folder: Path = CARD_FOLDER) -> list[str]:
    """Every name that can be asked for, variants behind their card."""
    cards = list_cards(folder)
    return [name for card in cards for name in (card.name, *(f"{card.name}:{key}" for key in card.variants))]


def unknown_encoder(name: str) -> ConfigError:
    """Build the error for a name that is neither a card nor a timm model."""
    names = card_names()
    close = difflib.get_close_matches(name, names, n=1)
    hint = f"did you mean {close[0]!r}? Cards" if close else "cards"
    return ConfigError(
        f"no encoder {name!r}: {hint}: {', '.join(names)}; any model name of timm works too, and hf-hub:OWNER/NAME."
    )


def without_weights(card: EncoderCard) -> ConfigError:
    """Build the error for a network that is to be had without a hub, and without a file of weights."""
    return ConfigError(
        f"encoder {card.name!r} comes without weights: give --weights FILE, or --weights random for a random network "
        "to compare against."
    )
