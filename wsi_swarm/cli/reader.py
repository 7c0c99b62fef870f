"""``wsi-swarm reader``: studies in which pathologists judge what models found."""

from __future__ import annotations

from pathlib import Path

import typer


def register(app: typer.Typer) -> None:
    """Add this command to the application."""
    reader = typer.Typer(no_args_is_help=True, help="Blinded reader studies: make kits, prove the blinding, read answers.")
    reader.command("example")(example)
    reader.command("build")(build)
    app.add_typer(reader, name="reader")


def example() -> None:
    """Print a study file to begin with: English and German, with a codebook of features."""
    from heatmaps.readers.kit.build import example_study

    typer.echo(example_study(), nl=False)


def build(
    study: Path = typer.Argument(..., metavar="STUDY", help="The study file (TOML); reader example prints one."),
    out: Path = typer.Option(..., "--out", help="Folder for kits (one zip per reader) and for the key."),
    as_json: bool = typer.Option(False, "--json", help="Print the result as one JSON document."),
) -> None:
    """Make one offline kit per reader, and the key that stays with the coordinator.

    A reader unpacks the zip and opens index.html; no network is needed and none is used. OUT/kits may be given away,
    OUT/key may not. Every kit's blinding is proved before the command ends.
    """
    import json

    from heatmaps.readers.kit.build import build_kits

    built = build_kits(study, out)
    if as_json:
        print(json.dumps(built.made.model_dump(by_alias=True) | {"key": str(built.key)}, indent=1))
        return
    for path in built.kits:
        print(f"kit\t{path}")
    print(f"key\t{built.key}\t{built.key_sha256}")
