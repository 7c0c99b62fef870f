"""A disk that is full while a checkpoint is written, and a clock that is ten minutes off."""

from __future__ import annotations

import os
import shutil
import subprocess
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest

from tests.faults.conftest import Swarm, run_config
from tests.waiting import until
from wsi_swarm.swarm.config import Timeouts
from wsi_swarm.swarm.ledger.base import Final, Phase, Void

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

WAITS = Timeouts(enrol_s=120, commit_s=40, reveal_s=5, attest_s=20, heartbeat_s=0.5, connect_s=2)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 1 MB."""
    if os.geteuid() != 0:
        pytest.skip("a file system of its own needs root")
    folder = tmp_path / "small"
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)], check=True)
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


@pytest.mark.network
def test_disk_full_at_one_centre_ends_its_node_and_nothing_else(
    new_swarm: Callable[..., Swarm], small_disk: Path
) -> None:
    swarm = new_swarm(run_config(rounds=60, timeouts=WAITS))
    (swarm.root / "c" / "state").symlink_to(small_disk)
    filler = small_disk / "filler"
    for name in swarm.names:
        swarm.start(name)
    swarm.propose("a")
    until("round 3", lambda: swarm.reader.run_count() and swarm.reader.run(1).round >= 3)
    with suppress(OSError), filler.open("wb") as file:  # until it is full; a quick swarm may have filled it by itself
        while True:
            file.write(bytes(4096))
            file.flush()
    code = swarm.processes["c"].wait(60)
    last = swarm.log("c").strip().splitlines()[-1]
    assert code in (6, 7), swarm.log("c")
    assert "No space left" in last
    assert "Traceback" not in swarm.log("c")

    hit = swarm.reader.run(1).finals
    until("the others go on", lambda: swarm.reader.run(1).finals >= hit + 2)
    for left in swarm.processes["a"], swarm.processes["b"]:
        left.send_signal(19)  # so that rounds are left when c is back
    filler.unlink(missing_ok=True)
    subprocess.run(["mount", "-o", "remount,size=64m", str(small_disk)], check=True)
    swarm.start("c")
    c = swarm.index("c")
    for left in swarm.processes["a"], swarm.processes["b"]:
        left.send_signal(18)
    roots = {swarm.wait(name, 200)[1] for name in swarm.names}
    state = swarm.reader.run(1)
    assert state.phase is Phase.FINISHED
    assert roots == {state.base_root.hex()}
    finals = [event for event in swarm.reader.events()[0] if isinstance(event, Final)]
    assert any(c in event.contributors for event in finals if event.round > hit + 1), swarm.log("c")
    assert swarm.audit("c").returncode == 0


@pytest.mark.slow
@pytest.mark.parametrize("off", ["+10m", "-10m"])
def test_clock_ten_minutes_off_at_one_centre_changes_nothing(new_swarm: Callable[..., Swarm], off: str) -> None:
    if shutil.which("faketime") is None:
        pytest.skip("faketime is not installed: run scripts/install-ci-tools.sh")
    swarm = new_swarm(run_config(rounds=3, timeouts=WAITS))
    swarm.start("a")
    swarm.start("b")
    swarm.start("c", prefix=("faketime", "-f", off))
    swarm.propose("a")
    roots = {swarm.wait(name, 200)[1] for name in swarm.names}
    state = swarm.reader.run(1)
    assert roots == {state.base_root.hex()}
    events = swarm.reader.events()[0]
    assert not [event for event in events if isinstance(event, Void)]
    everybody = {swarm.index(name) for name in swarm.names}
    assert all(event.contributors == everybody for event in events if isinstance(event, Final)), swarm.log("c")
