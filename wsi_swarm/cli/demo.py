"""``wsi-swarm demo``: the whole way on a drawn cohort."""

from __future__ import annotations

from pathlib import Path

import typer


def register(app: typer.Typer) -> None:
    """Add this command to the application."""
    app.command("demo")(demo)


def demo(
    out: Path = typer.Option(Path("demo-out"), help="Folder for everything; run again with it to go on."),
    seed: int = typer.Option(7, help="Seed of cohort and training; the same seed gives the same table."),
    as_json: bool = typer.Option(False, "--json", help="Print the summary as one JSON document."),
) -> None:
    """Draw a cohort of four centres and take it the whole way: tiles, features, local, merged and swarm, a heatmap.

    The slides are drawn, not real: the demo shows that and how the software works, and nothing about patients.
    """
    import json

    from wsi_swarm.study.demo.demo import DemoPlan, demo_recipe, run_demo
    from wsi_swarm.study.demo.summary import as_document, as_words

    plan = DemoPlan(seed=seed, recipe=demo_recipe(seed))
    result = run_demo(out.absolute(), plan, say=lambda line: typer.echo(line, err=True))
    print(json.dumps(as_document(result, plan.recipe.describe()), indent=1) if as_json else as_words(result))
