"""``wsi-swarm study published``: the swarm paper's published results, calculated again."""

from __future__ import annotations

from pathlib import Path

import typer


def published(
    results: Path = typer.Argument(
        ..., metavar="FILE", help="The published results: CSV or .csv.gz, a row per figure, model and permutation."
    ),
    annotations: Path | None = typer.Option(
        None, "--annotations", help="Folder of the paper's sample annotations (schultze_annotation.*.csv.gz), to count."
    ),
    out: Path | None = typer.Option(None, "--out", help="CSV file for means and tests of every model of every figure."),
    as_json: bool = typer.Option(False, "--json", help="Print everything as one JSON document."),
) -> None:
    """Calculate the results of Warnat-Herresthal et al. (Nature 2021) again from their published counts.

    Says which of the published metrics follow from the counts and which do not; then, by figure, the mean accuracy and
    AUROC of swarm, nodes and central model, and whether the swarm is better than each, with Wilcoxon's signed-rank test
    on the same permutations: one-sided as in the paper, and two-sided with Holm's correction.
    """
    import json
    from dataclasses import asdict

    from pipelines.files import write_text
    from wsi_swarm.study.published.partitions import as_lines, partitions_in
    from wsi_swarm.study.published.results import agreements, read_results, summarise, uneven
    from wsi_swarm.study.published.text import as_json as to_json
    from wsi_swarm.study.published.text import as_text

    table = read_results(results)
    sets = () if annotations is None else partitions_in(annotations)
    found = (len(table), agreements(table), uneven(table), summarise(table))
    if out is not None:
        write_text(out, found[-1].to_csv(index=False, lineterminator="\n"))
    if as_json:
        document = {**to_json(*found), "annotations": [asdict(one) for one in sets]}
        typer.echo(json.dumps(document, indent=1, allow_nan=False))
        return
    typer.echo("\n".join([*as_lines(sets), as_text(*found)]), nl=False)
    if out is not None:
        typer.echo(f"{out}: means and tests of {len(found[-1])} models")
