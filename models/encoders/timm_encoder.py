"""Networks that timm builds, as encoders: weights from a file or the hub, all pixel work on the device."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import timm
import torch
from torch.nn import functional

from models.encoders.card import EncoderCard, unknown_encoder, without_weights
from models.encoders.facts import CardFacts
from models.encoders.hub import from_hub, hub_weights
from models.encoders.networks import arguments, build_network, of_right_length, pooled
from models.encoders.weights import file_sha256, fill_network, read_weights, state_sha256
from pipelines.errors import InputError

if TYPE_CHECKING:
    from torch import Tensor, nn

RANDOM_SEED = 0
HUB_PREFIX = "hf-hub:"


class TimmEncoder(CardFacts):
    """A network with its card's normalisation and pooling (`pipelines.encoder.Encoder`).

    Parameters
    ----------
    card : EncoderCard
        What it is.
    network : nn.Module
        The network, with weights.
    weights_sha256 : str
        Identity of the weights; begins with "random:" for a random network.
    device : torch.device
        Where it runs.
    """

    def __init__(self, card: EncoderCard, network: nn.Module, weights_sha256: str, device: torch.device) -> None:
        super().__init__(card, weights_sha256)
        self.device = device
        self._card = card
        self._network = network.eval().requires_grad_(False).to(device)
        self._mean = torch.tensor(card.mean, device=device).view(3, 1, 1)
        self._std = torch.tensor(card.std, device=device).view(3, 1, 1)
        if device.type == "cuda":
            self._network.to(memory_format=torch.channels_last)

    def transform(self, tiles: Tensor) -> Tensor:
        """Resize, crop where the card says so, and normalise.

        Parameters
        ----------
        tiles : Tensor
            uint8 (B, H, W, 3), on the device.

        Returns
        -------
        Tensor
            float32 (B, 3, input_px, input_px).
        """
        planes = tiles.permute(0, 3, 1, 2).float() / 255
        side, kept = self._card.resize_side, self.input_px
        if planes.shape[2:] != (side, side):
            mode = self._card.interpolation
            planes = functional.interpolate(planes, (side, side), mode=mode, antialias=True, align_corners=False)
            planes = planes.clamp(0, 1)  # bicubic overshoots
        if side != kept:
            edge = round((side - kept) / 2)
            planes = planes[:, :, edge : edge + kept, edge : edge + kept]
        return (planes - self._mean) / self._std

    @torch.inference_mode()
    def __call__(self, batch: Tensor) -> Tensor:
        """Encode a transformed batch.

        Returns
        -------
        Tensor
            float32 (B, dim).

        Raises
        ------
        InputError
            The network's vectors are not as long as the card says.
        """
        mixed = self.device.type == "cuda" and self._card.precision != "float32"
        with torch.autocast(self.device.type, dtype=getattr(torch, self._card.precision), enabled=mixed):
            features = pooled(self._network, self._card.pooling, batch)
        if features.shape[1:] != (self.dim,):
            raise InputError(
                f"encoder {self.name!r} gave vectors of shape {tuple(features.shape[1:])}, its card says {self.dim}; "
                "correct dim or pooling of the card."
            )
        return features.float()


def load_timm_encoder(
    card: EncoderCard, weights: Path | str | None, device: torch.device, by_timm: bool = False
) -> TimmEncoder:
    """Build the card's network and give it weights: a file's, the hub's, or random ones if asked by that word.

    Parameters
    ----------
    by_timm : bool
        timm itself reads the hub, as it must for its models without a card, whose files it may have to convert. A
        card's weights are read from the hub as from a local file, so that both have the same identity.

    Raises
    ------
    ConfigError
        No weights were given and the card names none; timm can't build the network.
    InputError
        The file does not fit.
    SetupError
        The hub did not give the weights.
    """
    of_card = f"the weights of encoder {card.name!r}"
    if weights is not None and str(weights) == "random":
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(RANDOM_SEED)
            network = build_network(card)
        identity = f"random:seed={RANDOM_SEED}:{state_sha256(network)}"
    elif weights is not None:
        network, identity = _from_file(card, Path(weights))
    elif card.hub_id is None:
        raise without_weights(card)
    elif by_timm:
        name = f"{HUB_PREFIX}{card.hub_id}"
        network = from_hub(of_card, card.hub_id, lambda: timm.create_model(name, pretrained=True, **arguments(card)))
        network, identity = of_right_length(network, card), state_sha256(network)
    else:
        network, identity = _from_file(card, hub_weights(of_card, card.hub_id, card.hub_file))
    return TimmEncoder(card, network, identity, device)


def _from_file(card: EncoderCard, path: Path) -> tuple[nn.Module, str]:
    state = read_weights(path)
    network = _unfilled(card)
    head = getattr(network, "pretrained_cfg", {}).get("classifier")
    fill_network(network, state, path, head, card.keys, card.pos_embed)
    return network, file_sha256(path)


def _unfilled(card: EncoderCard) -> nn.Module:
    """Build without drawing random weights, unless the network computes tables that no file holds."""
    with torch.device("meta"):
        network = build_network(card)
    held = network.state_dict()
    return build_network(card) if any(name not in held for name, _ in network.named_buffers()) else network


def card_of_timm_model(name: str) -> EncoderCard:
    """Make a card for a model of timm that has none, from timm's own configuration.

    Parameters
    ----------
    name : str
        Model of timm, with or without a tag ("resnet50.tv_in1k"), or "hf-hub:owner/name": a page of the hub whose
        configuration timm reads.

    Raises
    ------
    ConfigError
        timm has no such model.
    SetupError
        The hub is out of reach.
    """
    on_hub = name.startswith(HUB_PREFIX)
    if not on_hub and not timm.is_model(name):
        raise unknown_encoder(name)
    given: dict[str, bool | int | float | str | list[int]] = {"num_classes": 0}
    if on_hub:
        hub_id = name.removeprefix(HUB_PREFIX)
        instead = "name a card or a model of timm, whose weights can be given with --weights FILE"
        network = from_hub(f"the configuration of encoder {name!r}", hub_id, lambda: _skeleton(name, given), instead)
    else:
        network = _skeleton(name, given)
        hub_id = network.pretrained_cfg.get("hf_hub_id")
    config: dict[str, Any] = timm.data.resolve_model_data_config(network)
    return EncoderCard(
        name=re.sub(r"[^A-Za-z0-9._-]+", "-", name),
        source="timm",
        timm_model=name,
        hub_id=hub_id,
        kwargs=given,
        input_px=config["input_size"][1],
        dim=network.num_features,
        mean=tuple(config["mean"]),
        std=tuple(config["std"]),
        interpolation="bicubic" if config["interpolation"] == "bicubic" else "bilinear",
        pooling="network",
        precision="float16",
        licence=f"See the page of the weights: https://huggingface.co/{hub_id}" if hub_id else "Yours.",
        description="A model of timm without a card of its own.",
    )


def _skeleton(name: str, given: dict[str, Any]) -> nn.Module:
    with torch.device("meta"):
        return timm.create_model(name, pretrained=False, **given)
