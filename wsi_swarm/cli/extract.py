"""``wsi-swarm extract``."""

from __future__ import annotations

import json
from pathlib import Path

import typer

from wsi_swarm.cli.job_options import DRY_RUN, FORCE, ONLY_FAILED, SHARD, show_plan

_STAIN, _SPEED = "Stain and augmentation", "Speed and machines"


def register(app: typer.Typer) -> None:
    """Add this command to the application."""
    app.command()(extract)


def extract(
    slides: Path | None = typer.Argument(None, help="The slides that were tiled: a file, a folder or a table."),
    out: Path | None = typer.Option(
        None, help="Job folder of `wsi-swarm tile`; feature files go to its features/ENCODER."
    ),
    encoder: str = typer.Option("stain-texture", help="Name of the encoder's card."),
    weights: Path | None = typer.Option(
        None, help="Local weights file of the encoder; or the word random, for a seeded random network."
    ),
    device: str = typer.Option(
        "auto",
        help="Where the encoder runs: auto, cpu, cuda, or several with commas between (cuda:0,cuda:1), one process "
        "each; all means every CUDA device.",
    ),
    reader: str = typer.Option("auto", help="What reads the pixels: auto, openslide or jpeg-tiff."),
    allow_mpp: bool = typer.Option(
        False, "--allow-mpp", help="Encode at a scale that the encoder's card does not list."
    ),
    slide_mpp: float | None = typer.Option(
        None, help="Micrometres per level-0 pixel; not needed, the job remembers what `tile` was given."
    ),
    list_encoders: bool = typer.Option(False, "--list-encoders", help="List the encoder cards and do nothing else."),
    as_json: bool = typer.Option(False, "--json", help="Print the list of encoders, or the dry run, as JSON."),
    stain_norm: str = typer.Option(
        "none", help="Bring every slide's stain to one look: none, macenko or reinhard.", rich_help_panel=_STAIN
    ),
    stain_reference: Path | None = typer.Option(
        None, help="Picture that has this look; the default is built in.", rich_help_panel=_STAIN
    ),
    augment: int = typer.Option(
        0, help="Number of further feature sets made from varied tiles, for training.", rich_help_panel=_STAIN
    ),
    seed: int = typer.Option(
        0, help="Seed of the variations; it is recorded in the feature files.", rich_help_panel=_STAIN
    ),
    batch_size: int = typer.Option(
        64, help="Tiles per call of the encoder; halved by itself where memory is short.", rich_help_panel=_SPEED
    ),
    workers: int = typer.Option(
        4, help="Threads that read tiles, per device; the result does not depend on it.", rich_help_panel=_SPEED
    ),
    engine: str = typer.Option(
        "local", help="local, or ray: decode on the CPUs and encode on the GPUs of a cluster.", rich_help_panel=_SPEED
    ),
    ray_address: str | None = typer.Option(
        None, help="Address of the Ray cluster; without it, one is started on this machine.", rich_help_panel=_SPEED
    ),
    shard: str | None = SHARD,
    only_failed: bool = ONLY_FAILED,
    force: bool = FORCE,
    dry_run: bool = DRY_RUN,
) -> None:
    """Turn the tiles of each slide into vectors: one HDF5 feature file per slide.

    Several of these commands may work on one job folder at once, on one machine or many: each slide is done by one.
    """
    if list_encoders:
        typer.echo(_encoder_list(as_json))
        return
    if slides is None:
        raise typer.BadParameter("name the slides that were tiled", param_hint="SLIDES")
    if out is None:
        raise typer.BadParameter("name the job folder of `wsi-swarm tile`", param_hint="--out")
    if engine not in {"local", "ray"}:
        raise typer.BadParameter(f"{engine} is unknown; choose local or ray", param_hint="--engine")
    from functools import partial

    from models.encoders import encoder_facts, get_encoder
    from pipelines.engine.devices import parse_devices
    from pipelines.extract import (
        ExtractOptions,
        extract_on_devices,
        extract_slides,
        extract_with_ray,
        plan_extraction,
    )
    from pipelines.job import Control, parse_shard
    from pipelines.stain import preparation

    options = ExtractOptions(batch_size=batch_size, workers=workers, allow_mpp=allow_mpp, reader=reader)
    random = weights is not None and weights.name == "random" and not weights.exists()
    given = "random" if random else weights
    make = partial(get_encoder, encoder, given)
    how = {
        "options": options,
        "slide_mpp": slide_mpp,
        "preparation": preparation(stain_norm, augment, seed, stain_reference),
        "control": Control(only_failed=only_failed, force=force, shard=parse_shard(shard)),
    }
    if dry_run:
        show_plan(plan_extraction(slides, out, encoder_facts(encoder, given), **how), as_json)
        return
    if engine == "ray":
        summary = extract_with_ray(slides, out, make, device.split(","), address=ray_address, **how)
    elif len(devices := parse_devices(device)) > 1:
        summary = extract_on_devices(slides, out, make, devices, **how)
    else:
        summary = extract_slides(slides, out, make(devices[0]), **how)
    typer.echo(summary.markdown())
    summary.check()


def _encoder_list(as_json: bool) -> str:
    from models.encoders import cards_as_text, describe_cards

    return json.dumps(describe_cards(), indent=2) if as_json else cards_as_text()
