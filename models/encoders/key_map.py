"""Tables that turn the names under which weights were published into the names of the network that timm builds.

A table is a TOML file in ``models/encoders/key_maps``: data, so that no code of a model's page is ever run.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, field_validator

from models.encoders.toml_file import load_toml
from pipelines.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor

KEY_MAP_FOLDER = Path(__file__).parent / "key_maps"


class KeyMap(BaseModel):
    """Rules, applied in this order.

    Attributes
    ----------
    drop : regular expressions; matching weights belong to parts that the encoder has no use for.
    rename : (regular expression, replacement), one after the other. A result "name#2" is part 2 of "name", whose
        parts, as many as there are such rules, are stacked by rows in the order of their numbers; "one;two" is cut
        into equal parts by rows.
    skip_rows : name to number of leading rows that are left away.
    batched : names whose tensors get leading axes of length one until they have three.
    fold_class_position : the position of the class token is added to it and taken from ``pos_embed``, for networks
        that keep the class token apart from the positions.
    zero : weights that the published network does not have and that are zero in timm's.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    drop: tuple[str, ...] = ()
    rename: tuple[tuple[str, str], ...] = ()
    skip_rows: dict[str, int] = {}
    batched: tuple[str, ...] = ()
    fold_class_position: bool = False
    zero: tuple[str, ...] = ()

    @field_validator("drop")
    @classmethod
    def _drop_compiles(cls, rules: tuple[str, ...]) -> tuple[str, ...]:
        for rule in rules:
            _compiled(rule)
        return rules

    @field_validator("rename")
    @classmethod
    def _rename_compiles(cls, rules: tuple[tuple[str, str], ...]) -> tuple[tuple[str, str], ...]:
        for rule, _ in rules:
            _compiled(rule)
        return rules

    def apply(self, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Translate a state dict; names that no rule knows stay as they are, and are found when it is loaded.

        Raises
        ------
        ValueError
            A part of a stacked weight is missing, or rows can't be cut into equal parts.
        """
        import torch

        whole: dict[str, Tensor] = {}
        parts: dict[str, dict[int, Tensor]] = {}
        for key, value in state.items():
            if any(re.search(rule, key) for rule in self.drop):
                continue
            name = key
            for rule, replacement in self.rename:
                name = re.sub(rule, replacement, name)
            names = name.split(";")
            if len(value) % len(names) if value.ndim and len(names) > 1 else False:
                raise ValueError(f"{key} has {len(value)} rows, which can't be cut into {len(names)}")
            for each, piece in zip(names, value.chunk(len(names)) if len(names) > 1 else [value], strict=True):
                stem, _, number = each.partition("#")
                if number:
                    parts.setdefault(stem, {})[int(number)] = piece
                else:
                    whole[each] = piece
        expected = sum(bool(number) for _, _, number in (new.partition("#") for _, new in self.rename))
        for stem, group in parts.items():
            if sorted(group) != list(range(expected)):
                raise ValueError(f"{stem} has only {len(group)} of its {expected} parts")
            whole[stem] = torch.cat([group[number] for number in range(expected)])
        for name, rows in self.skip_rows.items():
            if name in whole:
                whole[name] = whole[name][rows:]
        for name in self.batched:
            while name in whole and whole[name].ndim < 3:
                whole[name] = whole[name][None]
        return whole


def _compiled(rule: str) -> re.Pattern[str]:
    try:
        return re.compile(rule)
    except re.error as error:
        raise ValueError(f"{rule!r} is no regular expression: {error}") from error


@cache
def load_key_map(name: str, folder: Path = KEY_MAP_FOLDER) -> KeyMap:
    """Read a table.

    Raises
    ------
    ConfigError
        There is no such table, or it is invalid.
    """
    path = folder / f"{name}.toml"
    if path not in folder.glob("*.toml"):
        known = ", ".join(sorted(each.stem for each in folder.glob("*.toml")))
        raise ConfigError(f"no key map {name!r}; there are: {known}.")
    return load_toml(path, KeyMap, "key map")
