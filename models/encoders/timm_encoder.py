"""Networks that timm builds, as encoders: weights from a file or the hub, all pixel work on the device."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import timm
import torch
from huggingface_hub.errors import HTTPError
from timm.layers import SwiGLUPacked
from torch.nn import functional

from models.encoders.card import EncoderCard, unknown_encoder
from models.encoders.weights import file_sha256, fill_network, read_weights, state_sha256
from pipelines.errors import ConfigError, InputError, SetupError

if TYPE_CHECKING:
    from torch import Tensor, nn

RANDOM_SEED = 0
_LAYERS = {"SwiGLUPacked": SwiGLUPacked, "SiLU": torch.nn.SiLU}


class TimmEncoder:
    """A network with its card's normalisation and pooling (`pipelines.encoder.Encoder`).

    Parameters
    ----------
    card : EncoderCard
        What it is.
    network : nn.Module
        timm's network, with weights.
    weights_sha256 : str
        Identity of the weights; begins with "random:" for a random network.
    device : torch.device
        Where it runs.
    """

    def __init__(self, card: EncoderCard, network: nn.Module, weights_sha256: str, device: torch.device) -> None:
        self.name = card.name
        self.card_sha256 = card.sha256
        self.weights_sha256 = weights_sha256
        self.dim = card.dim
        self.input_px = card.input_px
        self.supported_mpp = card.supported_mpp
        self.device = device
        self._card = card
        self._network = network.eval().requires_grad_(False).to(device)
        self._mean = torch.tensor(card.mean, device=device).view(3, 1, 1)
        self._std = torch.tensor(card.std, device=device).view(3, 1, 1)
        if device.type == "cuda":
            self._network.to(memory_format=torch.channels_last)

    def transform(self, tiles: Tensor) -> Tensor:
        """Resize and normalise.

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
        size = (self.input_px, self.input_px)
        if planes.shape[2:] != size:
            mode = self._card.interpolation
            planes = functional.interpolate(planes, size, mode=mode, antialias=True, align_corners=False)
            planes = planes.clamp(0, 1)  # bicubic overshoots
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
            if self._card.pooling == "class+mean":
                tokens = self._network.forward_features(batch)
                patches = tokens[:, self._network.num_prefix_tokens :]
                features = torch.cat([tokens[:, 0], patches.mean(1)], -1)
            else:
                features = self._network(batch)
        if features.shape[1:] != (self.dim,):
            raise InputError(
                f"encoder {self.name!r} gave vectors of shape {tuple(features.shape[1:])}, its card says {self.dim}; "
                "correct dim or pooling of the card."
            )
        return features.float()


def load_timm_encoder(card: EncoderCard, weights: Path | str | None, device: torch.device) -> TimmEncoder:
    """Build the card's network and give it weights: a file's, the hub's, or random ones if asked by that word.

    Raises
    ------
    ConfigError
        No weights were given and the card names none; timm can't build the network.
    InputError
        The file does not fit.
    SetupError
        The hub did not give the weights.
    """
    if weights is not None and str(weights) == "random":
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(RANDOM_SEED)
            network = build_network(card)
        identity = f"random:seed={RANDOM_SEED}:{state_sha256(network)}"
    elif weights is not None:
        path = Path(weights)
        state = read_weights(path)
        network = build_network(card)
        fill_network(network, state, network.pretrained_cfg.get("classifier"), path)
        identity = file_sha256(path)
    elif card.hub_id is not None:
        network = _from_hub(card)
        identity = state_sha256(network)
    else:
        raise ConfigError(
            f"encoder {card.name!r} comes without weights: give --weights FILE, or --weights random for a random "
            "network to compare against."
        )
    return TimmEncoder(card, network, identity, device)


def build_network(card: EncoderCard) -> nn.Module:
    """Build the card's architecture, without weights.

    Raises
    ------
    ConfigError
        timm does not know the model or one of the arguments, or its vectors have another length than the card says.
    """
    try:
        network = timm.create_model(card.timm_model, pretrained=False, **_arguments(card))
    except (RuntimeError, TypeError, ValueError) as error:
        raise ConfigError(f"card {card.name!r}: timm can't build {card.timm_model!r}: {error}.") from error
    return _of_right_length(network, card)


def card_of_timm_model(name: str) -> EncoderCard:
    """Make a card for a model of timm that has none, from timm's own configuration.

    Parameters
    ----------
    name : str
        Model of timm, with or without a tag ("resnet50.tv_in1k").

    Raises
    ------
    ConfigError
        timm has no such model.
    """
    if not timm.is_model(name):
        raise unknown_encoder(name)
    arguments: dict[str, bool | int | float | str] = {"num_classes": 0}
    with torch.device("meta"):
        network = timm.create_model(name, pretrained=False, **arguments)
    hub_id = network.pretrained_cfg.get("hf_hub_id")
    config: dict[str, Any] = timm.data.resolve_model_data_config(network)
    return EncoderCard(
        name=re.sub(r"[^A-Za-z0-9._-]+", "-", name),
        source="timm",
        timm_model=name,
        hub_id=hub_id,
        kwargs=arguments,
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


def _arguments(card: EncoderCard) -> dict[str, Any]:
    return {key: _LAYERS.get(value, value) if key.endswith("_layer") else value for key, value in card.kwargs.items()}


def _from_hub(card: EncoderCard) -> nn.Module:
    try:
        network = timm.create_model(f"hf-hub:{card.hub_id}", pretrained=True, **_arguments(card))
    except (OSError, RuntimeError, ValueError, HTTPError) as error:
        raise SetupError(
            f"the weights of encoder {card.name!r} could not be had from https://huggingface.co/{card.hub_id} "
            f"({type(error).__name__}): get access there (the licence stands on that page) and log in, or download the "
            "file and give it with --weights FILE."
        ) from error
    return _of_right_length(network, card)


def _of_right_length(network: nn.Module, card: EncoderCard) -> nn.Module:
    length = network.num_features * (2 if card.pooling == "class+mean" else 1)
    if length != card.dim:
        raise ConfigError(f"card {card.name!r} says dim {card.dim}, but the network gives {length}; correct the card.")
    return network
