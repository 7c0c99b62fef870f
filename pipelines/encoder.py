"""What extraction asks of an encoder; ``models.encoders`` makes them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import torch


class EncoderFacts(Protocol):
    """What a plan asks of an encoder, which need not be loaded for it.

    Attributes
    ----------
    name : name of its card.
    card_sha256, weights_sha256 : identity of the card and of the weights ("" where there are none, None where that is
        not known before they are loaded).
    resize_px : side to which tiles are resized before the network sees them; None where they stay as they are.
    supported_mpp : (lowest, highest) µm/px it was made for, or None where that does not matter.
    """

    name: str
    card_sha256: str
    weights_sha256: str | None
    resize_px: int | None
    supported_mpp: tuple[float, float] | None


class Encoder(EncoderFacts, Protocol):
    """Turns tiles into vectors.

    Attributes
    ----------
    dim : length of a vector.
    input_px : side of the network's input.
    device : where tiles are to be put.
    """

    dim: int
    input_px: int
    device: torch.device

    def transform(self, tiles: torch.Tensor) -> torch.Tensor:
        """Resize and normalise (B, H, W, 3) uint8 tiles that lie on ``device``."""
        ...

    def __call__(self, batch: torch.Tensor) -> torch.Tensor:
        """Return (B, dim) floats of a transformed batch."""
        ...
