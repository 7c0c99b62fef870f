"""``wsi-swarm validate``: what is wrong with a cohort's tables and features, before anything is trained."""

from __future__ import annotations

from pathlib import Path

import typer


def register(app: typer.Typer) -> None:
    """Add this command to the application."""
    app.command("validate")(validate)


def validate(
    clini: list[Path] = typer.Option(
        ..., "--clini", help="Clinical table (CSV or XLSX) with PATIENT and one column per target."
    ),
    slides: list[Path] = typer.Option(
        [], "--slides", help="Slide table (CSV or XLSX) with PATIENT and FILENAME; may be left out at first."
    ),
    features: list[Path] = typer.Option(
        [], "--features", help="Folder of the feature files; may be left out before slides are extracted."
    ),
    target: list[str] = typer.Option(..., "--target", help="Column to be learnt; repeat it for several."),
    positive: list[str] = typer.Option(
        [], "--positive", help="TARGET=LABEL: the positive label; every other label is then negative. Else inferred."
    ),
    centre_column: str | None = typer.Option(
        None, "--centre-column", help="Column of the clinical tables that names the patient's centre."
    ),
    test_clini: list[Path] = typer.Option(
        [], "--test-clini", help="Clinical table of test patients, who must not be among the others; repeat it."
    ),
    html: Path | None = typer.Option(None, "--html", help="File for one self-contained page of the same."),
    as_json: bool = typer.Option(False, "--json", help="Print everything as one JSON document."),
) -> None:
    """Find what is wrong with a cohort's tables and features, and what besides tissue could betray the label.

    Every finding names file, row and column and says what to do. Give --clini, --slides and --features several times,
    in the same order, for several centres: a patient must not stand in two of them. The exit code is 3 if there is an
    error, and 0 if there are only warnings and notes.
    """
    import json

    from models.cohort import check_names
    from models.cohorts.check import examine
    from models.cohorts.loading import CentreFiles
    from models.cohorts.report import as_html, as_text, verdict
    from models.cohorts.report import as_json as to_json
    from models.targets import parse_positive
    from pipelines.files import write_text
    from wsi_swarm import __version__
    from wsi_swarm.errors import ConfigError

    if len(slides) not in {0, len(clini)} or len(features) not in {0, len(slides)}:
        msg = (
            f"--clini ({len(clini)}), --slides ({len(slides)}) and --features ({len(features)}) must be given equally "
            "often, once per centre and in the same order; only --features, or both of the last, may be left out"
        )
        raise ConfigError(msg)
    chosen = parse_positive(positive)
    check_names(target, chosen)
    centres = [
        CentreFiles(table, slides[at] if slides else None, features[at] if features else None)
        for at, table in enumerate(clini)
    ]
    centres += [CentreFiles(table, test=True) for table in test_clini]
    examination = examine(centres, target, chosen, centre_column)
    if html is not None:
        write_text(html, as_html(examination, f"wsi-swarm {__version__}"))
    if as_json:
        typer.echo(json.dumps(to_json(examination), indent=1, allow_nan=False, ensure_ascii=False))
    else:
        typer.echo(as_text(examination), nl=False)
    if examination.count("error"):
        msg = f"{verdict(examination)}; mend the errors before training"
        raise ConfigError(msg)
