"""One centre's node: sockets, chain, training and files around the state machine. It decides nothing itself."""

from __future__ import annotations

import asyncio
import logging
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, assert_never

from pipelines.files import why_not_written
from wsi_swarm.errors import SetupError, SwarmError
from wsi_swarm.swarm.ledger.base import Phase, RunState
from wsi_swarm.swarm.ledger.errors import LedgerError, RefusedError
from wsi_swarm.swarm.merge.whole import unpack_loss
from wsi_swarm.swarm.network.links import Links, Local, Peer
from wsi_swarm.swarm.node.patience import Patience
from wsi_swarm.swarm.node.telling import Telling
from wsi_swarm.swarm.node.threads import in_thread
from wsi_swarm.swarm.protocol.desk import Plan, Seat
from wsi_swarm.swarm.protocol.events import (
    Action,
    Adopt,
    ChainSeen,
    Commit,
    Enrol,
    Event,
    Finalise,
    KeepMerge,
    KeepUpdate,
    Leave,
    LedgerAction,
    Look,
    Note,
    Poke,
    Received,
    Reject,
    Report,
    SaveUpdate,
    Send,
    Settled,
    Tick,
    Train,
    Trained,
)
from wsi_swarm.swarm.protocol.message import Attest, Propose
from wsi_swarm.swarm.protocol.perform import perform
from wsi_swarm.swarm.protocol.round import Machine
from wsi_swarm.swarm.state.encoding import decode, encode

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from models.learner import TrainResult
    from wsi_swarm.swarm.ledger.base import Event as LedgerEvent
    from wsi_swarm.swarm.ledger.base import Member
    from wsi_swarm.swarm.node.centre import Centre
    from wsi_swarm.swarm.state.encoding import FixedState

log = logging.getLogger(__name__)

POLL_S = 1.0
"""Longest time between two looks at the chain; a peer that knows more, or an own transaction, hastens the next."""


