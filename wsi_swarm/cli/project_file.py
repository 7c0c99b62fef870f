"""``wsi-swarm.toml``: option values by command, so that a centre types them once.

Order of precedence: flag, environment ``WSI_SWARM_<COMMAND>_<OPTION>``, project file, default. Sections are
named after the commands (``[tile]``, ``[train-swarm]``, ``[swarm.status]``), keys after the options without dashes.
"""

from __future__ import annotations

import os
import tomllib
from pathlib import Path
from typing import Any

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
    options = {parameter.name: parameter for parameter in command.params}
    accepted: dict[str, Any] = {}
    for key, value in values.items():
        name = key.replace("-", "_")
        if key in subcommands and isinstance(value, dict):
            accepted[key] = _section(path, subcommands[key], value, (*trail, key))
        elif trail and name in options and name != "help":
            accepted[name] = _relative_to(path.parent, value) if _is_path(options[name]) else value
        else:
            where = f"[{'.'.join(trail)}]" if trail else "its top level"
            known = sorted([*subcommands, *(n.replace("_", "-") for n in options if trail and n != "help")])
            msg = f"{path}: {where} does not know '{key}'; it knows {', '.join(known)}"
            raise ConfigError(msg)
    return accepted


def _is_path(option: Any) -> bool:
    return "path" in type(option.type).__name__.lower()


def _relative_to(folder: Path, value: Any) -> Any:
    if isinstance(value, list):
        return [_relative_to(folder, item) for item in value]
    return str(folder / value)
