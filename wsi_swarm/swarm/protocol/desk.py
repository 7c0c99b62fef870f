"""What the rules of a member's machine share: who it is, what it last saw of the chain, the time, and the out-tray."""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from typing import TYPE_CHECKING

from wsi_swarm.swarm.ledger.typed_data import attest_digest, commitment, recover, sign
from wsi_swarm.swarm.protocol.events import Action, LedgerAction, Look, Note, NoteKind, Send
from wsi_swarm.swarm.state.chunks import Manifest, manifest_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wsi_swarm.swarm.ledger.base import Equivocation, Member, RunState
    from wsi_swarm.swarm.merge.whole import MergePlan
    from wsi_swarm.swarm.protocol.events import ChainSeen
    from wsi_swarm.swarm.protocol.message import Message
    from wsi_swarm.swarm.state.encoding import Values

Key = tuple[frozenset[int], bytes]
"""Contributors and merged root: what an attestation is about."""


@dataclass(frozen=True, slots=True)
class Seat:
    """Who this member is: its place on the contract and its 32-byte private key."""

    chain_id: int
    contract: str
    run: int
    index: int
    account: str
    key: bytes


@dataclass(frozen=True, slots=True)
class Plan:
    """What the run configuration says to the machine; times in seconds.

    Attributes
    ----------
    weight
        With which this member enrols.
    merge
        The rule by which everybody merges, and how long to train between two merges.
    update_bits
        32 or 16, of an update's values.
    """

    weight: int
    merge: MergePlan
    update_bits: int
    attest_s: float
    heartbeat_s: float


@dataclass(frozen=True, slots=True)
class OwnUpdate:
    """The update that this member trained from a base.

    Attributes
    ----------
    base_root, finals
        The base, and how many final rounds lay behind it.
    blob
        Canonical bytes.
    flags
        What the commitment says besides: the training loss.
    residual
        What rounding the update to fewer bits lost; the next one makes up for it. None with 32 bits.
    """

    base_root: bytes
    finals: int
    blob: bytes
    flags: int
    residual: Values | None
    manifest: Manifest

    def is_for(self, state: RunState) -> bool:
        """Whether it was trained from the base that stands on the chain now."""
        return (self.base_root, self.finals) == (state.base_root, state.finals)


def own_update(base_root: bytes, finals: int, blob: bytes, flags: int, residual: Values | None) -> OwnUpdate:
    """Describe the canonical bytes of an update, trained just now or read from the checkpoint."""
    return OwnUpdate(base_root, finals, blob, flags, residual, manifest_of(blob))


