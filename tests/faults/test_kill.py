"""Real processes, chain and sockets: kill -9 of a centre in the middle of a round, and tampering with its files."""

from __future__ import annotations

import hashlib
import json
import signal
from typing import TYPE_CHECKING

from models.model_file import load_model
from tests.faults.conftest import Swarm, run_config
from tests.waiting import until
from wsi_swarm.swarm.config import Timeouts
from wsi_swarm.swarm.ledger.base import Final, Phase, Void
from wsi_swarm.swarm.state.encoding import encode

if TYPE_CHECKING:
    from collections.abc import Callable


def finals(swarm: Swarm) -> list[Final]:
    return [event for event in swarm.reader.events()[0] if isinstance(event, Final)]


def test_kill_9_in_the_middle_of_a_round(new_swarm: Callable[..., Swarm]) -> None:
    # Nobody waits for the commit deadline here; a long one leaves a busy machine time to start the centre again.
    waits = Timeouts(enrol_s=60, commit_s=90, reveal_s=2, attest_s=6, heartbeat_s=0.5, connect_s=2)
    swarm = new_swarm(run_config(rounds=7, timeouts=waits))
    for name in swarm.names:
        swarm.start(name)
    swarm.propose("a")
    until("the run is opened", lambda: swarm.reader.run_count() == 1)
    b, c = swarm.index("b"), swarm.index("c")

    def waits_for_c():
        state = swarm.reader.run(1)
        return state if state.phase is Phase.COMMIT and c in state.expected - state.committed else None

    # c is held, so that the round cannot close; b has committed to its update and dies before it can reveal it
    until("a later round begins", lambda: swarm.reader.run(1).round >= 2 and waits_for_c())
    swarm.processes["c"].send_signal(signal.SIGSTOP)
    hit = until("b has committed and c has not", lambda: (s := waits_for_c()) and b in s.committed and s)
    swarm.processes["b"].kill()
    assert swarm.processes["b"].wait(10) == -signal.SIGKILL
    swarm.processes["c"].send_signal(signal.SIGCONT)

    until("the round ends", lambda: swarm.reader.run(1).round > hit.round)
    ended = next(event for event in finals(swarm) if event.round == hit.round)
    assert ended.contributors == {swarm.index("a"), c}
    while_away = ended.merged_root

    # c is held once more, so that rounds are left when b is back
    until("another round begins", waits_for_c)
    swarm.processes["c"].send_signal(signal.SIGSTOP)
    swarm.start("b")
    until("b has enrolled again", lambda: b in (s := swarm.reader.run(1)).joining | s.expected)
    swarm.processes["c"].send_signal(signal.SIGCONT)
    models = {name: swarm.wait(name) for name in swarm.names}
    state = swarm.reader.run(1)
    assert state.phase is Phase.FINISHED
    assert {root for _, root in models.values()} == {state.base_root.hex()}
    assert len({hashlib.sha256(path.read_bytes()).hexdigest() for path, _ in models.values()}) == 1
    assert encode(load_model(models["b"][0]).state, swarm.config.fraction_bits).root == state.base_root

    # b fetched a model that it had no part in, and merged again in a later round
    folder = models["b"][0].parent
    assert (folder / "models" / f"{while_away.hex()}.state").is_file()
    later = [event for event in finals(swarm) if event.round > hit.round and b in event.contributors]
    assert later, swarm.log("b")
    assert not [event for event in swarm.reader.events()[0] if isinstance(event, Void)]

    for name in swarm.names:
        done = swarm.audit(name)
        assert done.returncode == 0, done.stderr
        told = json.loads(done.stdout)
        assert told["passed"]
        verdicts = {one["verdict"] for one in told["rounds"]}
        assert verdicts <= ({"verified", "not kept"} if name == "b" else {"verified"})

    spoil_one_byte(swarm, "a", round_=1)


def spoil_one_byte(swarm: Swarm, name: str, round_: int) -> None:
    """Flip a byte of a kept update: the audit names the round and the member, with exit code 8."""
    member = next(m for m in swarm.federation.members if m.name == "c")
    pattern = f"runs/*/rounds/{round_}/{member.account.lower()}.update"
    (path,) = (swarm.root / name / "state").glob(pattern)
    blob = bytearray(path.read_bytes())
    blob[-5] ^= 1
    path.write_bytes(bytes(blob))
    done = swarm.audit(name)
    assert done.returncode == 8
    assert f"round {round_} " in done.stderr
    assert member.account in done.stderr
    failed = [one["round"] for one in json.loads(done.stdout)["rounds"] if one["verdict"] == "failed"]
    assert failed == [round_]
