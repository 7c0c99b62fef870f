"""The status as tables for a terminal, drawn once or over and over."""

from __future__ import annotations

import io
import time
from typing import TYPE_CHECKING, Any

from rich import box
from rich.console import Console, Group
from rich.table import Table
from rich.text import Text

from wsi_swarm.swarm.oversight.wording import bytes_text, span_text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rich.console import RenderableType

_PHASES = {
    "ENROL": "enrolment",
    "COMMIT": "training and commitment",
    "ATTEST": "reveal, merge and attestation",
    "OVERDUE": "overdue, to be voided",
    "FINISHED": "finished",
}
_LAST_ROUNDS = 12
_PLAIN_WIDTH = 130
STALE_S = 30
"""A node that has written nothing for so long is said to be silent."""


def as_text(told: Mapping[str, Any], now: float | None = None) -> str:
    """Return the page as plain text. ``told`` is ``status.as_json``; ``now`` Unix seconds of this machine's clock."""
    out = io.StringIO()
    Console(file=out, width=_PLAIN_WIDTH, color_system=None).print(page(told, now))
    return "\n".join(line.rstrip() for line in out.getvalue().splitlines())


def page(told: Mapping[str, Any], now: float | None = None, since_s: float = 0.0) -> RenderableType:
    """Return the page.

    Parameters
    ----------
    since_s
        Seconds since the status was read: deadlines count down by them.
    """
    now = time.time() if now is None else now
    parts: list[RenderableType] = [
        Text(f"contract {told['contract']} on chain {told['chain_id']}", style="bold"),
        Text(f"fingerprint {told['fingerprint']}", style="dim"),
    ]
    proposals = [one for one in told["proposals"] if one["status"] == "OPEN"]
    if proposals:
        parts.append(_proposals(proposals, told["chain_time"]))
    for place, run in enumerate(reversed(told["runs"])):
        parts += _run(run, now, since_s, whole=place == 0 or run["phase"] != "FINISHED")
    if not told["runs"]:
        parts.append(Text("\nno run yet; propose one with 'wsi-swarm swarm start'", style="dim"))
    return Group(*parts, _members(told))  # last: of a page that is longer than the terminal, the end is not seen


def _members(told: Mapping[str, Any]) -> Table:
    table = _table("members", ("#", "name", "account", "", "reached at"))
    for one in told["members"]:
        endpoint = "dials out only" if one["dials_only"] else one["endpoint"] or "not known here"
        endpoint, word = (endpoint, "active") if one["active"] else ("", "no member any more")
        name = "(not in the file)" if one["name"] == one["account"] else one["name"]
        style = "" if one["active"] else "dim"
        table.add_row(str(one["index"]), name, one["account"], word, endpoint, style=style)
    return table


def _proposals(proposals: list[Mapping[str, Any]], chain_time: int) -> Table:
    table = _table(
        "open votes: 'wsi-swarm swarm vote ID yes|no'", ("id", "about", "yes", "no", "needs", "by", "ends in")
    )
    for one in proposals:
        needs = one["electorate"] // 2 + 1
        table.add_row(
            str(one["id"]),
            one["about"],
            str(len(one["yes"])),
            str(len(one["no"])),
            f"{needs} of {one['electorate']}",
            one["proposer"],
            span_text(one["expires_at"] - chain_time),
        )
    return table


def _run(run: Mapping[str, Any], now: float, since_s: float, whole: bool) -> list[RenderableType]:
    head = Text(f"\nrun {run['run']}", style="bold")
    head.append(f" ({run['name']})" if run["name"] else "")
    head.append(f": {_PHASES[run['phase']]}", style="red" if run["phase"] == "OVERDUE" else "")
    if run["seconds_left"] is not None:
        left = run["seconds_left"] - since_s
        head.append(f", {span_text(left)} left" if left >= 0 else f", overdue by {span_text(-left)}", style="bold cyan")
    lines = Text(
        f"{_bar(run['finals'], run['rounds'])} {run['finals']} of {run['rounds']} rounds final; "
        f"model {run['base_root'][:12]}, configuration {run['config_sha256'][:12]}"
    )
    parts: list[RenderableType] = [head, lines]
    if not whole:
        return parts
    if run["phase"] != "FINISHED":
        parts.append(_round(run))
    for strike in run["strikes"]:
        text = f"{strike['member']} is struck: it signed two roots in round {strike['round']}, "
        parts.append(Text(text + f"{strike['root_a'][:12]} and {strike['root_b'][:12]}", style="red"))
    if run["node"]:
        parts.append(_node(run["node"], now))
    if run["history"]:
        parts.append(_history(run))
    return parts


