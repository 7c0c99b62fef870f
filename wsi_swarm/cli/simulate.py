"""``wsi-swarm swarm simulate``: a whole swarm on virtual time, with faults that a seed draws."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated

import typer

from wsi_swarm.errors import ConfigError, IntegrityError

if TYPE_CHECKING:
    from wsi_swarm.swarm.simulation.campaign import Verdict


def simulate(
    nodes: Annotated[
        int | None, typer.Option(min=2, max=256, help="How many centres; without it each seed draws the number.")
    ] = None,
    seed: Annotated[int | None, typer.Option(min=0, help="Play this seed; the same seed is the same story.")] = None,
    seeds: Annotated[str | None, typer.Option(help="Play many seeds: A..B, both included.")] = None,
    faults: Annotated[
        str | None,
        typer.Option(
            help="What may go wrong, separated by commas: loss, delay, reorder, duplicate, partition, crash, torn, "
            "gone, late, slow, lie, equivocate, withhold, stall, blind, reorg, skew, remove, leave; or all, or none. "
            "Without it each seed draws a mix."
        ),
    ] = None,
    count_bytes: Annotated[
        bool,
        typer.Option("--bytes", help="Tell what each centre sends and receives in a swarm that merges by committee."),
    ] = False,
    committee: Annotated[int, typer.Option(min=0, help="With --bytes: size of the committee; 0 for all.")] = 16,
    rounds: Annotated[int, typer.Option(min=1, help="With --bytes: rounds.")] = 16,
    size: Annotated[int, typer.Option(min=1, help="With --bytes: values of the model, of four bytes each.")] = 4096,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Play whole swarms on virtual time, in one process, and check at every step that nothing is lost.

    The machines are the ones that real nodes run; network, chain, disks and clocks are simulated and fail as the seed
    draws it. A seed that breaks an invariant is told with the one line that repeats it.
    """
    if count_bytes:
        _tell_traffic(nodes or 256, committee, rounds, size, seed or 0, as_json)
        return
    from pipelines.progress import progress
    from wsi_swarm.swarm.simulation.campaign import play

    mix, chosen = _faults(faults), _seeds(seed, seeds)
    verdicts: list[Verdict] = []
    with progress(len(chosen), "simulate", "seed") as bar:
        for one in chosen:
            verdicts.append(play(one, mix, nodes))
            bar.update(1)
    broken = [verdict for verdict in verdicts if verdict.broken is not None]
    if as_json:
        typer.echo(json.dumps([verdict.told() for verdict in verdicts], indent=2))
    else:
        _tell(verdicts)
    if broken:
        msg = f"{len(broken)} of {len(verdicts)} seeds broke an invariant; repeat the first with: {broken[0].command}"
        raise IntegrityError(msg)


def _seeds(seed: int | None, seeds: str | None) -> range:
    if seeds is None:
        return range(seed or 0, (seed or 0) + 1)
    first, dots, last = seeds.partition("..")
    if seed is not None or not dots or not first.isdecimal() or not last.isdecimal() or int(last) < int(first):
        msg = f"--seeds {seeds} is no range; give --seed N, or --seeds A..B with A not above B"
        raise ConfigError(msg)
    return range(int(first), int(last) + 1)


def _faults(text: str | None) -> tuple[str, ...] | None:
    from wsi_swarm.swarm.simulation.faults import MENU

    if text is None:
        return None
    names = () if text == "none" else tuple(MENU) if text == "all" else tuple(sorted(set(text.split(","))))
    unknown = [name for name in names if name not in MENU]
    if unknown:
        msg = f"--faults knows no {', '.join(unknown)}; choose from {', '.join(MENU)}, all or none"
        raise ConfigError(msg)
    return tuple(sorted(names))


def _tell(verdicts: list[Verdict]) -> None:
    for verdict in verdicts:
        if verdict.broken is not None:
            typer.echo(f"BROKEN  {verdict.broken}\n        {verdict.command}")
        elif len(verdicts) == 1:
            faults = ", ".join(verdict.faults) or "no faults"
            typer.echo(
                f"{verdict.members} centres, {faults}: {verdict.finals} rounds final and {verdict.voids} void in "
                f"{verdict.virtual_s:.0f} s of virtual time, {verdict.steps} actions; after the last fault at most "
                f"{verdict.waited:.2f} deadlines without a final round"
            )
    if len(verdicts) > 1:
        held = sum(verdict.broken is None for verdict in verdicts)
        waited = max(verdict.waited for verdict in verdicts)
        typer.echo(
            f"{held} of {len(verdicts)} seeds held; after the last fault at most {waited:.2f} deadlines without a "
            "final round"
        )


def _tell_traffic(nodes: int, committee: int, rounds: int, size: int, seed: int, as_json: bool) -> None:
    from wsi_swarm.swarm.simulation.traffic import measure

    traffic = measure(nodes, committee, rounds, size, seed)
    if as_json:
        typer.echo(json.dumps(traffic.told(), indent=2))
        return
    typer.echo(
        f"{nodes} centres, committee {committee or nodes}, {rounds} rounds, {traffic.update_bytes} bytes per update; "
        "bytes per centre and round:"
    )
    for name, row in (("sent", traffic.sent), ("received", traffic.received)):
        updates = row.mean / traffic.update_bytes
        typer.echo(
            f"{name:9} mean {row.mean:12.0f} ({updates:.1f} updates)  least {row.least:10.0f}  most {row.most:10.0f}"
        )
