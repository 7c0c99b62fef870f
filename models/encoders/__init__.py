"""Encoders: tiles to vectors, each described by a card. Importing this loads no network library."""

from __future__ import annotations

from typing import TYPE_CHECKING

from models.encoders.card import CARD_FOLDER, DEFAULT_ENCODER, EncoderCard, find_card, list_cards, without_weights
from models.encoders.facts import CardFacts
from models.encoders.listing import cards_as_text, describe_cards
from pipelines.errors import ConfigError, SetupError

if TYPE_CHECKING:
    from pathlib import Path

    import torch

    from pipelines.encoder import Encoder, EncoderFacts

__all__ = [
    "DEFAULT_ENCODER",
    "EncoderCard",
    "cards_as_text",
    "describe_cards",
    "encoder_facts",
    "get_encoder",
    "list_cards",
    "resolve_device",
]


def get_encoder(
    name: str, weights: Path | str | None = None, device: str = "auto", cards: Path = CARD_FOLDER
) -> Encoder:
    """Make an encoder.

    Parameters
    ----------
    name : str
        A card's name, or one of its variants ("virchow2:class"); failing that a model name of timm, or
        "hf-hub:owner/name" for a page of the hub that timm can read, both with timm's normalisation.
    weights : path, "random" or None
        A local file (safetensors, or a plain state dict of torch); the word "random" for a seeded random
        network, to compare against; None for the weights of the hub that the card names.
    device : str
        "auto" (CUDA where there is one, else the CPU) or a name that torch knows.
    cards : Path
        Folder of the cards.

    Returns
    -------
    Encoder
        Ready to use, in evaluation mode.

    Raises
    ------
    ConfigError
        Unknown name; an encoder that is not supported; weights for an encoder that has none; a network without
        weights.
    InputError
        The weights file is missing, unreadable or of another network.
    SetupError
        The device or the hub is not available.
    """
    card = _usable_card(name, weights, cards)
    place = resolve_device(device)
    if card is not None and card.source == "descriptor":
        from models.encoders.stain_texture import StainTexture

        return StainTexture(card, place)
    from models.encoders.timm_encoder import card_of_timm_model, load_timm_encoder

    return load_timm_encoder(card or card_of_timm_model(name), weights, place, by_timm=card is None)


def encoder_facts(name: str, weights: Path | str | None = None, cards: Path = CARD_FOLDER) -> EncoderFacts:
    """Say what `get_encoder` would make, without loading or downloading weights.

    Returns
    -------
    EncoderFacts
        Its ``weights_sha256`` is None where weights of the hub are not in the cache, or are read by timm.

    Raises
    ------
    ConfigError, InputError
        As `get_encoder`, as far as that shows without the weights.
    """
    from pathlib import Path

    card = _usable_card(name, weights, cards)
    if str(weights) == "random" or (card is not None and card.source == "descriptor"):
        return get_encoder(name, weights, "cpu", cards)  # no weights are read
    from models.encoders.hub import cached_weights
    from models.encoders.weights import file_sha256, refuse_missing

    known = card is not None
    if card is None:
        from models.encoders.timm_encoder import card_of_timm_model

        card = card_of_timm_model(name)
    if weights is not None:
        refuse_missing(Path(weights))
        return CardFacts(card, file_sha256(Path(weights)))
    if card.hub_id is None:
        raise without_weights(card)
    file = cached_weights(card.hub_id, card.hub_file) if known else None
    return CardFacts(card, None if file is None else file_sha256(file))


def _usable_card(name: str, weights: Path | str | None, cards: Path) -> EncoderCard | None:
    card = find_card(name, cards)
    if card is not None and card.source == "unsupported":
        raise ConfigError(f"encoder {name!r} is not supported: {card.reason}")
    if card is not None and card.source == "descriptor" and weights is not None:
        raise ConfigError(f"encoder {name!r} has no weights; leave out --weights.")
    return card


def resolve_device(device: str) -> torch.device:
    """Turn "auto", "cpu", "cuda", "cuda:1" into a device that works here.

    Raises
    ------
    SetupError
        There is no such device.
    """
    import torch

    if device == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        place = torch.device(device)
        torch.zeros(1, device=place)
    except (RuntimeError, AssertionError) as error:
        raise SetupError(f"device {device!r} is not available here; use --device auto or --device cpu.") from error
    return place
