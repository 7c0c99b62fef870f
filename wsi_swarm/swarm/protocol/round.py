"""One member of a run as a pure state machine: events in, actions out. No socket, chain, file, clock or chance.

The machine keeps what it knows and, after every event, asks of each rule "does something follow from that now?".
Rules look at the state and not at the event, so a lost message, a restart or two rounds that pass unseen need no
case of their own: whatever is still missing is asked for again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, assert_never

from wsi_swarm.swarm.ledger.base import Phase, RunState
from wsi_swarm.swarm.merge.whole import model_of, pack_loss, steps_of
from wsi_swarm.swarm.protocol.desk import Desk, OwnUpdate, Plan, Seat, own_update
from wsi_swarm.swarm.protocol.download import Download
from wsi_swarm.swarm.protocol.events import (
    Action,
    Adopt,
    ChainSeen,
    Commit,
    Enrol,
    Event,
    Finalise,
    Leave,
    Poke,
    Received,
    Report,
    SaveUpdate,
    Settled,
    Tick,
    Train,
    Trained,
)
from wsi_swarm.swarm.protocol.message import (
    Attest,
    Beat,
    Chunk,
    Evidence,
    Forward,
    Have,
    Lack,
    Offer,
    Propose,
    Reveal,
    WantChunks,
    WantManifest,
    WantReveal,
)
from wsi_swarm.swarm.protocol.shelf import Shelf
from wsi_swarm.swarm.protocol.work import Work
from wsi_swarm.swarm.state.encoding import difference, from_bytes
from wsi_swarm.swarm.state.update import pack_update

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wsi_swarm.swarm.state.encoding import FixedState

__all__ = ["Machine", "OwnUpdate", "Plan", "Seat", "own_update"]

MAX_POKE_TURNS = 4
"""Members take turns in voiding an overdue round, one heartbeat apart; later ones all speak at this turn."""


class Machine:
    """The state machine of one member in one run.

    Parameters
    ----------
    seat, plan
        Who and how.
    models
        Held from before: the initial one or the last that was adopted, and merges that were attested to since.
    update
        The own update from the checkpoint, so that a restarted member sends the very bytes it had committed to.
    """

    def __init__(self, seat: Seat, plan: Plan, models: Sequence[FixedState], update: OwnUpdate | None) -> None:
        self._me = seat.index
        self._desk = Desk(seat, plan)
        self._shelf = Shelf(models, update)
        self._work = Work(self._desk, self._shelf, 0, b"", {})
        self._state: RunState | None = None
        self._training_since: float | None = None
        self._train_seconds = 0.0
        self._adopted: bytes | None = None
        self._model_download: Download | None = None
        self._early: dict[int, Received] = {}
        self._finished_at: float | None = None
        self._last_have: dict[int, bytes] = {}
        self._makers: frozenset[int] = frozenset()
        self._finalised: bytes | None = None
        self._took_part = False

    def handle(self, event: Event, now: float) -> list[Action]:
        """Take in an event at local time ``now`` (seconds, never backwards) and return what to do, in order."""
        self._desk.now = now
        match event:
            case Tick():
                pass
            case ChainSeen():
                self._see(event)
            case Trained():
                self._trained(event)
            case Received():
                self._hear(event)
            case Settled(action, refusal):
                self._desk.settled(action)
                if isinstance(action, Finalise) and refusal is None:
                    self._finalised = action.merged_root
            case _:
                assert_never(event)
        if self._state is not None:
            self._follow(self._state)
        return self._desk.empty()

    # Taking in ---------------------------------------------------------------------------------------------------

    def _see(self, seen: ChainSeen) -> None:
        before, state = self._state, seen.state
        self._state = state
        new_round = (state.round, state.base_root) != (self._work.round, self._work.base_root)
        self._desk.see(seen, new_round)
        self._took_part |= self._me in state.enrolled
        if new_round:
            merged = self._work.merged(state.base_root)
            if merged is not None:
                self._shelf.models[state.base_root] = merged
            if before is not None and before.base_root != state.base_root:
                self._makers = before.committee
            same_base = self._work.base_root == state.base_root
            downloads = {one.root: one for one in self._work.downloads} if same_base else {}
            self._work = Work(self._desk, self._shelf, state.round, state.base_root, downloads)
        if state.phase is Phase.ATTEST:
            early, self._early = self._early, {s: e for s, e in self._early.items() if e.round > state.round}
            for event in early.values():
                if event.round == state.round:  # who is still ahead of us is heard at the next look, not asked for one
                    self._hear(event)

    def _trained(self, event: Trained) -> None:
        if self._training_since is not None:
            self._train_seconds = self._desk.now - self._training_since
        self._training_since = None
        base = self._shelf.models.get(event.base_root)
        if base is not None:
            last, delta = self._shelf.update, difference(event.state, model_of(base))
            blob, residual = pack_update(delta, self._desk.plan.update_bits, last.residual if last else None)
            self._shelf.update = own_update(event.base_root, event.finals, blob, pack_loss(event.loss), residual)

    def _hear(self, event: Received) -> None:
        sender, message = event.sender, event.message
        match message:
            case WantManifest() | WantChunks():
                self._shelf.serve(self._desk, sender, message)
            case Offer() | Chunk() | Lack():
                for download in self._downloads():
                    download.hear(sender, message, self._desk.now)
            case Reveal() | Propose() | Attest() | Evidence() | WantReveal():
                self._hear_of_round(event, message)
            case Have(root):
                self._hear_have(sender, root)
            case Beat() | Forward():
                pass
            case _:
                assert_never(message)

    def _hear_of_round(self, event: Received, message: Reveal | Propose | Attest | Evidence | WantReveal) -> None:
        state = self._state
        if state is None or event.round < state.round:
            return
        if event.round > state.round or state.phase is Phase.COMMIT:
            if isinstance(message, Reveal) and message.member == event.sender:
                self._early[event.sender] = event
            self._desk.look()
        elif state.phase is Phase.ATTEST and event.sender in state.committed:
            self._work.hear(state, event.sender, message)

    def _hear_have(self, sender: int, root: bytes) -> None:
        self._last_have[sender] = root  # also of a model that this member does not know yet: it is said only once
        if self._state is None or self._state.phase is not Phase.FINISHED or root != self._state.base_root:
            self._desk.look()
            return
        if self._finished_at is not None and self._desk.again(("have", sender)):
            self._desk.send(sender, Have(root))

    # What follows ------------------------------------------------------------------------------------------------

    def _follow(self, state: RunState) -> None:
        if (reason := self._why_not(state)) is not None:
            self._desk.do(Leave(reason))
            return
        self._report(state)
        base = self._hold_base(state)
        self._poke_if_due(state)
        if base is not None:
            if state.phase is Phase.FINISHED:
                self._say_goodbye(state)
            else:
                self._enrol_if_needed(state)
                self._train_and_commit(state, base)
            if state.phase is Phase.ATTEST:
                self._work.follow(state, base)
        for download in self._downloads():
            for liar in sorted(download.liars):
                self._desk.note("liar", liar, f"round {state.round}: it sent chunks that do not hash to their root")
            for to, message in download.requests(self._desk.now):
                self._desk.send(to, message)

    def _why_not(self, state: RunState) -> str | None:
        """Return why this member takes no part any more, or None while it does."""
        if self._me not in self._desk.active:
            return "this centre was removed by vote of the members, or resigned"
        if self._me in state.struck:
            return "this centre was struck from the run: it signed two merges of the same updates; keep its files"
        if self._took_part and self._me not in state.enrolled:
            return "this centre left the run"
        return None

    def _report(self, state: RunState) -> None:
        for member, proof in sorted(self._desk.proofs.items()):
            if member in state.struck:
                del self._desk.proofs[member]
                self._desk.note("struck", member, f"round {proof.round}: it signed two merges and was struck")
            else:
                self._desk.transact(Report(proof))

    def _hold_base(self, state: RunState) -> FixedState | None:
        root, models, download = state.base_root, self._shelf.models, self._model_download
        if root not in models:
            if download is None or download.root != root:
                patience_s = 2 * self._desk.plan.heartbeat_s
                likely = self._makers or state.expected | state.committed
                download = self._model_download = Download(root, self._desk.sources(likely), patience_s)
            if not download.complete:
                return None
            models[root] = from_bytes(download.blob())
        self._model_download = None
        if self._adopted != root:
            if self._adopted is not None:  # just started: a merge on the disk may be final in a block yet to be seen
                self._shelf.keep_models(self._adopted, root)
            self._adopted = root
            self._desk.do(Adopt(state.finals, models[root]))
            if root == self._finalised:  # who was quicker than the others' next look at the chain tells them
                for member in sorted(state.electorate - {self._me}):
                    self._desk.send(member, Have(root))
        return models[root]

    def _enrol_if_needed(self, state: RunState) -> None:
        here = state.enrolled if state.phase is Phase.ENROL else state.joining | state.committed
        if state.phase is Phase.COMMIT:
            here |= state.expected
        if self._me in here or self._training_since is not None:
            return
        if self._me in state.enrolled and self._train_seconds >= state.terms.commit_seconds:
            text = (
                f"training takes {self._train_seconds:.0f} s, the commit phase lasts {state.terms.commit_seconds} s: "
                "this member takes part only when others are late too; agree on fewer sync_steps or a longer commit_s"
            )
            self._desk.note("slow", self._me, text)
        else:
            self._desk.transact(Enrol(self._desk.plan.weight))

    def _train_and_commit(self, state: RunState, base: FixedState) -> None:
        committing, committed = state.phase is Phase.COMMIT, self._me in state.committed
        owes_update = committed and state.phase in (Phase.COMMIT, Phase.ATTEST)
        if self._me not in state.electorate or not (committing or owes_update):
            return
        update = self._shelf.update
        if update is None or not update.is_for(state):
            if self._training_since is None:
                self._training_since = self._desk.now
                steps = steps_of(base, self._desk.plan.merge)
                self._desk.do(Train(state.base_root, state.finals, model_of(base), steps))
        elif committing and not committed:
            if self._desk.once("save"):
                self._desk.do(SaveUpdate(update))
            salt = self._desk.salt(state.round)
            commitment = self._desk.commitment(state, self._me, update.manifest.root, update.flags, salt)
            self._desk.transact(Commit(state.round, commitment))

    def _poke_if_due(self, state: RunState) -> None:
        enough = len(state.committed) >= state.terms.min_peers
        match state.phase:
            case Phase.ENROL:
                due = state.enrol_deadline if len(state.enrolled) >= state.terms.min_peers else None
            case Phase.COMMIT:
                due = None if enough else state.commit_deadline
            case Phase.ATTEST:
                due = state.attest_deadline
            case Phase.OVERDUE:  # since when does not follow from the deadlines: rejections may have ended it
                due = self._desk.chain_now - self._desk.waited("overdue")
            case Phase.FINISHED:
                due = None
        active = self._desk.active
        turn = min((active.index(self._me) - state.round) % len(active), MAX_POKE_TURNS)
        if due is not None and self._desk.chain_now >= due + turn * self._desk.plan.heartbeat_s:
            self._desk.transact(Poke(state.round))

    def _say_goodbye(self, state: RunState) -> None:
        """Serve the last model until all who enrolled have it, or nobody asked for as long as a round would wait.

        Who has heard of all stays for two heartbeats in any case: a member that our ``Have`` did not reach says its own
        again, and is answered.
        """
        others = (state.enrolled & set(self._desk.active)) - {self._me}
        without = {member for member in others if self._last_have.get(member) != state.base_root}
        for member in sorted(others if self._finished_at is None else without):
            if self._desk.again(("have", member)):
                self._desk.send(member, Have(state.base_root))
        if self._finished_at is None:
            self._finished_at = self._desk.now
        waited = self._desk.now - max(self._finished_at, self._shelf.served_at)
        settled = not without and self._desk.now - self._finished_at > 2 * self._desk.plan.heartbeat_s
        if settled or waited > state.terms.attest_seconds:
            for member in sorted(others):  # a last word, for whom our first one did not reach
                self._desk.send(member, Have(state.base_root))
            self._desk.do(Leave(""))

    def _downloads(self) -> list[Download]:
        return [*self._work.open_downloads, *([self._model_download] if self._model_download else [])]
