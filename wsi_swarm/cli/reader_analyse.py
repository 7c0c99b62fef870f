"""``wsi-swarm reader analyse``: from the table of answers to a report."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import typer

from wsi_swarm.cli.choices import LanguageName  # noqa: TC001 (typer reads it)


def analyse(
    table: Path = typer.Argument(..., metavar="TABLE.csv", help="The table that reader import wrote."),
    out: Path = typer.Option(
        ..., "--out", help="Folder for report.html, tables as CSV, figures as SVG, analysis.json."
    ),
    language: LanguageName = typer.Option("en", "--language", help="Of the report; tables and JSON are in English."),
    features: str = typer.Option(
        "", "--features", help="Options that count as a feature of the class, with commas: til,mucinous,…"
    ),
    arms: str = typer.Option(
        "", "--arms", help="Groups in the order in which they are shown and subtracted, with commas; others follow."
    ),
    leave_out: list[str] = typer.Option(
        [], "--leave-out", help="Leave out answers with this deviation, such as 'too fast'; repeat it for several."
    ),
    covariances: Literal["jackknife", "delong", "unbiased"] = typer.Option(
        "jackknife",
        "--covariances",
        help="Of areas with and without AI; jackknife as in RJafroc and MRMCaov.",
    ),
    threshold: float = typer.Option(
        50.0, min=0.0, max=100.0, help="Likelihood from which on a case is positive, where no decision was asked."
    ),
    ai_threshold: float = typer.Option(
        0.5, "--ai-threshold", min=0.0, max=1.0, help="Probability from which on the AI's advice is positive."
    ),
    seed: int = typer.Option(0, min=0, help="Seed of every bootstrap; it stands in the report."),
    as_json: bool = typer.Option(False, "--json", help="Print the analysis as one JSON document."),
) -> None:
    """Analyse the answers of a reader study; the template is found out from the questions.

    Tile plausibility: shares and means per arm, differences, agreement. Heatmap preference: wins and ties, Bradley and
    Terry's strengths, position bias. With and without AI: MRMC areas, decisions, automation bias, time. What there are
    too few answers for gets a sentence instead of a number.
    """
    import json

    from heatmaps.readers.analysis.analyse import Options
    from heatmaps.readers.analysis.analyse import analyse as run
    from heatmaps.readers.analysis.files import as_document, write_analysis
    from wsi_swarm import __version__

    named, order = (tuple(one.strip() for one in told.split(",") if one.strip()) for told in (features, arms))
    options = Options(seed, tuple(leave_out), named, order, covariances, threshold, ai_threshold)
    analysis = run(table, options)
    document = as_document(analysis, f"wsi-swarm {__version__}")
    files = write_analysis(out, analysis, document, language)
    if as_json:
        typer.echo(json.dumps(document, indent=1, allow_nan=False))
        return
    typer.echo("\n".join(document["findings"]))
    typer.echo(f"report: {files[0]} ({len(files)} files in its folder)")
