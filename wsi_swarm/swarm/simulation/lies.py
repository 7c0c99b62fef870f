"""Members that lie, each in one way. A lie needs the member's own key: all that it says is signed by it."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar

from wsi_swarm.swarm.ledger.typed_data import attest_digest, commitment, sign
from wsi_swarm.swarm.protocol.events import Commit, Received, Send
from wsi_swarm.swarm.protocol.message import (
    Attest,
    Chunk,
    Have,
    Lack,
    Offer,
    Propose,
    Reveal,
    WantChunks,
    WantManifest,
    WantReveal,
)
from wsi_swarm.swarm.state.chunks import manifest_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from wsi_swarm.swarm.ledger.base import RunState
    from wsi_swarm.swarm.protocol.desk import Seat
    from wsi_swarm.swarm.protocol.events import LedgerAction
    from wsi_swarm.swarm.protocol.message import Message


@dataclass
class Liar:
    """Stands between an honest machine and the world; this one lets all pass.

    Attributes
    ----------
    seat
        Who lies.
    state
        Returns the run as it stands on the chain.
    """

    seat: Seat
    state: Callable[[], RunState]
    hasty: ClassVar[bool] = False
    """Whether it waits for nobody's reveal."""

    def __post_init__(self) -> None:
        self.chance = random.Random(self.seat.index)  # noqa: S311 (a simulation wants repeatable chance)

    def tell(self, send: Send) -> Iterable[Send]:
        """Return what is sent instead of a message."""
        return (send,)

    def hear(self, heard: Received) -> Iterable[Send]:
        """Return what is sent after a message was heard."""
        del heard
        return ()

    def ignores(self, heard: Received) -> bool:
        """Whether a message is not taken in."""
        del heard
        return False

    def order(self, action: LedgerAction) -> LedgerAction | None:
        """Return the transaction that is sent instead of another."""
        return action

    def propose(self, contributors: frozenset[int], root: bytes) -> Propose:
        """Sign a proposal of the present round, whatever its root."""
        state, seat = self.state(), self.seat
        where = (seat.chain_id, seat.contract, seat.run, state.round, state.base_root, state.commits_hash)
        digest = attest_digest(*where, contributors, root)
        return Propose(contributors, root, sign(seat.key, digest))


class WrongReveal(Liar):
    """Announces another update than the committed one."""

    def tell(self, send: Send) -> Iterable[Send]:
        """Change the own update's root."""
        if isinstance(send.message, Reveal) and send.message.member == self.seat.index:
            return (replace(send, message=replace(send.message, manifest=manifest_of(b"another update"))),)
        return (send,)


class WrongMerge(Liar):
    """Proposes a root that the merge does not have."""

    def tell(self, send: Send) -> Iterable[Send]:
        """Change the root."""
        if isinstance(send.message, Propose):
            return (replace(send, message=self.propose(send.message.contributors, bytes(31) + b"\1")),)
        return (send,)


class Equivocation(Liar):
    """Proposes two roots for the same contributors: the right one to some, another to the others."""

    def tell(self, send: Send) -> Iterable[Send]:
        """Change the root for every other member."""
        if isinstance(send.message, Propose) and send.to % 2:
            return (replace(send, message=self.propose(send.message.contributors, bytes(31) + b"\1")),)
        return (send,)


class OpenEquivocation(Liar):
    """Proposes two roots for the same contributors to everybody."""

    def tell(self, send: Send) -> Iterable[Send]:
        """Send both."""
        if isinstance(send.message, Propose):
            return (send, replace(send, message=self.propose(send.message.contributors, bytes(31) + b"\1")))
        return (send,)


class FalseAttest(Liar):
    """Answers proposals with signatures of something else."""

    def tell(self, send: Send) -> Iterable[Send]:
        """Change the signature."""
        if isinstance(send.message, Attest):
            return (replace(send, message=replace(send.message, signature=sign(self.seat.key, bytes(32)))),)
        return (send,)


class Poison(Liar):
    """Signs the right merge once, so that it is known to be right, and then sends a false signature of it."""

    def tell(self, send: Send) -> Iterable[Send]:
        """Put a good proposal before each bad attestation."""
        message = send.message
        if not isinstance(message, Attest):
            return (send,)
        good = replace(send, message=self.propose(message.contributors, message.merged_root))
        return (good, replace(send, message=replace(message, signature=sign(self.seat.key, bytes(32)))))


class WrongChunks(Liar):
    """Serves damaged chunks."""

    def tell(self, send: Send) -> Iterable[Send]:
        """Turn the bytes round."""
        if isinstance(send.message, Chunk):
            return (replace(send, message=replace(send.message, data=send.message.data[::-1])),)
        return (send,)


