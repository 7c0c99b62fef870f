"""A command that also has subcommands: ``heatmap SLIDE`` and ``heatmap evaluate``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import typer
from typer.core import TyperCommand

if TYPE_CHECKING:
    from collections.abc import Callable


class Branching(TyperCommand):
    """Hands over to a subcommand if the first word is its name, and is an ordinary command otherwise.

    A file that is called like a subcommand is named by its path: ``./evaluate``.
    """

    branches: ClassVar[dict[str, Callable[..., None]]] = {}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        group = typer.Typer()
        # With a callback typer makes a group even of one command.
        group.callback()(lambda: None)
        for name, function in self.branches.items():
            group.command(name)(function)
        self._group: Any = typer.main.get_command(group)
        self.commands: dict[str, Any] = self._group.commands

    def make_context(self, info_name: str | None, args: list[str], parent: Any = None, **extra: Any) -> Any:
        """Make the context of the subcommand that the first word names, or of this command."""
        if args and args[0] in self.commands:
            above = self.context_class(self._group, info_name=info_name, parent=parent)
            return self.commands[args[0]].make_context(args[0], args[1:], parent=above, **extra)
        return super().make_context(info_name, args, parent, **extra)
