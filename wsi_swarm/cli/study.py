"""``wsi-swarm study``: studies from a file, and local, merged and swarm training side by side."""

from __future__ import annotations

from pathlib import Path

import typer

from wsi_swarm.cli.study_compare import compare
from wsi_swarm.cli.study_published import published


def register(app: typer.Typer) -> None:
    """Add this command to the application."""
    study = typer.Typer(no_args_is_help=True, help="Training alone, on merged data, and in a swarm: studies.")
    study.command("run")(run)
    study.command("list")(list_studies)
    study.command("compare")(compare)
    study.command("published")(published)
    app.add_typer(study, name="study")


def run(
    study: str = typer.Argument(..., help="A study file (TOML), or the name of a study that comes with wsi-swarm."),
    out: Path = typer.Option(..., help="Folder of the results; jobs that are done there are kept."),
    data: Path = typer.Option(Path(), help="Folder that the cohorts' paths in the study file begin at."),
    workers: int = typer.Option(2, min=1, help="Processes that train at once, each on one core."),
    only: list[str] = typer.Option([], help="Only scenarios whose name begins like this. Repeat it."),
    repeats: int | None = typer.Option(None, min=1, help="In place of every number of repeats in the study file."),
    real_nodes: bool = typer.Option(
        True, "--real-nodes/--no-real-nodes", help="Repeat the configuration that the study names with real nodes."
    ),
    as_json: bool = typer.Option(False, "--json", help="Print the verdicts as one JSON document."),
) -> None:
    """Train every arm of a study and write study.html, results.csv, results.json and predictions.csv.gz.

    Cohorts are dealt to nodes; each node alone, merged data, and the swarm with equal and patient weights train from
    the same first weights with the same steps, and are judged on the same patients. The swarm runs in this process with
    the encoding and merge of real nodes; one configuration is repeated with real processes and must end with the same
    model.
    """
    import json

    from wsi_swarm.study.plan import read_study
    from wsi_swarm.study.run import document, run_study
    from wsi_swarm.study.summary import as_text, summarise

    plan = read_study(study)
    if repeats is not None:
        plan = plan.with_repeats(repeats)
    words = ["wsi-swarm study run", study, "--data DATA", "--out OUT", *(f"--only '{name}'" for name in only)]
    words += [f"--repeats {repeats}"] if repeats is not None else []
    out.mkdir(parents=True, exist_ok=True)
    done = run_study(plan, data, out, workers, only, real_nodes, " ".join(words), _say)
    if as_json:
        print(json.dumps(document(plan, done.verdicts, done.real, done.report), indent=1))
        return
    print(f"mean {plan.metric}; verdicts on the weighted swarm from 95 % intervals")
    print(as_text(summarise(done.rows, done.verdicts, plan.metric)))
    for one in done.real:
        print(f"real nodes: {one.nodes} processes, {one.rounds} rounds, the root {one.root[:16]} of this process too")
    print(done.report)


def list_studies(as_json: bool = typer.Option(False, "--json", help="Print one JSON document.")) -> None:
    """List the studies that come with wsi-swarm."""
    import json

    from wsi_swarm.study.plan import own_studies, read_study

    found = {name: read_study(name) for name in own_studies()}
    if as_json:
        print(json.dumps({name: {"title": one.title, "question": one.question} for name, one in found.items()}))
        return
    for name, one in found.items():
        print(f"{name}\t{one.title}")


def _say(line: str) -> None:
    typer.echo(line, err=True)
