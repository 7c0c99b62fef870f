"""One round at one member, from the closing of the commits to the attestations: reveal, collect, merge, agree."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wsi_swarm.errors import IntegrityError
from wsi_swarm.swarm.ledger.base import Equivocation
from wsi_swarm.swarm.merge.mean import Contribution
from wsi_swarm.swarm.merge.whole import merge, model_of, unpack_loss
from wsi_swarm.swarm.protocol.download import Download
from wsi_swarm.swarm.protocol.events import Finalise, KeepMerge, KeepUpdate, Reject
from wsi_swarm.swarm.protocol.message import Attest, Evidence, Propose, Reveal, WantReveal
from wsi_swarm.swarm.state.update import unpack_update

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wsi_swarm.swarm.ledger.base import RunState
    from wsi_swarm.swarm.protocol.desk import Desk, Key
    from wsi_swarm.swarm.protocol.shelf import Shelf
    from wsi_swarm.swarm.state.encoding import FixedState

PROPOSER_STEPS = 4
"""A silent proposer is overtaken after this part of the attestation time."""

MAX_PROPOSALS = 16
"""Different proposals of one member in one round that are looked at: each may cost a merge."""


class Work:
    """What this member knows of the round it is in. Everything is by member index; updates are differences.

    Parameters
    ----------
    downloads
        Of earlier rounds from the same base, by root: a void round costs no byte twice.
    """

    def __init__(
        self, desk: Desk, shelf: Shelf, round_: int, base_root: bytes, downloads: Mapping[bytes, Download]
    ) -> None:
        self.round, self.base_root = round_, base_root
        self._desk, self._shelf = desk, shelf
        self._me = desk.seat.index
        self._before = downloads
        self._reveals: dict[int, Reveal] = {}
        self._downloads: dict[int, Download] = {}
        self._updates: dict[int, FixedState] = {}
        self._overdue: set[int] = set()  # their updates came here when the time for them was over
        self._refused: set[int] = set()  # committed to bytes that are no update of this base: everybody finds the same
        self._liars: set[int] = set()  # sent a reveal that does not open the commitment: nobody waits for them
        self._ready_at: int | None = None
        self._merged: dict[frozenset[int], FixedState] = {}
        self._proposals: dict[int, Propose] = {}
        self._proposal_counts: dict[int, int] = {}
        self._unanswered: set[int] = set()
        self._signatures: dict[Key, dict[int, bytes]] = {}
        self._witnessed: dict[int, dict[Key, bytes]] = {}

    def merged(self, root: bytes) -> FixedState | None:
        """Return the merge with this root, if it was computed here."""
        return next((state for state in self._merged.values() if state.root == root), None)

    @property
    def downloads(self) -> list[Download]:
        """Updates that are on their way here or were."""
        return list(self._downloads.values())

    @property
    def open_downloads(self) -> list[Download]:
        """Updates that are on their way here."""
        here = self._updates.keys() | self._refused
        return [self._downloads[member] for member in sorted(self._downloads.keys() - here)]

    # What peers say ----------------------------------------------------------------------------------------------

    def hear(self, state: RunState, sender: int, message: Reveal | Propose | Attest | Evidence | WantReveal) -> None:
        """Take in a committer's message of this round, once the commits are closed."""
        match message:
            case Reveal(member, flags, salt, manifest):
                if member in self._reveals or member not in state.committed:
                    return
                if self._desk.opens(state, member, manifest.root, flags, salt):
                    self._reveals[member] = message
                elif sender == member:
                    self._liars.add(member)
                    self._desk.note("liar", member, f"round {self.round}: its update does not match its commitment")
            case WantReveal(member):
                if member in self._reveals:
                    self._desk.send(sender, self._reveals[member])
            case Propose(contributors, root, signature):
                fits = contributors <= state.committed and len(contributors) >= state.terms.min_peers
                if fits and self._is_signed(state, sender, (contributors, root), signature):
                    self._hear_proposal(sender, message)
            case Attest(contributors, root, signature):
                key = (contributors, root)
                if self._is_signed(state, sender, key, signature) and key in self._signatures:
                    self._signatures[key][sender] = self._witnessed[sender][key]  # the one that was found valid
            case Evidence(member, contributors, root, signature):
                if member in state.committee:
                    self._is_signed(state, member, (contributors, root), signature)

    def _is_signed(self, state: RunState, member: int, key: Key, signature: bytes) -> bool:
        """Whether the member attested to this; two merged roots of the same updates are a proof against it."""
        seen = self._witnessed.setdefault(member, {})
        if key in seen:
            return True
        if len(seen) >= MAX_PROPOSALS or not self._desk.attested(state, key, member, signature):
            return False
        contributors, root = key
        other = next((known for known in seen if known[0] == contributors), None)
        seen[key] = signature
        if other is not None:
            signed = (contributors, other[1], seen[other], root, signature)
            self._desk.proofs[member] = Equivocation(self.round, self.base_root, state.commits_hash, *signed)
        return True

    def _hear_proposal(self, sender: int, proposal: Propose) -> None:
        if self._proposals.get(sender) != proposal:
            count = self._proposal_counts.get(sender, 0) + 1
            if count > MAX_PROPOSALS:
                return
            self._proposal_counts[sender] = count
            self._proposals[sender] = proposal
        self._unanswered.add(sender)

    # What follows ------------------------------------------------------------------------------------------------

    def follow(self, state: RunState, base: FixedState) -> None:
        """Do what is to be done now; ``state`` is in the phase ATTEST, ``base`` the whole state."""
        self._reveal(state, base)
        if self._me in state.committee - state.rejected:
            self._collect(state, base)
            self._propose(state, base)
            self._answer_proposals(state, base)

    def _reveal(self, state: RunState, base: FixedState) -> None:
        me, update, desk = self._me, self._shelf.update, self._desk
        if me not in desk.commits or me in self._reveals or update is None or not update.is_for(state):
            return
        reveal = Reveal(me, update.flags, desk.salt(state.round), update.manifest)
        if not desk.opens(state, me, update.manifest.root, reveal.flags, reveal.salt):
            desk.note("lost", me, f"round {self.round}: the update that this member had committed to is lost")
            return
        self._reveals[me], self._updates[me] = reveal, unpack_update(update.blob, model_of(base))
        desk.do(KeepUpdate(self.round, reveal, update.blob))
        for member in sorted(state.committee - {me}):
            desk.send(member, reveal)

    def _collect(self, state: RunState, base: FixedState) -> None:
        for member in sorted(state.committed - self._updates.keys() - self._refused - {self._me}):
            reveal, download = self._reveals.get(member), self._downloads.get(member)
            if reveal is None:
                self._ask_for_reveal(member)
                continue
            if download is None:
                download = self._downloads[member] = self._download(state, member, reveal)
            if download.complete:
                self._judge(state, base, reveal, download.blob())

    def _download(self, state: RunState, member: int, reveal: Reveal) -> Download:
        known = self._before.get(reveal.manifest.root)
        if known is not None:
            return known
        sources = self._desk.sources(state.committee, first=member)
        return Download(reveal.manifest.root, sources, 2 * self._desk.plan.heartbeat_s, reveal.manifest)

    def _ask_for_reveal(self, member: int) -> None:
        if self._desk.again(("want", member), at_once=False):
            holders = {sender for sender, proposal in self._proposals.items() if member in proposal.contributors}
            for source in sorted(holders | {member}):
                self._desk.send(source, WantReveal(member))

    def _judge(self, state: RunState, base: FixedState, reveal: Reveal, blob: bytes) -> None:
        try:
            delta = unpack_update(blob, model_of(base))
        except IntegrityError:
            self._refused.add(reveal.member)
            text = f"round {self.round}: its update does not fit the base model and is left out"
            self._desk.note("refused", reveal.member, text)
            return
        self._updates[reveal.member] = delta
        if self._desk.chain_now >= self._desk.reveal_end(state, reveal.member):
            self._overdue.add(reveal.member)
        self._shelf.put(reveal.manifest, blob)
        self._desk.do(KeepUpdate(self.round, reveal, blob))

    def _propose(self, state: RunState, base: FixedState) -> None:
        desk, me, now = self._desk, self._me, self._desk.chain_now
        awaited = state.committed - self._updates.keys() - self._refused - self._liars
        if any(now < desk.reveal_end(state, member) for member in awaited):
            return
        if len(self._updates) < state.terms.min_peers:
            desk.transact(Reject(self.round))
            return
        self._count_strikes(awaited)
        self._ready_at = int(now) if self._ready_at is None else self._ready_at
        order = sorted(state.committee & self._updates.keys())
        if me not in order:
            return
        place = (order.index(me) - self.round) % len(order)  # rotation by round
        if now < self._ready_at + place * desk.plan.attest_s / PROPOSER_STEPS:
            return
        contributors = frozenset(self._updates)
        key = (contributors, self._merge(state, base, contributors).root)
        if key not in self._signatures:
            self._signatures[key] = {me: self._attest(state, key)}
        able = state.committee - state.rejected
        signatures = {member: signed for member, signed in self._signatures[key].items() if member in able}
        if len(signatures) >= state.quorum:
            desk.transact(Finalise(self.round, *key, signatures))
            return
        for member in sorted(able - signatures.keys()):
            if desk.again(("propose", member, key)):
                desk.send(member, Propose(*key, signatures[me]))

    def _count_strikes(self, silent: set[int] | frozenset[int]) -> None:
        for member in sorted(silent):
            if self._desk.note("silent", member, f"round {self.round}: it committed and did not reveal in time"):
                self._desk.strikes[member] = self._desk.strikes.get(member, 0) + 1
        for member in self._updates:
            self._desk.strikes.pop(member, None)

    def _answer_proposals(self, state: RunState, base: FixedState) -> None:
        for sender in sorted(self._unanswered):
            proposal = self._proposals[sender]
            missing = proposal.contributors - self._updates.keys()
            left_out = self._updates.keys() - proposal.contributors
            if missing & self._refused:
                self._unanswered.discard(sender)
            elif not missing and all(self._may_miss(state, member) for member in left_out):
                self._unanswered.discard(sender)
                key = (proposal.contributors, proposal.merged_root)
                if self._merge(state, base, proposal.contributors).root == proposal.merged_root:
                    self._desk.send(sender, Attest(*key, self._attest(state, key)))
                elif self._desk.note("liar", sender, f"round {self.round}: it proposed a wrong merge"):
                    for member in sorted(state.committee - {self._me, sender}):
                        self._desk.send(member, Evidence(sender, *key, proposal.signature))

    def _may_miss(self, state: RunState, member: int) -> bool:
        """Whether a merge may do without an update that is here.

        What came in time must be in it, since the others fetch it too: no proposer leaves out whom it likes. In the
        second half of the attestation time any merge is better than none.
        """
        grace = 0.0 if member in self._overdue else self._desk.plan.attest_s / 2
        return self._desk.chain_now >= self._desk.reveal_end(state, member) + grace

    def _attest(self, state: RunState, key: Key) -> bytes:
        """Sign a merge that was computed here, and let it be written before the signature is seen."""
        if self._desk.once(("keep", key)):
            self._desk.do(KeepMerge(self._merged[key[0]]))
        return self._desk.attestation(state, key)

    def _merge(self, state: RunState, base: FixedState, contributors: frozenset[int]) -> FixedState:
        if contributors not in self._merged:
            parts = [self._contribution(state, member) for member in sorted(contributors)]
            self._merged[contributors] = merge(base, parts, self._desk.plan.merge)
        return self._merged[contributors]

    def _contribution(self, state: RunState, member: int) -> Contribution:
        account, loss = self._desk.members[member].account, unpack_loss(self._reveals[member].flags)
        return Contribution(account, state.weights[member], self._updates[member], loss)
