"""One round at one member, from the closing of the commits to the attestations: reveal, collect, merge, agree."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wsi_swarm.errors import IntegrityError
from wsi_swarm.swarm.merge.mean import Contribution, weighted_mean
from wsi_swarm.swarm.protocol.download import Download
from wsi_swarm.swarm.protocol.events import Finalise, KeepUpdate
from wsi_swarm.swarm.protocol.message import Attest, Propose, Reveal, WantReveal
from wsi_swarm.swarm.state.encoding import applicable, from_bytes

if TYPE_CHECKING:
    from wsi_swarm.swarm.ledger.base import RunState
    from wsi_swarm.swarm.protocol.desk import Desk, Key
    from wsi_swarm.swarm.protocol.shelf import Shelf
    from wsi_swarm.swarm.state.encoding import FixedState

PROPOSER_STEPS = 4
"""A silent proposer is overtaken after this part of the attestation time."""

MAX_PROPOSALS = 16
"""Different proposals of one member in one round that are looked at: each may cost a merge."""


class Work:
    """What this member knows of the round it is in. Everything is by member index; updates are differences."""

    def __init__(self, desk: Desk, shelf: Shelf, round_: int, base_root: bytes) -> None:
        self.round, self.base_root = round_, base_root
        self._desk, self._shelf = desk, shelf
        self._me = desk.seat.index
        self._reveals: dict[int, Reveal] = {}
        self._downloads: dict[int, Download] = {}
        self._updates: dict[int, FixedState] = {}
        self._refused: set[int] = set()  # committed to bytes that are no update of this base: everybody finds the same
        self._liars: set[int] = set()  # sent a reveal that does not open the commitment: nobody waits for them
        self._ready_at: int | None = None
        self._merged: dict[frozenset[int], FixedState] = {}
        self._proposals: dict[int, Propose] = {}
        self._proposal_counts: dict[int, int] = {}
        self._unanswered: set[int] = set()
        self._signatures: dict[Key, dict[int, bytes]] = {}

    def merged(self, root: bytes) -> FixedState | None:
        """Return the merge with this root, if it was computed here."""
        return next((state for state in self._merged.values() if state.root == root), None)

    @property
    def downloads(self) -> list[Download]:
        """Updates that are on their way here or were."""
        return list(self._downloads.values())

    # What peers say ----------------------------------------------------------------------------------------------

    def hear(self, state: RunState, sender: int, message: Reveal | Propose | Attest | WantReveal) -> None:
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
            case Propose(contributors):
                fits = contributors <= state.committed and len(contributors) >= state.terms.min_peers
                if fits and self._desk.attested(state, (contributors, message.merged_root), sender, message.signature):
                    self._hear_proposal(sender, message)
            case Attest(contributors, merged_root, signature):
                key = (contributors, merged_root)
                if key in self._signatures and self._desk.attested(state, key, sender, signature):
                    self._signatures[key][sender] = signature

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
        """Do what is to be done now; ``state`` is in the phase ATTEST."""
        self._reveal(state)
        self._collect(state, base)
        self._propose(state, base)
        self._answer_proposals(state, base)

    def _reveal(self, state: RunState) -> None:
        me, update, desk = self._me, self._shelf.update, self._desk
        if me not in desk.commits or me in self._reveals or update is None or not update.is_for(state):
            return
        reveal = Reveal(me, 0, desk.salt(state.round), update.manifest)
        if not desk.opens(state, me, update.manifest.root, reveal.flags, reveal.salt):
            desk.note("lost", me, f"round {self.round}: the update that this member had committed to is lost")
            return
        self._reveals[me], self._updates[me] = reveal, update.delta
        desk.do(KeepUpdate(self.round, reveal, update.blob))
        for member in sorted(state.electorate - {me}):
            desk.send(member, reveal)

    def _collect(self, state: RunState, base: FixedState) -> None:
        for member in sorted(state.committed - self._updates.keys() - self._refused - {self._me}):
            reveal, download = self._reveals.get(member), self._downloads.get(member)
            if reveal is None:
                self._ask_for_reveal(member)
            elif download is None:
                sources = self._desk.sources(state, first=member)
                patience_s = 2 * self._desk.plan.heartbeat_s
                self._downloads[member] = Download(reveal.manifest.root, sources, patience_s, reveal.manifest)
            elif download.complete:
                self._judge(base, reveal, download.blob())

    def _ask_for_reveal(self, member: int) -> None:
        if self._desk.again(("want", member), at_once=False):
            holders = {sender for sender, proposal in self._proposals.items() if member in proposal.contributors}
            for source in sorted(holders | {member}):
                self._desk.send(source, WantReveal(member))

    def _judge(self, base: FixedState, reveal: Reveal, blob: bytes) -> None:
        try:
            delta = from_bytes(blob)
        except IntegrityError:
            delta = None
        if delta is None or not applicable(delta, base):
            self._refused.add(reveal.member)
            text = f"round {self.round}: its update does not fit the base model and is left out"
            self._desk.note("refused", reveal.member, text)
            return
        self._updates[reveal.member] = delta
        self._shelf.put(reveal.manifest, blob)
        self._desk.do(KeepUpdate(self.round, reveal, blob))

    def _propose(self, state: RunState, base: FixedState) -> None:
        desk, me, now = self._desk, self._me, self._desk.chain_now
        awaited = state.committed - self._updates.keys() - self._refused - self._liars
        if len(self._updates) < state.terms.min_peers or any(now < desk.reveal_end(state, m) for m in awaited):
            return
        self._count_strikes(awaited)
        self._ready_at = int(now) if self._ready_at is None else self._ready_at
        if me not in self._updates or now < self._ready_at + self._place() * desk.plan.attest_s / PROPOSER_STEPS:
            return
        contributors = frozenset(self._updates)
        key = (contributors, self._merge(state, base, contributors).root)
        if key not in self._signatures:
            self._signatures[key] = {me: desk.attestation(state, key)}
        signatures = self._signatures[key]
        if len(signatures) >= state.quorum:
            desk.transact(Finalise(self.round, *key, dict(signatures)))
            return
        for member in sorted(state.committed - signatures.keys()):
            if desk.again(("propose", member, key)):
                desk.send(member, Propose(*key, signatures[me]))

    def _count_strikes(self, silent: set[int] | frozenset[int]) -> None:
        for member in sorted(silent):
            if self._desk.note("silent", member, f"round {self.round}: it committed and did not reveal in time"):
                self._desk.strikes[member] = self._desk.strikes.get(member, 0) + 1
        for member in self._updates:
            self._desk.strikes.pop(member, None)

    def _answer_proposals(self, state: RunState, base: FixedState) -> None:
        if self._me not in state.committed:
            return
        for sender in sorted(self._unanswered):
            proposal = self._proposals[sender]
            missing = proposal.contributors - self._updates.keys()
            left_out = self._updates.keys() - proposal.contributors
            if missing & self._refused:
                self._unanswered.discard(sender)
            elif not missing and all(self._desk.chain_now >= self._desk.reveal_end(state, m) for m in left_out):
                self._unanswered.discard(sender)
                key = (proposal.contributors, proposal.merged_root)
                if self._merge(state, base, proposal.contributors).root == proposal.merged_root:
                    self._desk.send(sender, Attest(*key, self._desk.attestation(state, key)))
                else:
                    self._desk.note("liar", sender, f"round {self.round}: it proposed a wrong merge")

    def _merge(self, state: RunState, base: FixedState, contributors: frozenset[int]) -> FixedState:
        if contributors not in self._merged:
            weights = state.weights if self._desk.plan.weighted else dict.fromkeys(contributors, 1)
            parts = [Contribution(str(m), weights[m], self._updates[m]) for m in sorted(contributors)]
            self._merged[contributors] = weighted_mean(base, parts)
        return self._merged[contributors]

    def _place(self) -> int:
        """Return the own rank as proposer among those whose update is here: rotation by round."""
        order = sorted(self._updates)
        return (order.index(self._me) - self.round) % len(order)