def _round(run: Mapping[str, Any]) -> Table:
    title = f"round {run['round']}" if run["phase"] != "ENROL" else f"enrolled so far (at least {run['min_peers']})"
    if run["phase"] in ("ATTEST", "OVERDUE"):
        title += f"; {run['quorum']} of {len(run['committee'])} must attest to the same model"
    node: Mapping[str, Any] = run["node"] or {}
    losses: Mapping[str, float] = node.get("losses", {})
    peers: Mapping[str, Mapping[str, Any]] = node.get("peers", {})
    table = _table(title, ("centre", "weight", "this round", "training loss", "heard of"))
    for name, weight in run["enrolled"].items():
        loss, peer = losses.get(name), peers.get(name)
        table.add_row(
            name,
            str(weight),
            _did(run, name),
            "" if loss is None else f"{loss:.4f}",
            "" if peer is None else _heard(peer),
        )
    return table


def _did(run: Mapping[str, Any], name: str) -> Text:
    if name in run["struck"]:
        return Text("struck", style="red")
    if run["phase"] == "ENROL":
        return Text("enrolled")
    if name in run["rejected"]:
        return Text("committed, will not attest", style="yellow")
    if name in run["committed"]:
        in_part = run["committee_size"] and name not in run["committee"] and run["phase"] != "COMMIT"
        return Text("committed" + (", not in this committee" if in_part else ""), style="green")
    if name in run["expected"]:
        return Text("expected" if run["phase"] == "COMMIT" else "did not commit", style="yellow")
    return Text("away" if name in run["electorate"] else "joins next round", style="dim")


def _heard(peer: Mapping[str, Any]) -> str:
    heard = peer.get("heard_s")
    text = "never" if heard is None else f"{span_text(heard)} ago"
    return text if peer.get("reachable", True) else f"{text}, not reachable"


def _node(node: Mapping[str, Any], now: float) -> Text:
    sent, received = node.get("bytes_out"), node.get("bytes_in")
    text = Text("this centre's node: ")
    if sent is not None and received is not None:
        text.append(f"{bytes_text(sent)} sent, {bytes_text(received)} received")
    silent = now - node.get("updated", now)
    if silent > STALE_S:
        text.append(f"; silent for {span_text(silent)}, is it running?", style="yellow")
    return text


def _history(run: Mapping[str, Any]) -> Table:
    shown = run["history"][: -_LAST_ROUNDS - 1 : -1]
    voids = sum(one["result"] == "void" for one in run["history"])
    title = f"last {len(shown)} of {len(run['history'])} rounds" + (f", {voids} void" if voids else "")
    table = _table(title, ("round", "result", "took", "model", "merged from, or why not"))
    for one in shown:
        final = one["result"] == "final"
        told = ", ".join(one["contributors"]) if final else one["why"]
        missing = sorted(set(one["committed"]) - set(one["contributors"])) if final else []
        if missing:
            told += f"  (without {', '.join(missing)})"
        if one["rejected"]:
            told += f"  (rejected by {', '.join(one['rejected'])})"
        took = "" if one["seconds"] is None else span_text(one["seconds"])
        result = Text(one["result"], style="green" if final else "yellow")
        table.add_row(str(one["round"]), result, took, one["root"][:12], told)
    return table


def _table(title: str, columns: tuple[str, ...]) -> Table:
    table = Table(
        title="\n" + title,
        title_justify="left",
        title_style="bold",
        box=box.SIMPLE_HEAD,
        show_edge=False,
        pad_edge=False,
    )
    for column in columns:
        right = column in ("#", "id", "yes", "no", "weight", "training loss", "round", "took")
        table.add_column(column, justify="right" if right else "left", overflow="fold")
    return table


def _bar(done: int, whole: int, width: int = 20) -> str:
    full = width * done // whole
    return "█" * full + "░" * (width - full)
