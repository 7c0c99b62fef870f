"""``wsi-swarm reader``: studies in which pathologists judge what models found."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from heatmaps.readers.blinding.verify import Proof


def register(app: typer.Typer) -> None:
    """Add this command to the application."""
    reader = typer.Typer(
        no_args_is_help=True, help="Blinded reader studies: make kits, prove the blinding, read answers."
    )
    reader.command("example")(example)
    reader.command("build")(build)
    reader.command("verify")(verify)
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

    from heatmaps.readers.blinding.verify import verify_kit
    from heatmaps.readers.kit.build import build_kits

    built = build_kits(study, out)
    _refuse_leaks([verify_kit(kit, built.key) for kit in built.kits])
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
    from heatmaps.readers.blinding.verify import verify_kit

    proofs = [verify_kit(kit, key) for kit in kits]
    if as_json:
        print(json.dumps([as_document(proof) for proof in proofs], indent=1, allow_nan=False))
    else:
        print("\n".join(as_text(proof) for proof in proofs))
    _refuse_leaks(proofs)


def _refuse_leaks(proofs: list[Proof]) -> None:
    from wsi_swarm.errors import IntegrityError

    leaks = [f"{proof.kit}: {leak.file} {leak.sentence}" for proof in proofs for leak in proof.leaks]
    if leaks:
        more = f"; {len(leaks) - 1} more" if len(leaks) > 1 else ""
        msg = f"the blinding is broken: {leaks[0]}{more}. Give none of these kits away"
        raise IntegrityError(msg)
