"""What is known of an encoder before it is loaded."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from models.encoders.card import EncoderCard


class CardFacts:
    """What a card says of an encoder, with the identity of its weights (`pipelines.encoder.EncoderFacts`).

    Parameters
    ----------
    card : EncoderCard
        What it is.
    weights_sha256 : str or None
        Identity of the weights; None where it is not known.
    """

    def __init__(self, card: EncoderCard, weights_sha256: str | None) -> None:
        self.name = card.name
        self.card_sha256 = card.sha256
        self.weights_sha256 = weights_sha256
        self.dim = card.dim
        self.input_px = card.input_px
        self.resize_px = card.resize_side  # a tile read with this side is not resized
        self.supported_mpp = card.supported_mpp
