"""Where pictures lie in a kit, and which of an item's pictures each is."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from heatmaps.readers.kit.item import Item
    from heatmaps.readers.kit.key import Key, Showing

_SEPARATOR = "/"


def picture_path(opaque: str, layer: str = "") -> str:
    """Return where a picture lies in the kit."""
    return f"items/{opaque}-{layer}.jpg" if layer else f"items/{opaque}.jpg"


def picture_name(item: str, heatmap: str = "") -> str:
    """Return the name of an item's picture outside of kits; ``heatmap`` is ``a``, ``b``, ``ai`` or none (tissue)."""
    return f"{item}{_SEPARATOR}{heatmap}" if heatmap else item


def layers(item: Item, one: Showing) -> dict[str, tuple[str, str]]:
    """Return the layers of a showing: ``ground``, ``left``, ``right``, ``ai`` to path in the kit and picture's name.

    A layer is there only where the reader may see it: the AI's heatmap in no showing without the AI.
    """
    found: dict[str, tuple[str, str]] = {}
    if item.picture or item.slide:
        found["ground"] = (picture_path(one.ground or one.opaque), picture_name(item.item))
    if one.left:
        right = "b" if one.left == "a" else "a"
        found["left"] = (picture_path(one.opaque, "left"), picture_name(item.item, one.left))
        found["right"] = (picture_path(one.opaque, "right"), picture_name(item.item, right))
    if one.reading == "with" and "ai" in item.heatmaps:
        found["ai"] = (picture_path(one.opaque, "ai"), picture_name(item.item, "ai"))
    return found


def kit_pictures(key: Key, reader: str) -> dict[str, str]:
    """Return all pictures of a reader's kit: path in the kit to picture's name."""
    items = {item.item: item for item in key.items}
    return dict(place for one in key.showings[reader] for place in layers(items[one.item], one).values())
