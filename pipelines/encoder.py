"""What extraction asks of an encoder; ``models.encoders`` makes them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import torch


class Encoder(Protocol):
    """Turns tiles into vectors.

    Attributes
    ----------
    name : name of its card.
    card_sha256, weights_sha256 : identity of the card and of the weights ("" where there are none).
    dim : length of a vector.
    input_px : side of the network's input.
    resize_px : side to which tiles are resized before the network sees them; None where they stay as they are.
    device : where tiles are to be put.
    supported_mpp : (lowest, highest) µm/px it was made for, or None where that does not matter.
    """

    name: str
    card_sha256: str
    weights_sha256: str
    dim: int
    input_px: int
    resize_px: int | None
    device: torch.device
    supported_mpp: tuple[float, float] | None

    def transform(self, tiles: torch.Tensor) -> torch.Tensor:
        """Resize and normalise (B, H, W, 3) uint8 tiles that lie on ``device``."""
        ...

    def __call__(self, batch: torch.Tensor) -> torch.Tensor:
        """Return (B, dim) floats of a transformed batch."""
        ...
