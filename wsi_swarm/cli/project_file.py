"""``wsi-swarm.toml``: option values by command, so that a centre types them once.

Order of precedence: flag, environment ``WSI_SWARM_<COMMAND>_<OPTION>``, project file, default. Sections are
named after the commands (``[tile]``, ``[train-swarm]``, ``[swarm.status]``), keys after the options without dashes.
"""

from __future__ import annotations

import os
import tomllib
from pathlib import Path
from typing import Any, get_args

from wsi_swarm.errors import ConfigError

PROJECT_FILE = "wsi-swarm.toml"


def defaults_for(command: Any, path: Path | None = None) -> dict[str, Any]:
    """Read the project file of this folder (or ``WSI_SWARM_PROJECT``) into click's ``default_map``.

    Paths in the file are relative to the file. An unknown section or key is refused.
    """
    path = path or Path(os.environ.get("WSI_SWARM_PROJECT", PROJECT_FILE))
    if not path.is_file():
        if "WSI_SWARM_PROJECT" in os.environ:
            msg = f"{path} (from WSI_SWARM_PROJECT) does not exist; name an existing project file"
            raise ConfigError(msg)
        return {}
    try:
        sections = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        msg = f"{path} is not valid TOML: {error}"
        raise ConfigError(msg) from error
    return _section(path, command, sections, trail=())


def _section(path: Path, command: Any, values: dict[str, Any], trail: tuple[str, ...]) -> dict[str, Any]:
    subcommands: dict[str, Any] = getattr(command, "commands", {})
    options = {spelling: option for option in command.params for spelling in _spellings(option)}
    accepted: dict[str, Any] = {}
    for key, value in values.items():
        if key in subcommands and isinstance(value, dict):
            accepted[key] = _section(path, subcommands[key], value, (*trail, key))
        elif trail and key in options:
            option = options[key]
            value = _as_list(path, trail, key, value) if _takes_several(option) else value
            accepted[option.name] = _relative_to(path.parent, value) if _is_path(option) else value
        else:
            where = f"[{'.'.join(trail)}]" if trail else "its top level"
            known = sorted([*subcommands, *(options if trail else ())])
            msg = f"{path}: {where} does not know '{key}'; it knows {', '.join(known)}"
            raise ConfigError(msg)
    return accepted


def _spellings(option: Any) -> list[str]:
    """How the file names an option: as the command line does, without dashes in front; an argument by its name."""
    if option.param_type_name == "argument":
        return [option.name.replace("_", "-")]
    return [text.removeprefix("--") for text in option.opts if text.startswith("--") and text != "--help"]


def _takes_several(option: Any) -> bool:
    return bool(getattr(option, "multiple", False)) or option.nargs == -1


def _as_list(path: Path, trail: tuple[str, ...], key: str, value: Any) -> list[Any]:
    if isinstance(value, list):
        return value
    msg = f"{path}: '{key}' in [{'.'.join(trail)}] may be given several times, so it is a list: {key} = [{value!r}]"
    raise ConfigError(msg)


def _is_path(option: Any) -> bool:
    """Whether the option is a path, an optional path or a list of paths."""
    annotation = option.type_descriptor.annotation
    return Path in (annotation, *get_args(annotation))


def _relative_to(folder: Path, value: Any) -> Any:
    if isinstance(value, list):
        return [_relative_to(folder, item) for item in value]
    return str(folder / value)