class NoProposal(Liar):
    """Never proposes."""

    def tell(self, send: Send) -> Iterable[Send]:
        """Drop proposals."""
        return () if isinstance(send.message, Propose) else (send,)


class Mute(Liar):
    """Commits, and then says nothing to anybody."""

    def tell(self, send: Send) -> Iterable[Send]:
        """Drop everything."""
        del send
        return ()


class Withhold(Liar):
    """Reveals, and then serves no chunk."""

    def tell(self, send: Send) -> Iterable[Send]:
        """Drop what was asked for."""
        return () if isinstance(send.message, Chunk | Offer | Lack) else (send,)


class TwoFaced(Liar):
    """Reveals and serves to every other member only."""

    def tell(self, send: Send) -> Iterable[Send]:
        """Drop what goes to the others."""
        return () if isinstance(send.message, Chunk | Reveal) and send.to % 2 else (send,)


class Exclude(Liar):
    """Will not know of another member's update, and proposes merges without it at the first moment."""

    hasty = True

    def ignores(self, heard: Received) -> bool:
        """Ignore every reveal of the victim."""
        victim = 1 if self.seat.index == 0 else 0
        return isinstance(heard.message, Reveal) and heard.message.member == victim


class NoCommit(Liar):
    """Enrols for every round and never commits."""

    def order(self, action: LedgerAction) -> LedgerAction | None:
        """Drop commitments."""
        return None if isinstance(action, Commit) else action


class Unfit(Liar):
    """Commits to bytes that are no update of this model, and opens the commitment as it should be."""

    BLOB = b"these bytes are no update"
    SALT = bytes(32)

    def __post_init__(self) -> None:
        super().__post_init__()
        self._told: set[tuple[int, int]] = set()

    def order(self, action: LedgerAction) -> LedgerAction | None:
        """Commit to the bytes."""
        if not isinstance(action, Commit):
            return action
        state, seat = self.state(), self.seat
        root = manifest_of(self.BLOB).root
        where = (seat.account, seat.contract, seat.run, action.round, state.base_root)
        return replace(action, commitment=commitment(*where, root, 0, self.SALT))

    def hear(self, heard: Received) -> Iterable[Send]:
        """Open the commitment to whoever shows that the commits are closed, and to whoever asks again."""
        told = (heard.sender, heard.round)
        if isinstance(heard.message, WantReveal) or (isinstance(heard.message, Reveal) and told not in self._told):
            self._told.add(told)
            reveal = Reveal(self.seat.index, 0, self.SALT, manifest_of(self.BLOB))
            return (Send(heard.sender, heard.round, reveal),)
        return ()

    def tell(self, send: Send) -> Iterable[Send]:
        """Serve the bytes."""
        manifest = manifest_of(self.BLOB)
        if send.message == Lack(manifest.root):
            return (replace(send, message=Chunk(manifest.root, 0, self.BLOB)),)
        return (send,)


class Babble(Liar):
    """Says, instead of each message, something of the right form that makes no sense."""

    def tell(self, send: Send) -> Iterable[Send]:
        """Say anything."""
        chance = self.chance
        round_ = chance.choice([send.round, send.round, 0, 10**9])
        return (replace(send, message=chance.choice(self._nonsense(send.message)), round=round_),)

    def _nonsense(self, message: Message) -> list[Message]:
        chance, word, members = self.chance, self._word, self._members
        manifest = manifest_of(chance.randbytes(10))
        return [
            Reveal(chance.randrange(256), chance.randrange(2**32), word(), manifest),
            WantReveal(chance.randrange(256)),
            WantManifest(word()),
            Offer(manifest),
            WantChunks(word(), tuple(chance.randrange(9) for _ in range(8))),
            Chunk(word(), chance.randrange(4), chance.randbytes(9)),
            Lack(word()),
            self.propose(members(), word()),
            Propose(members(), word(), chance.randbytes(65)),
            Attest(members(), word(), chance.randbytes(65)),
            Have(word()),
            message,
        ]

    def _word(self) -> bytes:
        return self.chance.choice([bytes(32), self.chance.randbytes(32)])

    def _members(self) -> frozenset[int]:
        some = self.chance.sample(range(256), self.chance.randrange(4))
        return frozenset(some) | frozenset(range(self.chance.randrange(4)))


LIARS: dict[str, type[Liar]] = {
    "wrong-reveal": WrongReveal,
    "wrong-merge": WrongMerge,
    "equivocation": Equivocation,
    "open-equivocation": OpenEquivocation,
    "false-attest": FalseAttest,
    "poison": Poison,
    "wrong-chunks": WrongChunks,
    "no-proposal": NoProposal,
    "mute": Mute,
    "withhold": Withhold,
    "two-faced": TwoFaced,
    "exclude": Exclude,
    "no-commit": NoCommit,
    "unfit": Unfit,
    "babble": Babble,
}
