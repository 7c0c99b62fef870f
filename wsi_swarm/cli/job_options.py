"""What the commands that work on a job have in common."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from pipelines.job import Plan


_PANEL = "Which slides"

SHARD = typer.Option(
    None,
    help="Work on part i of N of the slides, written i/N; for SLURM arrays, see scripts/slurm-array.sh.",
    rich_help_panel=_PANEL,
)
ONLY_FAILED = typer.Option(
    False, "--only-failed", help="Work on no slide but those whose last attempt failed.", rich_help_panel=_PANEL
)
FORCE = typer.Option(False, "--force", help="Do again what is done.", rich_help_panel=_PANEL)
DRY_RUN = typer.Option(
    False, "--dry-run", help="Say what would be done with each slide and why; do nothing.", rich_help_panel=_PANEL
)


def show_plan(plans: list[Plan], as_json: bool) -> None:
    """Print a dry run: a table for a person, a list for a program."""
    from pipelines.job import plan_table

    typer.echo(json.dumps([vars(plan) for plan in plans], indent=1) if as_json else plan_table(plans))
