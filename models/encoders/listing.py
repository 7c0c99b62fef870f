"""The cards as a list for people and for programs. Loads no network library."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Any

from models.encoders.card import CARD_FOLDER, list_cards

if TYPE_CHECKING:
    from pathlib import Path

    from models.encoders.card import EncoderCard

_INDENT = " " * 4
_WIDTH = 118


def describe_cards(folder: Path = CARD_FOLDER) -> list[dict[str, Any]]:
    """Describe every card: plain values."""
    return [_describe(card) for card in list_cards(folder)]


def cards_as_text(folder: Path = CARD_FOLDER) -> str:
    """Print every card: one line of numbers each, below it what it is, its terms and how its facts were checked."""
    lines = [f"{'encoder':<22}{'dim':>5}  {'reads':<12}{'precision':<10}{'µm/px':<10}weights"]
    for card in describe_cards(folder):
        low_high = card["supported_mpp"]
        scale = f"{low_high[0]:g}-{low_high[1]:g}" if low_high else "not stated"
        reads = f"{card['resize_px']} px" if card["supported"] else "-"
        if card["resize_px"] != card["input_px"]:
            reads = f"{card['resize_px']}→{card['input_px']} px"
        row = f"{card['name']:<22}{card['dim']:>5}  {reads:<12}{card['precision']:<10}{scale:<11}{card['weights']}"
        lines += ["", row]
        lines += [f"{variant['name']:<22}{variant['dim']:>5}  {variant['description']}" for variant in card["variants"]]
        words = [card["description"], f"Not supported: {card['reason']}" if card["reason"] else "", card["licence"]]
        if card["verified"]:
            words.append(f"Checked: {card['verified']}")
        for text in filter(None, words):
            lines += textwrap.wrap(text, _WIDTH, initial_indent=_INDENT, subsequent_indent=_INDENT + "  ")
    lines += ["", "Any other model name of timm works too, with its own normalisation, and so does hf-hub:OWNER/NAME."]
    return "\n".join(lines)


def _describe(card: EncoderCard) -> dict[str, Any]:
    return {
        "name": card.name,
        "source": card.source,
        "supported": card.source != "unsupported",
        "dim": card.dim,
        "variants": [
            {
                "name": f"{card.name}:{key}",
                "dim": variant.dim,
                "description": variant.description,
                "card_sha256": card.variant(key).sha256,
            }
            for key, variant in card.variants.items()
        ],
        "input_px": card.input_px,
        "resize_px": card.resize_side,
        "precision": card.precision,
        "weights": _weights(card),
        "hub_id": card.hub_id,
        "hub_file": card.hub_file,
        "supported_mpp": card.supported_mpp,
        "licence": card.licence,
        "description": card.description,
        "verified": card.verified,
        "reason": card.reason,
        "card_sha256": card.sha256,
    }


def _weights(card: EncoderCard) -> str:
    if card.source == "unsupported":
        return "not supported"
    if card.source == "descriptor":
        return "none needed"
    return "--weights FILE" if card.hub_id is None else f"--weights FILE, or hub: {card.hub_id}"
