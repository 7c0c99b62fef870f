"""What the commands that work on a job have in common."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from pipelines.job import Plan


def show_plan(plans: list[Plan], as_json: bool) -> None:
    """Print a dry run: a table for a person, a list for a program."""
    from pipelines.job import plan_table

    typer.echo(json.dumps([vars(plan) for plan in plans], indent=1) if as_json else plan_table(plans))
