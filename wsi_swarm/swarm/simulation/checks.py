"""What must hold at every step of a simulation, whatever went wrong."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from wsi_swarm.errors import SwarmError
from wsi_swarm.swarm.ledger.base import CommitsClosed, Committed, Enrolled, Final, RoundOpened, Void
from wsi_swarm.swarm.merge.whole import Contribution, merge, model_of, unpack_loss
from wsi_swarm.swarm.protocol.events import Action, Adopt, Commit, KeepUpdate, Note, SaveUpdate, Send
from wsi_swarm.swarm.protocol.message import Attest, Propose, Reveal
from wsi_swarm.swarm.state.chunks import root_of
from wsi_swarm.swarm.state.update import unpack_update

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from wsi_swarm.swarm.ledger.events import Event
    from wsi_swarm.swarm.ledger.model import ContractModel
    from wsi_swarm.swarm.protocol.desk import OwnUpdate
    from wsi_swarm.swarm.simulation.setting import Setting
    from wsi_swarm.swarm.state.encoding import FixedState


class BrokenError(SwarmError):
    """A simulation broke an invariant."""


class Checks:
    """Watches one simulation.

    Parameters
    ----------
    setting
        The run.
    accounts
        Of the members.
    liars
        Members of whom nothing is promised.
    initial
        The model that the run starts from.
    hindered
        ``(member, since) -> bool``: whether something from outside hindered a member at any time since then.
    disk_kept
        Whether a member's disk has kept all that was ever written to it.

    Attributes
    ----------
    finals
        Times (seconds, absolute) at which rounds became final on the chain, in order.
    """

    def __init__(
        self,
        setting: Setting,
        accounts: Sequence[str],
        liars: frozenset[int],
        initial: FixedState,
        hindered: Callable[[int, float], bool],
        disk_kept: Callable[[int], bool],
    ) -> None:
        self._setting, self._accounts, self._liars = setting, accounts, liars
        self._hindered, self._disk_kept = hindered, disk_kept
        self._saved: dict[int, OwnUpdate] = {}
        self._updates: dict[bytes, OwnUpdate] = {}
        self._sent: dict[tuple[int, int, bytes], set[bytes]] = {}
        self._signed: dict[tuple[int, int, bytes, frozenset[int]], set[bytes]] = {}
        self._seen_events = 0
        self._known = {initial.root}
        self._base = initial
        self._roots: dict[int, bytes] = {}
        self._opened: dict[int, float] = {}
        self._committed: dict[int, dict[int, bytes]] = {}
        self._weights: dict[int, int] = {}
        self.finals: list[float] = []
        self.voids = 0

    # What members do -------------------------------------------------------------------------------------------------

    def acted(self, member: int, round_: int, base_root: bytes, action: Action) -> None:
        """Take in an action of a member's machine while it saw this round with this base."""
        match action:
            case SaveUpdate(update):
                self._saved[member] = update
            case Commit():
                self._commits(member, base_root, action)
            case _ if member in self._liars:
                pass
            case Send(_, sent_round, Propose(contributors, root, _) | Attest(contributors, root, _)):
                roots = self._signed.setdefault((member, sent_round, base_root, contributors), set())
                roots.add(root)
                self._demand(len(roots) == 1, f"the honest member {member} signed two roots in round {sent_round}")
            case Send(_, _, Reveal(about, _, _, manifest)) if about == member and member in self._saved:
                kept = self._saved[member].manifest == manifest
                self._demand(kept or not self._disk_kept(member), f"member {member} reveals what it did not save")
            case Adopt(_, model):
                self._demand(model.root in self._known, f"member {member} adopted a model that was never final")
                self._demand(root_of(model.to_bytes()) == model.root, f"member {member} adopted other bytes")
            case KeepUpdate(round_kept, reveal, blob):
                about = reveal.member
                fits = root_of(blob) == reveal.manifest.root
                self._demand(fits, f"member {member} keeps a wrong update of {about} for round {round_kept}")
            case Note(kind, about, text):
                self._noted(member, kind, about, text)
            case _:
                pass

    def _commits(self, member: int, base_root: bytes, action: Commit) -> None:
        sent = self._sent.setdefault((member, action.round, base_root), set())
        sent.add(action.commitment)
        self._demand(member in self._saved, f"member {member} committed before its update was on the disk")
        self._updates[action.commitment] = self._saved[member]
        if member not in self._liars and self._disk_kept(member):
            self._demand(len(sent) == 1, f"member {member} committed to two updates in round {action.round}")

    def _noted(self, member: int, kind: str, about: int, text: str) -> None:
        if kind == "lost":
            self._demand(
                not self._disk_kept(member), f"member {member} lost an update though its disk was kept: {text}"
            )
        elif kind in ("liar", "refused", "struck"):
            self._demand(about in self._liars, f"member {member} accuses the honest member {about}: {text}")

    # What stands on the chain ----------------------------------------------------------------------------------------

    def final_block(self, contract: ContractModel, now: float) -> None:
        """Take in the contract after a block that nothing can replace any more."""
        events = contract.log
        for event in events[self._seen_events :]:
            self._event(event, now)
        self._seen_events = len(events)

    def _event(self, event: Event, now: float) -> None:
        match event:
            case Enrolled(member=member, weight=weight):
                self._weights[member] = weight
            case RoundOpened(round=round_):
                self._opened[round_] = now
            case Committed(round=round_, member=member, commitment=commitment):
                self._committed.setdefault(round_, {})[member] = commitment
            case Final():
                self._final(event, now)
            case Void():
                self.voids += 1
            case CommitsClosed() | _:
                pass

    def _final(self, event: Final, now: float) -> None:
        round_, root = event.round, event.merged_root
        self._demand(self._roots.setdefault(round_, root) == root, f"round {round_} has two final roots")
        committed = self._committed[round_]
        parts: list[Contribution] = []
        for member in sorted(event.contributors):
            update = self._updates.get(committed[member])
            if update is None:
                msg = f"round {round_} merged an update that member {member} never made"
                raise BrokenError(msg)
            delta, loss = unpack_update(update.blob, model_of(self._base)), unpack_loss(update.flags)
            parts.append(Contribution(self._accounts[member], self._weights[member], delta, loss))
        self._base = merge(self._base, parts, self._setting.merge)
        self._demand(self._base.root == root, f"round {round_} is final with another root than its merge")
        self._known.add(root)
        self.finals.append(now)
        for member in sorted(committed.keys() - event.contributors - self._liars):
            since = self._opened[round_] - self._setting.deadline_s
            lost = not self._hindered(member, since)
            self._demand(not lost, f"the committed update of the live member {member} is not in round {round_}")

    # At the end ------------------------------------------------------------------------------------------------------

    def longest_wait(self, over: float, ended: float) -> float:
        """Return the longest time without a final round, in seconds, after the last fault was ``over``."""
        times = [over, *(final for final in self.finals if final > over)]
        if len(self.finals) < self._setting.rounds:
            times.append(ended)
        return max((later - earlier for earlier, later in pairwise(times)), default=0.0)

    def _demand(self, holds: bool, otherwise: str) -> None:
        if not holds:
            raise BrokenError(otherwise)