class Desk:
    """One member's desk; ``now`` is local time in seconds and never runs backwards."""

    def __init__(self, seat: Seat, plan: Plan) -> None:
        self.seat, self.plan = seat, plan
        self.now = 0.0
        self.members: tuple[Member, ...] = ()
        self.active: list[int] = []
        """Indices of the members that have a say now, ascending."""
        self.commits: Mapping[int, bytes] = {}
        self.reachable: frozenset[int] = frozenset()
        self.strikes: dict[int, int] = {}
        """Rounds in a row in which a member committed and then stayed silent."""
        self.proofs: dict[int, Equivocation] = {}
        """Members that signed two merges of the same updates, until the chain knows."""
        self._chain_ahead = 0.0
        self._round = 0
        self._fresh = False
        self._out: list[Action] = []
        self._done_at: dict[object, float] = {}
        self._in_flight: set[type[LedgerAction]] = set()

    def see(self, seen: ChainSeen, new_round: bool) -> None:
        """Take over what the chain says."""
        self._fresh = True
        if seen.members != self.members:
            self.active = sorted(member.index for member in seen.members if member.active)
        self.members, self.commits, self.reachable = seen.members, seen.commits, seen.reachable
        self._chain_ahead, self._round = seen.state.chain_time - self.now, seen.state.round
        if new_round:
            self._done_at.clear()

    @property
    def chain_now(self) -> float:
        """Chain time in seconds, carried on from the last look: deadlines are compared with nothing else."""
        return self.now + self._chain_ahead

    def sources(self, likely: frozenset[int], first: int | None = None) -> list[int]:
        """Return who may hold a blob: whom we reach directly, the owner, likely ones; each begins elsewhere."""
        me = self.seat.index
        others = [member for member in self.active if member != me]
        near = self.reachable
        return sorted(others, key=lambda i: (i not in near, i != first, i not in likely, (i - me) % 256))

    def reveal_end(self, state: RunState, member: int) -> float:
        """Until when (chain time) a member's update is waited for: half as long for each of its strikes."""
        closed = state.attest_deadline - state.terms.attest_seconds
        return closed + (state.terms.attest_seconds - self.plan.attest_s) / 2.0 ** self.strikes.get(member, 0)

    # Hashes and signatures ---------------------------------------------------------------------------------------

    def salt(self, round_: int) -> bytes:
        """Derive the salt from the private key: a restarted member finds it again, nobody else can."""
        seat = self.seat
        where = f"wsi-swarm salt {seat.chain_id} {seat.contract.lower()} {seat.run} {round_}"
        return hmac.digest(seat.key, where.encode(), "sha256")

    def opens(self, state: RunState, member: int, update_root: bytes, flags: int, salt: bytes) -> bool:
        """Whether these values open the member's commitment on the chain."""
        found = self.commitment(state, member, update_root, flags, salt)
        return self.commits.get(member) == found

    def commitment(self, state: RunState, member: int, update_root: bytes, flags: int, salt: bytes) -> bytes:
        """Return the commitment of a member to an update in this round."""
        account, seat = self.members[member].account, self.seat
        return commitment(account, seat.contract, seat.run, state.round, state.base_root, update_root, flags, salt)

    def attestation(self, state: RunState, key: Key) -> bytes:
        """Sign that merging these contributors gives this root."""
        return sign(self.seat.key, self._digest(state, key))

    def attested(self, state: RunState, key: Key, member: int, signature: bytes) -> bool:
        """Whether ``signature`` is the member's attestation."""
        return recover(self._digest(state, key), signature) == self.members[member].account

    def _digest(self, state: RunState, key: Key) -> bytes:
        seat = self.seat
        return attest_digest(
            seat.chain_id, seat.contract, seat.run, state.round, state.base_root, state.commits_hash, *key
        )

    # The out-tray ------------------------------------------------------------------------------------------------

    def empty(self) -> list[Action]:
        """Return what is to be done, in order, and begin anew."""
        out, self._out = self._out, []
        return out

    def do(self, action: Action) -> None:
        """Put an action into the tray."""
        self._out.append(action)

    def send(self, to: int, message: Message) -> None:
        """Send a message of this round."""
        self._out.append(Send(to, self._round, message))

    def look(self) -> None:
        """Ask for a look at the chain."""
        if self._out[-1:] != [Look()]:
            self._out.append(Look())

    def transact(self, action: LedgerAction) -> None:
        """Ask the ledger, unless such a call is under way or was made just now."""
        if self._fresh and type(action) not in self._in_flight and self.again(type(action)):
            self._in_flight.add(type(action))
            self._out.append(action)

    def settled(self, action: LedgerAction) -> None:
        """Note that a ledger call came to an end, well or not: after the next look, rules that want it ask again."""
        self._fresh = False
        self._in_flight.discard(type(action))

    def note(self, kind: NoteKind, member: int, text: str) -> bool:
        """Tell a person, once per round; return whether it was the first time."""
        first = self.once(("note", kind, member))
        if first:
            self._out.append(Note(kind, member, text))
        return first

    def waited(self, what: object) -> float:
        """Return the seconds since this was first asked in this round."""
        return self.now - self._done_at.setdefault(what, self.now)

    def once(self, what: object) -> bool:
        """Whether this is the first time in this round."""
        first = what not in self._done_at
        self._done_at.setdefault(what, self.now)
        return first

    def again(self, what: object, at_once: bool = True) -> bool:
        """Whether it is time (again) for something that is repeated every heartbeat."""
        last = self._done_at.get(what)
        if last is None and not at_once:
            self._done_at[what] = self.now
            return False
        if last is not None and self.now - last < self.plan.heartbeat_s:
            return False
        self._done_at[what] = self.now
        return True
