"""What a member's state machine is told (events) and what it asks for (actions). Values only: no sockets, no clocks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wsi_swarm.swarm.ledger.base import Equivocation, Member, RunState
    from wsi_swarm.swarm.protocol.desk import OwnUpdate
    from wsi_swarm.swarm.protocol.message import Message, Reveal
    from wsi_swarm.swarm.state.encoding import FixedState

# Events ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Tick:
    """Time passed."""


@dataclass(frozen=True, slots=True)
class ChainSeen:
    """What the chain says now.

    Attributes
    ----------
    commits
        Commitments of the current round by member index; needed once commits are closed.
    members
        All members, past ones too, by index.
    reachable
        Members to whom this one has a direct link; blobs are fetched from them first.
    """

    state: RunState
    commits: Mapping[int, bytes]
    members: tuple[Member, ...]
    reachable: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Trained:
    """The local training that a ``Train`` asked for is done; ``state`` are the new weights of the model."""

    base_root: bytes
    finals: int
    state: FixedState
    loss: float


@dataclass(frozen=True, slots=True)
class Received:
    """A peer's message, authentic: signed by the member ``sender``."""

    sender: int
    round: int
    message: Message


@dataclass(frozen=True, slots=True)
class Settled:
    """A ledger action came to an end; ``refusal`` says why not, or None when it is done."""

    action: LedgerAction
    refusal: str | None


Event = Tick | ChainSeen | Trained | Received | Settled

# Actions --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Look:
    """Read the chain now: a peer knows something newer."""


@dataclass(frozen=True, slots=True)
class Send:
    """Send a message to a member; it may get lost, whatever matters is asked for again."""

    to: int
    round: int
    message: Message


@dataclass(frozen=True, slots=True)
class Train:
    """Train ``model`` for ``steps``; ``finals`` final rounds lie behind. ``base_root`` is the whole state's."""

    base_root: bytes
    finals: int
    model: FixedState
    steps: int


@dataclass(frozen=True, slots=True)
class SaveUpdate:
    """Write the own update durably, before the commitment that may follow goes out."""

    update: OwnUpdate


@dataclass(frozen=True, slots=True)
class KeepUpdate:
    """Keep a verified update with its opening for the audit."""

    round: int
    reveal: Reveal
    blob: bytes


@dataclass(frozen=True, slots=True)
class KeepMerge:
    """Write a merge durably, before the attestation that follows goes out.

    Once it is final, nobody may hold it but those who attested to it; all of them may fall in the next moment.
    """

    merged: FixedState


@dataclass(frozen=True, slots=True)
class Adopt:
    """Keep ``model``, which is the last final model by its root; ``finals`` final rounds lie behind it."""

    finals: int
    model: FixedState


@dataclass(frozen=True, slots=True)
class Enrol:
    """Ledger: take part from the next round on."""

    weight: int


@dataclass(frozen=True, slots=True)
class Commit:
    """Ledger: commit."""

    round: int
    commitment: bytes


@dataclass(frozen=True, slots=True)
class Finalise:
    """Ledger: submit a quorum."""

    round: int
    contributors: frozenset[int]
    merged_root: bytes
    signatures: Mapping[int, bytes]


@dataclass(frozen=True, slots=True)
class Reject:
    """Ledger: I will not attest in this round."""

    round: int


@dataclass(frozen=True, slots=True)
class Report:
    """Ledger: a member signed two merged roots for the same updates."""

    proof: Equivocation


@dataclass(frozen=True, slots=True)
class Poke:
    """Ledger: move the run on."""

    round: int


NoteKind = Literal["liar", "refused", "silent", "slow", "lost", "struck"]
LedgerAction = Enrol | Commit | Finalise | Reject | Report | Poke


@dataclass(frozen=True, slots=True)
class Note:
    """Something that a person should know; ``member`` is whom it is about."""

    kind: NoteKind
    member: int
    text: str


@dataclass(frozen=True, slots=True)
class Leave:
    """Nothing is left to do here; ``reason`` says why, empty if the run is finished and the others have the model."""

    reason: str


Action = Look | Send | Train | SaveUpdate | KeepUpdate | KeepMerge | Adopt | LedgerAction | Note | Leave