class Node:
    """Drives one member's machine until the run ends."""

    def __init__(self, centre: Centre) -> None:
        self._centre = centre
        self._machine: Machine | None = None
        self._links: Links | None = None
        self._state: RunState | None = None
        self._members: tuple[Member, ...] = ()
        self._members_at = float("-inf")
        self._commits: tuple[tuple[int, frozenset[int]], dict[int, bytes]] = ((-1, frozenset()), {})
        self._next_block = 0
        self._look = asyncio.Event()
        self._over: asyncio.Future[Leave] = asyncio.get_running_loop().create_future()
        self._tasks: set[asyncio.Future[None]] = set()
        self._chain = Patience(centre.say)
        self._telling = Telling(centre.run, centre.say, centre.checkpoint.load_status())
        self._status_at = float("-inf")
        self._disk = ThreadPoolExecutor(1, "checkpoint")  # in order, and out of the way of the event loop
        self._saved: asyncio.Future[None] | None = None

    async def run(self) -> None:
        """Take part until the run is finished and the others have the model.

        Raises
        ------
        SwarmError
            If this centre was removed by vote, or the chain refuses what cannot be repeated.
        """
        centre = self._centre
        while (
            first := await self._chain.ask(lambda: (centre.reader.run(centre.run), centre.reader.members()))
        ) is None:
            await asyncio.sleep(POLL_S)
        state, self._members = first
        index = next((m.index for m in self._members if m.active and m.account == centre.identity.account), None)
        if index is None:
            msg = f"the account {centre.identity.account} is no active member of {centre.reader.contract}"
            raise SwarmError(msg)
        self._next_block = state.opened_block
        self._machine = await in_thread(lambda: self._make_machine(state, index))
        timeouts = centre.config.timeouts
        waits = (timeouts.heartbeat_s, timeouts.connect_s)
        links = Links(self._local(index), *waits, self._peers(), self._hear, self._hear_of_trouble)
        async with links:
            self._links = links
            self._spawn(self._watch(links))
            self._spawn(links.failure())
            try:
                leave = await self._over
            finally:
                for task in list(self._tasks):
                    task.cancel()
                await asyncio.gather(*self._tasks, return_exceptions=True)
                await asyncio.to_thread(self._disk.shutdown)
        if leave.reason:
            msg = f"run {centre.run} on {centre.reader.contract}: {leave.reason}"
            raise SwarmError(msg)

    def traffic(self) -> dict[str, int]:
        """Return bytes in and out, and frames dropped or refused, over all links."""
        return asdict(self._links.traffic) if self._links is not None else {}

    def _local(self, index: int) -> Local:
        centre, me = self._centre, self._centre.identity
        return Local(
            index,
            me.key,
            me.curve_public,
            me.curve_secret,
            me.endpoint,
            centre.bind,
            centre.run,
            centre.config.hash,
            centre.socks,
        )

    def _make_machine(self, state: RunState, index: int) -> Machine:
        centre, config = self._centre, self._centre.config
        model, merges = centre.checkpoint.load_model(), centre.checkpoint.load_merges()
        if model is None and centre.initial is not None and centre.initial.root == state.terms.base_root:
            model = centre.initial
        seat = Seat(
            centre.reader.chain_id,
            centre.reader.contract,
            centre.run,
            index,
            centre.identity.account,
            centre.identity.key,
        )
        plan = Plan(
            config.weight_of(centre.learner.n_patients),
            config.merge_plan,
            config.update_bits,
            config.timeouts.attest_s,
            config.timeouts.heartbeat_s,
        )
        centre.checkpoint.describe(seat.chain_id, seat.contract, seat.run, config.hash)
        models = merges if model is None else [model, *merges]
        return Machine(seat, plan, models, centre.checkpoint.load_update())

    # Events ------------------------------------------------------------------------------------------------------

    async def _watch(self, links: Links) -> None:
        while True:
            self._look.clear()
            looked = await self._chain.ask(self._read_chain)
            if looked is None:  # deadlines go on, so do the others
                self._tell(Tick())
            else:
                seen, events = looked
                links.set_peers(self._peers())
                moved = self._state is None or seen.state.round != self._state.round
                self._state = seen.state
                self._tell(seen)
                self._telling.of_rounds(events, self._name)
                self._save_status(moved)
            with suppress(TimeoutError):
                await asyncio.wait_for(self._look.wait(), min(POLL_S, self._centre.config.timeouts.heartbeat_s / 2))

    def _read_chain(self) -> tuple[ChainSeen, tuple[LedgerEvent, ...]]:
        """Return the run, and what happened since the last look if its round has moved or it is over."""
        reader, run = self._centre.reader, self._centre.run
        state, events = reader.run(run), ()
        now = time.monotonic()
        if now - self._members_at > self._centre.config.timeouts.heartbeat_s:
            self._members, self._members_at = reader.members(), now
        if state.phase is Phase.ATTEST and self._commits[0] != (state.round, state.committed):
            self._commits = ((state.round, state.committed), dict(reader.commits(run, state.round)))
        commits = self._commits[1] if self._commits[0][0] == state.round else {}
        if self._state is None or self._state.round != state.round or state.phase is Phase.FINISHED:
            events, self._next_block = reader.events(self._next_block)
        reachable = self._links.reachable() if self._links is not None else frozenset[int]()
        return ChainSeen(state, commits, self._members, reachable), events

    def _peers(self) -> dict[int, Peer]:
        centre = self._centre
        return {
            m.index: Peer(m.index, m.account, m.curve_key, m.endpoint_hash, centre.federation.endpoint_of(m))
            for m in self._members
            if m.active and m.account != centre.identity.account
        }

    def _hear_of_trouble(self, member: int, text: str) -> None:
        self._centre.say(f"{self._name(member)}: {text}")

    def _hear(self, sender: int, round_: int, message: Any) -> None:
        self._tell(Received(sender, round_, message))

    def _tell(self, event: Event) -> None:
        if self._machine is None or self._over.done():
            return
        for action in self._machine.handle(event, time.monotonic()):
            self._do(action)

    # Actions -----------------------------------------------------------------------------------------------------

    def _do(self, action: Action) -> None:
        centre = self._centre
        match action:
            case Look():
                self._look.set()
            case Send(to, round_, message):
                if self._saved is not None and not self._saved.done() and isinstance(message, Propose | Attest):
                    self._spawn(self._send_saved(self._saved, action))
                elif self._links is not None:
                    self._links.send(to, round_, message)
            case Train():
                self._spawn(self._train(action))
            case SaveUpdate(update):
                self._saved = self._write(lambda: centre.checkpoint.save_update(update))
            case KeepMerge(merged):
                self._saved = self._write(lambda: centre.checkpoint.keep_merge(merged))
            case KeepUpdate(round_, reveal, blob):
                account = self._members[reveal.member].account
                self._telling.losses[account] = unpack_loss(reveal.flags)
                self._write(lambda: centre.checkpoint.keep_update(round_, account, reveal, blob))
            case Adopt(finals, model):
                self._write(lambda: centre.checkpoint.save_model(model, finals))
                if finals == centre.config.rounds:
                    centre.save_final(model)
            case Enrol() | Commit() | Finalise() | Reject() | Report() | Poke():
                self._spawn(self._transact(action))
            case Note(_, member, text):
                centre.say(f"{self._name(member)}: {text}")
            case Leave():
                if not self._over.done():
                    self._over.set_result(action)
            case _:
                assert_never(action)

    async def _send_saved(self, saved: asyncio.Future[None], send: Send) -> None:
        """Send an attestation once what it promises is on the disk."""
        await saved
        if self._links is not None:
            self._links.send(send.to, send.round, send.message)

    async def _train(self, job: Train) -> None:
        config, learner = self._centre.config, self._centre.learner
        steps = config.local_steps(job.steps, learner.steps_per_epoch)

        def work() -> tuple[TrainResult, FixedState]:
            result = learner.train(decode(job.model), job.finals, config.rounds, steps, config.seed)
            return result, encode(result.state, config.fraction_bits)

        result, state = await in_thread(work)
        self._telling.own_loss = result.loss
        self._tell(Trained(job.base_root, job.finals, state, result.loss))

    async def _transact(self, action: LedgerAction) -> None:
        refusal: str | None = None
        if isinstance(action, Commit | Finalise) and self._saved is not None:
            await self._saved  # what is promised on the chain must survive this process
        try:
            await in_thread(lambda: perform(self._centre.ledger, self._centre.run, action))
        except RefusedError as error:
            refusal = error.code
            log.info("%s refused: %s", type(action).__name__, error.code)
        except LedgerError as error:  # not refused but not done either: the rule that wanted it asks again
            refusal = type(error).__name__
            log.warning("%s: %s", type(action).__name__, error)
        self._tell(Settled(action, refusal))
        self._look.set()

    def _write(self, work: Callable[[], None]) -> asyncio.Future[None]:
        """Write to the checkpoint after all that was to be written before; a failure ends the node."""
        folder = self._centre.checkpoint.folder

        def write() -> None:
            try:
                work()
            except OSError as error:
                path = Path(error.filename) if isinstance(error.filename, str) else folder
                raise SetupError(why_not_written(path, error)) from error

        written = asyncio.get_running_loop().run_in_executor(self._disk, write)
        written.add_done_callback(self._ended)
        return written

    def _save_status(self, moved: bool) -> None:
        """Write for ``swarm status`` what the chain does not know, once per heartbeat and when a round has moved."""
        now, checkpoint = time.monotonic(), self._centre.checkpoint
        if self._state is not None and (moved or now - self._status_at >= self._centre.config.timeouts.heartbeat_s):
            self._status_at = now
            heard_at = {} if self._links is None else self._links.heard_at
            heard_s = {m.account: round(now - heard_at[m.index], 1) for m in self._members if m.index in heard_at}
            told = self._telling.status(self._state, self.traffic(), heard_s, time.time())
            self._write(lambda: checkpoint.save_status(told))

    def _name(self, member: int) -> str:
        return self._centre.federation.name_of(self._members[member])

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Future[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None and not self._over.done():
            self._over.set_exception(error)
