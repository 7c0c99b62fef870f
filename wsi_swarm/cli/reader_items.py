"""``wsi-swarm reader items``: the tiles of a plausibility study, chosen from finished heatmaps."""

from __future__ import annotations

from pathlib import Path

import typer

from wsi_swarm.cli.choices import TemplateName  # noqa: TC001 (typer reads it)


def items(
    folders: list[Path] = typer.Argument(
        None,
        metavar="[HEATMAPS]...",
        show_default=False,
        help="Folders that heatmap --out filled, one per model; each is an arm by its folder's name.",
    ),
    arm: list[str] = typer.Option(
        [], "--arm", metavar="NAME=HEATMAPS", help="The same with a name of your choice; repeat it for several arms."
    ),
    target: str = typer.Option(..., "--target", help="Target whose positive class the tiles speak for."),
    template: TemplateName = typer.Option(
        "tile-plausibility",
        "--template",
        help="Of the study: tiles; every pair of arms on whole slides; or whole slides with one model's result.",
    ),
    slide_table: Path = typer.Option(..., "--slide-table", help="Table with PATIENT and FILENAME; CENTRE if wanted."),
    slides: Path = typer.Option(..., "--slides", help="Folder of the slides; the kits' pictures are cut from them."),
    clini: Path | None = typer.Option(
        None, "--clini", help="Clinical table with the true classes; without it the models' own results are taken."
    ),
    out: Path = typer.Option(..., "--out", metavar="ITEMS.csv", help="The table; study.toml is written beside it."),
    count: int = typer.Option(
        20, "--count", min=1, help="Slides of the positive class, of as many patients as can be."
    ),
    top: int = typer.Option(3, min=1, help="Top tiles of each arm on each slide."),
    lowest: int = typer.Option(1, min=0, help="Controls on each slide: where all arms see least for the class."),
    random: int = typer.Option(1, min=0, help="Controls on each slide: drawn from all other tiles."),
    opposite_slides: int = typer.Option(
        0, "--opposite-slides", min=0, help="Slides of the other class, for controls that speak most for that class."
    ),
    opposite: int = typer.Option(1, min=1, help="Controls on each of these slides."),
    apart: float = typer.Option(2.0, min=1.0, help="Least distance of tiles of one group, in tile sides."),
    seed: int = typer.Option(1, min=0, help="Draws slides and random tiles."),
    as_json: bool = typer.Option(False, "--json", help="Print the result as one JSON document."),
) -> None:
    """Choose the items of a reader study from finished heatmaps.

    Tiles: the top ones of each arm, and controls that belong to no arm; a tile that several arms chose is one item, so
    that no reader sees it twice, and its group names all of them. Preference and assistance: slides of both classes.
    """
    import json
    from dataclasses import asdict

    from heatmaps.readers.choosing.choose import Wanted
    from heatmaps.readers.choosing.write import Request, write_items
    from wsi_swarm.errors import ConfigError

    arms: dict[str, Path] = {}
    pairs = [one.partition("=") for one in arm]
    for name, folder in [*((f.resolve().name, f) for f in folders or ()), *((n, Path(f)) for n, _, f in pairs)]:
        if name in arms or not str(folder).strip("."):
            msg = f"arm '{name}' is there twice or has no folder; write --arm NAME=FOLDER, each name once"
            raise ConfigError(msg)
        arms[name] = folder
    if not arms:
        msg = "no heatmaps are named; give folders that wsi-swarm heatmap filled, or --arm NAME=FOLDER"
        raise ConfigError(msg)
    wanted = Wanted(count, top, lowest, random, opposite_slides, opposite, apart, seed)
    written = write_items(Request(template, arms, target, slide_table, slides, clini, wanted), out)
    for sentence in written.short:
        typer.echo(f"wsi-swarm: {sentence}", err=True)
    if as_json:
        print(json.dumps(asdict(written), indent=1, default=str))
        return
    for group, number in written.groups.items():
        print(f"{group}\t{number}")
    print(f"{written.table}\t{written.slides} slides of {written.patients} patients")
    if written.study is not None:
        print(written.study)
