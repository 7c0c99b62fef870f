"""The table of items: which tile, of which group, and what must never be told."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from heatmaps.readers.kit.study_file import Strict
from pipelines.damage import TABLE_DAMAGE
from pipelines.errors import ConfigError, InputError

if TYPE_CHECKING:
    from pathlib import Path

    from heatmaps.readers.kit.study_file import Language

KINDS = ("study", "control", "training")
SECRET_COLUMNS = ("patient", "centre", "class", "model", "score")
"""May stand in the table for the analysis and for the proof of blinding; they get into the key, never into a kit."""
_COLUMNS = ("picture", "slide", "x", "y", "group", "kind", "feedback", "feedback_de", *SECRET_COLUMNS)


class Item(Strict):
    """A row of the table. Either ``picture`` is there, or ``slide`` with ``x`` and ``y`` in level-0 px."""

    item: str
    group: str
    kind: Literal["study", "control", "training"]
    picture: str = ""
    slide: str = ""
    x: float = 0.0
    y: float = 0.0
    feedback: str = ""
    feedback_de: str = ""
    patient: str = ""
    centre: str = ""
    klass: str = Field(default="", alias="class")
    model: str = ""
    score: str = ""

    def feedback_in(self, language: Language) -> str:
        """Return the feedback in a reader's language; one that was given once is the same for all."""
        return (language == "de" and self.feedback_de) or self.feedback


def read_items(path: Path) -> list[Item]:
    """Read a table of items: CSV with commas, semicolons or tabs.

    Raises
    ------
    InputError
        It is missing or no table.
    ConfigError
        A column is unknown or missing, or a row is not an item; with the row.
    """
    import pandas as pd  # half a second

    try:
        head = path.read_text(encoding="utf-8-sig").splitlines()[0]
        separator = max(",;\t", key=head.count)
        table = pd.read_csv(path, dtype=str, keep_default_na=False, sep=separator, encoding="utf-8-sig")
    except TABLE_DAMAGE as error:
        raise InputError(f"{path} cannot be read as a table: {str(error)[:200] or type(error).__name__}") from error
    unknown = [name for name in table.columns if name not in _COLUMNS]
    if unknown or "group" not in table.columns or not ({"picture", "slide"} & set(table.columns)):
        what = f"the column {unknown[0]} is unknown" if unknown else "it needs group, and picture or slide, x and y"
        raise ConfigError(f"{path}: {what}; columns may be {', '.join(_COLUMNS)}")
    items = [
        _item(path, row, {str(key): str(value).strip() for key, value in cells.items()})
        for row, cells in enumerate(table.to_dict("records"), start=2)
    ]
    _refuse_twins(path, items)
    return items


def _item(path: Path, row: int, cells: dict[str, str]) -> Item:
    kind = cells.get("kind") or "study"
    if kind not in KINDS:
        raise ConfigError(f"{path}, row {row}: kind is '{kind}'; write {', '.join(KINDS)}, or leave it empty")
    if not cells["group"] and kind != "training":
        raise ConfigError(f"{path}, row {row}: group is empty; every item belongs to one")
    if (cells.get("feedback") or cells.get("feedback_de")) and kind != "training":
        raise ConfigError(f"{path}, row {row}: only a training case has feedback; kind is {kind}")
    if bool(cells.get("picture")) == bool(cells.get("slide")):
        raise ConfigError(f"{path}, row {row}: give either a picture, or a slide with x and y")
    try:
        x, y = (float(cells.get(name) or "nan") if cells.get("slide") else 0.0 for name in ("x", "y"))
    except ValueError:
        x = y = float("nan")
    if not (abs(x) < 1e9 and abs(y) < 1e9):
        raise ConfigError(f"{path}, row {row}: x and y must be numbers, the tile's upper left corner in level-0 px")
    texts = {
        name: cells.get(name, "") for name in ("group", "picture", "slide", "feedback", "feedback_de", *SECRET_COLUMNS)
    }
    return Item.model_validate({"item": f"item-{row - 1:04d}", "kind": kind, "x": x, "y": y, **texts})


def _refuse_twins(path: Path, items: list[Item]) -> None:
    if not any(item.kind != "training" for item in items):
        raise ConfigError(f"{path} holds no item to judge")
    seen: dict[tuple[str, str, float, float], str] = {}
    for item in items:
        place = (item.picture, item.slide, item.x, item.y)
        if place in seen:
            raise ConfigError(f"{path}: {item.item} is the same tile as {seen[place]}; repeats are made by the study")
        seen[place] = item.item
