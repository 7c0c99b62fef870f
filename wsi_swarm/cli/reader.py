"""``wsi-swarm reader``: studies in which pathologists judge what models found."""

from __future__ import annotations

from pathlib import Path

import typer

from wsi_swarm.cli.choices import TemplateName  # noqa: TC001 (typer reads it)
from wsi_swarm.cli.reader_analyse import analyse
from wsi_swarm.cli.reader_items import items


def register(app: typer.Typer) -> None:
    """Add this command to the application."""
    reader = typer.Typer(
        no_args_is_help=True, help="Blinded reader studies: make kits, prove the blinding, read answers."
    )
    reader.command("example")(example)
    reader.command("items")(items)
    reader.command("build")(build)
    reader.command("verify")(verify)
    reader.command("import")(import_)
    reader.command("analyse")(analyse)
    app.add_typer(reader, name="reader")


def example(
    template: TemplateName = typer.Option("tile-plausibility", "--template", help="What readers judge."),
) -> None:
    """Print a study file to begin with: English and German, with a codebook."""
    from heatmaps.readers.kit.build import example_study

    typer.echo(example_study(template), nl=False)


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

    from heatmaps.readers.blinding.release import build_proved_kits

    built = build_proved_kits(study, out)
    if as_json:
        print(json.dumps(built.made.model_dump(by_alias=True) | {"key": str(built.key)}, indent=1))
        return
    for path in built.kits:
        print(f"kit\t{path}")
    print(f"key\t{built.key}\t{built.key_sha256}")


def verify(
    kits: list[Path] = typer.Argument(..., metavar="KIT...", help="Kits as reader build wrote them."),
    key: Path = typer.Option(..., "--key", help="The key; kits.json must lie beside it."),
    as_json: bool = typer.Option(False, "--json", help="Print what was found as one JSON document."),
) -> None:
    """Prove that kits tell their readers nothing: exit code 8 and a sentence per leak where they do.

    Every file must be what the key makes, or a bare picture of the same size as all others; names of slides, patients,
    centres, models, groups, classes and scores are looked for in all encodings; and neither order nor size may predict
    the group.
    """
    import json

    from heatmaps.readers.blinding.outcome import as_document, as_text
    from heatmaps.readers.blinding.release import refuse_leaks
    from heatmaps.readers.blinding.verify import verify_kit

    proofs = [verify_kit(kit, key) for kit in kits]
    if as_json:
        print(json.dumps([as_document(proof) for proof in proofs], indent=1, allow_nan=False))
    else:
        print("\n".join(as_text(proof) for proof in proofs))
    refuse_leaks(proofs)


def import_(
    answers: list[Path] = typer.Argument(..., metavar="ANSWERS...", help="Files of answers as downloaded."),
    key: Path = typer.Option(..., "--key", help="The key; kits.json must lie beside it."),
    out: Path = typer.Option(..., "--out", metavar="TABLE.csv", help="One row per reader, item and question."),
    as_json: bool = typer.Option(False, "--json", help="Print the summary as one JSON document."),
) -> None:
    """Check answers, join them with the key, and write one tidy table.

    A file that was changed, is of another kit, or answers what was not asked is refused with exit code 8, and nothing
    is written. Gaps, answers that were too fast, out of order, given twice or changed later are counted and marked.
    """
    import json

    from heatmaps.readers.answers.import_answers import import_answers

    imported = import_answers(answers, key, out)
    if as_json:
        print(json.dumps(imported.summary, indent=1, allow_nan=False))
        return
    for one in imported.summary["readers"]:
        marks = ("too_fast", "out_of_order", "answered_twice", "changed_later", "washout", "before_its_date")
        marked = ", ".join(f"{one[name]} {name.replace('_', ' ')}" for name in marks if one[name])
        print(f"{one['reader']}\t{one['answered']} of {one['pictures']} pictures{': ' + marked if marked else ''}")
    print(out)
