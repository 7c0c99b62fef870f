"""``wsi-swarm doctor``."""

from __future__ import annotations

from pathlib import Path

import typer


def register(app: typer.Typer) -> None:
    """Add this command to the application."""
    app.command()(doctor)


def doctor(
    out: Path = typer.Option(Path(), help="Folder for results, whose disk is examined; it need not exist yet."),
    as_json: bool = typer.Option(False, "--json", help="Print one JSON document instead of lines."),
) -> None:
    """Examine this machine: libraries, GPU, disk, clock, fonts, and chain and port of the project file.

    Each line is PASS, WARN (works, but less well), FAIL (a command would not work) or SKIP, with the remedy below.
    Ends with code 6 if something failed.
    """
    import json
    from collections import Counter
    from dataclasses import asdict

    from wsi_swarm.doctor.examination import examine_all
    from wsi_swarm.errors import SetupError

    findings = examine_all(out)
    if as_json:
        typer.echo(json.dumps([asdict(finding) for finding in findings], indent=1, ensure_ascii=False))
    else:
        for finding in findings:
            typer.echo(f"{finding.status}  {finding.area:10} {finding.check:15} {finding.found}")
            if finding.remedy and finding.status in ("WARN", "FAIL"):
                typer.echo(f"{'':34}-> {finding.remedy}")
        counted = Counter(finding.status for finding in findings)
        typer.echo(", ".join(f"{counted[status]} {status}" for status in ("PASS", "WARN", "FAIL", "SKIP")))
    failed = [f"{finding.area} {finding.check}" for finding in findings if finding.status == "FAIL"]
    if failed:
        raise SetupError(f"{len(failed)} checks failed: {', '.join(failed)}; the remedies stand above")
