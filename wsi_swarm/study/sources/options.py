"""What a study file may say of a cohort: checked before anything is read or made."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from wsi_swarm.errors import ConfigError, InputError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

Share = Annotated[float, Field(gt=0, lt=1)]
FileName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$", max_length=64)]
"""A name that is part of patients' ids and of file names."""


class Options(BaseModel):
    """Options of one kind of source; subclasses say which there are."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


OptionsT = TypeVar("OptionsT", bound=Options)


@dataclass(frozen=True)
class Place:
    """Where a cohort comes from and goes to.

    Attributes
    ----------
    name
        Of the cohort.
    data
        Folder at which relative paths of the options begin.
    work
        Folder of what is made.
    seed
        Of what is drawn or chosen.
    """

    name: str
    data: Path
    work: Path
    seed: int

    def file(self, option: str, path: str) -> Path:
        """Return the file that an option names.

        Raises
        ------
        InputError
            If it is not there.
        """
        return self._there(option, path, self.data / path, (self.data / path).is_file(), "file")

    def folder(self, option: str, path: str) -> Path:
        """Return the folder that an option names; raises as ``file``."""
        return self._there(option, path, self.data / path, (self.data / path).is_dir(), "folder")

    def _there(self, option: str, path: str, found: Path, there: bool, what: str) -> Path:
        if not there:
            msg = (
                f"cohort '{self.name}': {option} = '{path}' is no {what} ({found}); correct it, or name the folder at "
                "which it begins with --data"
            )
            raise InputError(msg)
        return found


def parse_options(cls: type[OptionsT], cohort: str, kind: str, values: Mapping[str, Any]) -> OptionsT:
    """Check the options of a cohort.

    Raises
    ------
    ConfigError
        Naming every unknown, missing or impossible option, and those that there are.
    """
    try:
        return cls.model_validate(dict(values))
    except ValidationError as error:
        faults: dict[str, list[str]] = {}
        for one in error.errors():
            start, end = _fault(one)
            faults.setdefault(start, []).append(end)
        wrong = "; ".join(f"{start}{' or '.join(dict.fromkeys(said))}" for start, said in faults.items())
        known = ", ".join(name if field.is_required() else f"{name}?" for name, field in cls.model_fields.items())
        msg = f"cohort '{cohort}': {wrong}; kind '{kind}' takes {known} (? may be left out)"
        raise ConfigError(msg) from error


def _fault(error: Any) -> tuple[str, str]:
    """Return how the sentence on an option starts, and how it ends."""
    name = str(error["loc"][0]) if error["loc"] else ""
    if error["type"] == "missing" and len(error["loc"]) == 1:
        return f"{name} is missing", ""
    if error["type"] == "extra_forbidden":
        return f"{name} is unknown", ""
    said = error["msg"].removeprefix("Value error, ")
    return (f"{name}: ", f"{said[:1].lower()}{said[1:]}, not {error['input']!r}") if name else (said, "")


def each(name: str, values: Any, count: int) -> list[Any]:
    """Spread one value over all centres, or check that there is one for each.

    Raises
    ------
    ValueError
        If their number differs.
    """
    spread = list(values) if isinstance(values, list | tuple) else [values] * count
    if len(spread) != count:
        msg = f"{name} has {len(spread)} values for {count} centres; give one for each, or one for all"
        raise ValueError(msg)
    return spread
