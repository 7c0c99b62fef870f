"""What a row of the table of items must hold, by template; sentences for what it does not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipelines.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from heatmaps.readers.kit.item import Item
    from heatmaps.readers.kit.study_file import Template


def needed_columns(template: Template, there: set[str]) -> str | None:
    """Return in words which columns a table lacks, or None."""
    if template == "tile-plausibility":
        enough = "group" in there and bool({"picture", "slide"} & there)
        return None if enough else "group, and picture or slide, x and y"
    if template == "heatmap-preference":
        drawn, made = {"slide", "scores_a", "scores_b", "target"}, {"picture_a", "picture_b"}
        enough = {"method_a", "method_b"} <= there and (drawn <= there or made <= there)
        return (
            None
            if enough
            else "method_a and method_b, and picture_a and picture_b or slide, scores_a, scores_b, target"
        )
    enough = {"ai", "truth"} <= there and bool({"picture", "slide"} & there)
    return None if enough else "ai, truth, and picture or slide"


def check_row(cells: Mapping[str, str], kind: str, template: Template) -> str | None:
    """Return what is wrong with a row, or None."""
    if template == "tile-plausibility":
        if not cells["group"] and kind != "training":
            return "group is empty; every item belongs to one"
        if bool(cells.get("picture")) == bool(cells.get("slide")):
            return "give either a picture, or a slide with x and y"
        return None
    return _pair(cells) if template == "heatmap-preference" else _case(cells, kind)


def _pair(cells: Mapping[str, str]) -> str | None:
    get = lambda name: cells.get(name, "")  # noqa: E731 - a short name for what is asked ten times
    if not get("method_a") or not get("method_b") or get("method_a") == get("method_b"):
        return "method_a and method_b must name two methods"
    for name in ("method_a", "method_b"):
        if get(name) in ("left", "right", "equal", "cannot_judge"):
            return f"{name} is {get(name)}, which is an answer; name the method otherwise"
    made = bool(get("picture_a")), bool(get("picture_b"))
    drawn = bool(get("scores_a")), bool(get("scores_b"))
    if all(made) and not any(drawn):
        return (
            "a slide goes with scores_a and scores_b; beside picture_a and picture_b give picture"
            if get("slide")
            else None
        )
    if all(drawn) and not any(made):
        if not get("slide") or not get("target") or get("picture"):
            return "scores_a and scores_b need the slide (a file below items.slides) and the target, and no picture"
        return "two whole slides are compared; leave x and y empty" if get("x") or get("y") else None
    return "give both picture_a and picture_b, or both scores_a and scores_b with slide and target"


def _case(cells: Mapping[str, str], kind: str) -> str | None:
    get = lambda name: cells.get(name, "")  # noqa: E731
    if bool(get("picture")) == bool(get("slide")):
        return "give either a picture, or a slide (with x and y, or as a whole)"
    try:
        known = 0 <= float(get("ai")) <= 1
    except ValueError:
        known = False
    if not known:
        return f"ai is '{get('ai')}'; write the AI's probability as a number from 0 to 1"
    if get("truth") not in ("0", "1") and not (kind == "training" and not get("truth")):
        return f"truth is '{get('truth')}'; write 1 where the case has what readers look for, else 0"
    if get("ai_picture") and get("scores"):
        return "give the AI's heatmap once: as ai_picture, or as scores with target"
    if get("scores") and (not get("slide") or not get("target") or get("x")):
        return "scores are drawn on whole slides: give slide and target, and leave x and y empty"
    return None


def check_table(path: Path, items: Sequence[Item]) -> None:
    """Refuse a table without items to judge, with one item twice, or with rows of unlike make.

    Raises
    ------
    ConfigError
        With the items.
    """
    if not any(item.kind != "training" for item in items):
        raise ConfigError(f"{path} holds no item to judge")
    seen: dict[tuple[object, ...], str] = {}
    for item in items:
        pair = (item.picture_a, item.picture_b, item.scores_a, item.scores_b, item.target, *item.methods)
        place = (item.picture, item.slide, item.x, item.y, *pair)
        if place in seen:
            raise ConfigError(f"{path}: {item.item} is the same tile as {seen[place]}; repeats are made by the study")
        seen[place] = item.item
    # Where some cases have a heatmap or tissue to switch to and others have not, that alone tells them apart.
    for what, has in (
        ("a heatmap", [bool(item.heatmaps) for item in items]),
        ("tissue to switch to (picture or slide)", [bool(item.picture or item.slide) for item in items]),
    ):
        if any(has) and not all(has):
            one, other = items[has.index(True)].item, items[has.index(False)].item
            raise ConfigError(
                f"{path}: {one} has {what} and {other} has none, which tells them apart; give all or none"
            )
