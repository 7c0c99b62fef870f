"""What people do while a run goes on: admit a centre, leave, change keys, look, and audit; with real processes."""

from __future__ import annotations

import json
import signal
from typing import TYPE_CHECKING

import pytest

from tests.faults.conftest import Swarm, run_config, write_centre, wsi_swarm
from tests.waiting import free_port, until
from wsi_swarm.swarm.config import Timeouts
from wsi_swarm.swarm.ledger.base import Final
from wsi_swarm.swarm.ledger.federation import read_federation

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.slow

PATIENT_S = 240.0
"""Other tests may run on the same machine."""


def status(swarm: Swarm, name: str) -> dict:
    where = ("--federation", swarm.root / "federation.json", "--rpc", swarm.rpc, "--state", swarm.root / name / "state")
    return json.loads(wsi_swarm("swarm", "status", "--json", *where).stdout)["runs"][-1]


def contributed(swarm: Swarm, member: int, after: int = 0) -> bool:
    """Whether a later round than ``after`` was merged from this member's update too."""
    events = swarm.reader.events()[0]
    return any(isinstance(e, Final) and e.round > after and member in e.contributors for e in events)


def test_members_come_and_go_and_change_keys_while_the_others_train(new_swarm: Callable[..., Swarm]) -> None:
    waits = Timeouts(enrol_s=60, commit_s=20, reveal_s=4, attest_s=8, heartbeat_s=0.5, connect_s=2)
    swarm = new_swarm(run_config(rounds=5000, timeouts=waits))
    for name in swarm.names:
        swarm.start(name)
    swarm.propose("a")
    until("a round is final", lambda: swarm.reader.run_count() and swarm.reader.run(1).finals, PATIENT_S)

    seen = until("the status knows all losses", lambda: _whole(status(swarm, "a")), PATIENT_S)
    assert set(seen["node"]["losses"]) == {"a", "b", "c"}
    assert seen["node"]["bytes_out"] > 0
    assert set(seen["node"]["peers"]) == {"b", "c"}

    # d is admitted with a request that proves its keys to each voter, and takes part
    write_centre(swarm.root / "d", patients=8, seed=9)
    federation = ("--federation", swarm.root / "federation.json")
    wsi_swarm(
        *("swarm", "init", "--dir", swarm.root / "d", "--name", "d", *federation),
        *("--endpoint", f"tcp://127.0.0.1:{free_port()}"),
    )
    swarm.call("d", "join", "--run", swarm.root / "run.toml")
    request = swarm.root / "d" / "d.join.json"
    swarm.call("a", "propose", "--request", request)
    assert swarm.call("b", "vote", 2, "yes", check=False).returncode == 3
    swarm.call("b", "vote", 2, "yes", "--request", request)
    assert "is member 3" in swarm.call("d", "join", "--run", swarm.root / "run.toml").stdout
    swarm.start("d")
    until("d contributes", lambda: contributed(swarm, 3), PATIENT_S)

    # c leaves: its node ends, and nobody expects it any more
    swarm.call("c", "leave", "--run", swarm.root / "run.toml")
    assert swarm.processes["c"].wait(60) == 7, swarm.log("c")
    assert "left the run" in swarm.log("c")
    until("nobody expects c", lambda: swarm.index("c") not in swarm.reader.run(1).expected)

    # b gets a new CURVE key, and the others hear it under that one
    swarm.processes["b"].send_signal(signal.SIGTERM)
    assert swarm.processes["b"].wait(60) == 130
    before = swarm.reader.members()[1].curve_key
    swarm.call("b", "rotate-key")
    assert swarm.reader.members()[1].curve_key != before
    swarm.start("b")
    now = swarm.reader.run(1).round
    until("b contributes again", lambda: contributed(swarm, 1, after=now), PATIENT_S)

    for name in ("a", "b", "d"):
        swarm.processes[name].send_signal(signal.SIGTERM)
        assert swarm.processes[name].wait(60) == 130
    report = swarm.root / "audit.html"
    options = ("--run", swarm.root / "run.toml", "--state", swarm.root / "a" / "state", "--out", report)
    done = swarm.call("a", "audit", *options)
    assert "verified" in done.stdout
    page = report.read_text()
    assert "Everything recomputed, no contradiction." in page or "Checked as far as this centre took part." in page
    assert {member.name for member in read_federation(swarm.root / "federation.json").members} == {"a", "b", "c", "d"}


def _whole(run: dict) -> dict | None:
    return run if run["node"] and len(run["node"]["losses"]) == 3 else None
