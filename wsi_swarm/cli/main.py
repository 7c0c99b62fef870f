"""The command line's root: registers the commands and turns errors into one sentence and an exit code."""

from __future__ import annotations

import sys
from importlib import import_module

import typer

from wsi_swarm import __version__
from wsi_swarm.cli.project_file import defaults_for
from wsi_swarm.errors import WsiSwarmError
from wsi_swarm.leaving import leave

COMMANDS = (
    "tile",
    "extract",
    "convert",
    "inspect",
    "validate",
    "train",
    "train_table",
    "crossval",
    "predict",
    "evaluate",
    "heatmap",
    "report",
    "view",
    "reader",
    "chain",
    "swarm",
    "train_swarm",
    "study",
    "demo",
    "doctor",
)
"""Modules of ``wsi_swarm.cli`` in the order in which ``--help`` lists them; each has ``register(app)``."""

app = typer.Typer(
    name="wsi-swarm",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Train one MSI/BRAF model between pathology centres that cannot share their slides.",
)


def _print_version(asked: bool) -> None:
    if asked:
        typer.echo(__version__)
        raise typer.Exit


@app.callback()
def root(
    version: bool = typer.Option(
        False, "--version", is_eager=True, callback=_print_version, help="Print the version and exit."
    ),
) -> None:
    """Slides -> tiles -> embeddings -> one shared model -> heatmaps."""


for _name in COMMANDS:
    import_module(f"wsi_swarm.cli.{_name}").register(app)


def main() -> None:
    """Run the command line and exit with its code; the codes are listed in ``docs/exit-codes.md``."""
    try:
        command = typer.main.get_command(app)
        command(prog_name="wsi-swarm", auto_envvar_prefix="WSI_SWARM", default_map=defaults_for(command))
    except WsiSwarmError as error:
        print(f"wsi-swarm: {error}", file=sys.stderr)
        leave(error.exit_code)
    except SystemExit as end:
        leave(end.code if isinstance(end.code, int) else int(end.code is not None))


if __name__ == "__main__":
    main()
