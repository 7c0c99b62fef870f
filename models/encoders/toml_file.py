"""Data that describes encoders, from TOML files."""

from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING, TypeVar

from pydantic import BaseModel, ValidationError

from pipelines.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path

Content = TypeVar("Content", bound=BaseModel)


def load_toml(path: Path, kind: type[Content], what: str) -> Content:
    """Read a file whose content is one ``kind``; ``what`` names it in messages, such as "encoder card".

    Raises
    ------
    ConfigError
        Not TOML, an unknown or missing key, or a value out of range.
    """
    try:
        return kind.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: the {what} is no valid TOML: {error}.") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "content"
        raise ConfigError(f"{path}: {where} of the {what} is invalid: {first['msg']}.") from error
