"""The table of items: which tile or slide, of which group, and what must never be told."""

from __future__ import annotations

from typing import TYPE_CHECKING

from heatmaps.readers.kit.item import Item
from heatmaps.readers.kit.item_rules import check_row, check_table, needed_columns
from pipelines.damage import TABLE_DAMAGE
from pipelines.errors import ConfigError, InputError

if TYPE_CHECKING:
    from pathlib import Path

    from heatmaps.readers.kit.study_file import Template

KINDS = ("study", "control", "training")
SECRET_COLUMNS = ("patient", "centre", "class", "model", "score")
"""May stand in the table for the analysis and for the proof of blinding; they get into the key, never into a kit."""
_TEXTS = ("group", "picture", "slide", "feedback", "feedback_de", *SECRET_COLUMNS)
_PAIRS = ("picture_a", "picture_b", "scores_a", "scores_b", "measure_a", "measure_b", "method_a", "method_b")
_TEMPLATE_COLUMNS: dict[Template, tuple[str, ...]] = {
    "tile-plausibility": (),
    "heatmap-preference": (*_PAIRS, "target"),
    "ai-assistance": ("ai", "ai_picture", "scores", "measure", "target", "truth"),
}


def read_items(path: Path, template: Template = "tile-plausibility") -> list[Item]:
    """Read a table of items: CSV with commas, semicolons or tabs.

    Raises
    ------
    InputError
        It is missing or no table.
    ConfigError
        A column is unknown or missing, or a row is not an item of this template; with the row.
    """
    import pandas as pd  # half a second

    try:
        head = path.read_text(encoding="utf-8-sig").splitlines()[0]
        separator = max(",;\t", key=head.count)
        table = pd.read_csv(path, dtype=str, keep_default_na=False, sep=separator, encoding="utf-8-sig")
    except TABLE_DAMAGE as error:
        raise InputError(f"{path} cannot be read as a table: {str(error)[:200] or type(error).__name__}") from error
    columns = (*_TEXTS, "x", "y", "kind", *_TEMPLATE_COLUMNS[template])
    unknown = [name for name in table.columns if name not in columns]
    lacks = needed_columns(template, set(table.columns))
    if unknown or lacks:
        what = f"the column {unknown[0]} is unknown" if unknown else f"it needs {lacks}"
        raise ConfigError(f"{path}: {what}; columns of the template {template} may be {', '.join(columns)}")
    items = [
        _item(path, row, {str(key): str(value).strip() for key, value in cells.items()}, template)
        for row, cells in enumerate(table.to_dict("records"), start=2)
    ]
    check_table(path, items)
    return items


def _item(path: Path, row: int, cells: dict[str, str], template: Template) -> Item:
    kind = cells.get("kind") or "study"
    if kind not in KINDS:
        raise ConfigError(f"{path}, row {row}: kind is '{kind}'; write {', '.join(KINDS)}, or leave it empty")
    if (cells.get("feedback") or cells.get("feedback_de")) and kind != "training":
        raise ConfigError(f"{path}, row {row}: only a training case has feedback; kind is {kind}")
    wrong = check_row(cells, kind, template)
    if wrong:
        raise ConfigError(f"{path}, row {row}: {wrong}")
    # Of these two templates a slide without a place is meant as a whole.
    whole = bool(cells.get("slide")) and template != "tile-plausibility" and not (cells.get("x") or cells.get("y"))
    try:
        x, y = (float(cells.get(name) or "nan") if cells.get("slide") and not whole else 0.0 for name in ("x", "y"))
    except ValueError:
        x = y = float("nan")
    if not (abs(x) < 1e9 and abs(y) < 1e9):
        raise ConfigError(f"{path}, row {row}: x and y must be numbers, the tile's upper left corner in level-0 px")
    texts = {name: cells.get(name, "") for name in (*_TEXTS, *_TEMPLATE_COLUMNS[template])}
    return Item.model_validate({"item": f"item-{row - 1:04d}", "kind": kind, "x": x, "y": y, "whole": whole, **texts})
