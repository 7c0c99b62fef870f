"""Encoder cards: what has to be known of an encoder to get the same features everywhere, as data.

A card is a TOML file in ``models/encoders/cards``. Adding an encoder that timm can build means adding a file.
"""

from __future__ import annotations

import difflib
import hashlib
import json
import tomllib
from functools import cached_property
from pathlib import Path
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from pipelines.errors import ConfigError

CARD_FOLDER = Path(__file__).parent / "cards"
DEFAULT_ENCODER = "stain-texture"

Triple = tuple[float, float, float]


class EncoderCard(BaseModel):
    """One encoder.

    Attributes
    ----------
    name : what users type, and the folder of its features.
    source : "descriptor" (computed by this package) or "timm" (a network).
    timm_model : architecture that timm builds, for local weights.
    hub_id : where timm finds its weights on the hub ("owner/name"), or None.
    kwargs : what the network (or descriptor) is built with.
    input_px : side of the input in pixels; tiles of another size are resized on the device.
    dim : length of a feature vector.
    mean, std : normalisation of RGB in 0..1.
    interpolation : of the resize, always antialiased.
    pooling : "network" (its own), "class+mean" (class token beside the mean of the patch tokens) or "none".
    precision : of autocast on CUDA; a CPU always computes in float32.
    supported_mpp : (lowest, highest) µm/px that it was made or published for, or None.
    licence, description : for people; they don't enter the hash.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")
    source: Literal["descriptor", "timm"]
    timm_model: str | None = None
    hub_id: str | None = None
    kwargs: dict[str, bool | int | float | str] = {}
    input_px: int = Field(gt=0)
    dim: int = Field(gt=0)
    mean: Triple | None = None
    std: Triple | None = None
    interpolation: Literal["bilinear", "bicubic"] = "bilinear"
    pooling: Literal["network", "class+mean", "none"]
    precision: Literal["float32", "float16", "bfloat16"]
    supported_mpp: tuple[float, float] | None = None
    licence: str
    description: str

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.source == "timm" and (self.timm_model is None or self.mean is None or self.std is None):
            raise ValueError("a timm card needs timm_model, mean and std")
        if (self.source == "descriptor") != (self.pooling == "none"):
            raise ValueError('pooling is "none" for a descriptor and for nothing else')
        if self.std is not None and min(self.std) <= 0:
            raise ValueError("std must be positive")
        if self.supported_mpp is not None and not 0 < self.supported_mpp[0] <= self.supported_mpp[1]:
            raise ValueError("supported_mpp must be (lowest, highest), both positive")
        return self

    @cached_property
    def sha256(self) -> str:
        """Hash of all that determines the features, independent of the order of keys and of the prose."""
        content = self.model_dump(mode="json", exclude={"licence", "description"})
        return hashlib.sha256(json.dumps(content, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def load_card(path: Path) -> EncoderCard:
    """Read one card.

    Raises
    ------
    ConfigError
        Not TOML, an unknown or missing key, a value out of range, or a name that differs from the file's.
    """
    try:
        card = EncoderCard.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: the encoder card is no valid TOML: {error}.") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "card"
        raise ConfigError(f"{path}: {where} of the encoder card is invalid: {first['msg']}.") from error
    if card.name != path.stem:
        raise ConfigError(f"{path}: the card is named {card.name!r}, but its file {path.stem!r}; make them equal.")
    return card


def list_cards(folder: Path = CARD_FOLDER) -> list[EncoderCard]:
    """Every card, the default first, then by name."""
    cards = [load_card(path) for path in folder.glob("*.toml")]
    return sorted(cards, key=lambda card: (card.name != DEFAULT_ENCODER, card.name))


def find_card(name: str) -> EncoderCard | None:
    """Find the card of this name, or None."""
    path = CARD_FOLDER / f"{name}.toml"
    return load_card(path) if path in CARD_FOLDER.glob("*.toml") else None


def unknown_encoder(name: str) -> ConfigError:
    """Build the error for a name that is neither a card nor a timm model."""
    names = [card.name for card in list_cards()]
    close = difflib.get_close_matches(name, names, n=1)
    hint = f"did you mean {close[0]!r}? Cards" if close else "cards"
    return ConfigError(f"no encoder {name!r}: {hint}: {', '.join(names)}; any model name of timm works too.")
