"""What peers say to each other, as values; ``network.codec`` turns them into signed bytes and back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from wsi_swarm.swarm.state.chunks import Manifest

WINDOW = 8
"""Credit: chunks that may be under way from one source to one downloader."""


@dataclass(frozen=True, slots=True)
class Beat:
    """I am here, this is my endpoint (its hash stands on the chain), whether I hear you, and whom I reach directly."""

    endpoint: str
    hears: bool
    reaches: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Reveal:
    """Opens a commitment; anybody may pass it on, since it proves itself against the chain."""

    member: int
    flags: int
    salt: bytes
    manifest: Manifest


@dataclass(frozen=True, slots=True)
class WantReveal:
    """Send me this member's ``Reveal`` of this round."""

    member: int


@dataclass(frozen=True, slots=True)
class WantManifest:
    """Send me the ``Offer`` of the blob with this root."""

    root: bytes


@dataclass(frozen=True, slots=True)
class Offer:
    """The manifest of a blob that I hold; its root says which."""

    manifest: Manifest


@dataclass(frozen=True, slots=True)
class WantChunks:
    """Send me these chunks of the blob with this root; at most ``WINDOW``."""

    root: bytes
    indices: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Chunk:
    """One chunk of a blob."""

    root: bytes
    index: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Lack:
    """I do not hold the blob with this root; ask another."""

    root: bytes


@dataclass(frozen=True, slots=True)
class Propose:
    """Merging exactly these members' updates onto the base gives this root; attest if you find the same.

    It carries the proposer's own attestation, so that two roots for the same contributors are a proof against it.
    """

    contributors: frozenset[int]
    merged_root: bytes
    signature: bytes


@dataclass(frozen=True, slots=True)
class Attest:
    """I computed the same; the EIP-712 signature is for the contract."""

    contributors: frozenset[int]
    merged_root: bytes
    signature: bytes


@dataclass(frozen=True, slots=True)
class Evidence:
    """A member signed a wrong merge; whoever holds another signature of it for these contributors has a proof."""

    member: int
    contributors: frozenset[int]
    merged_root: bytes
    signature: bytes


@dataclass(frozen=True, slots=True)
class Have:
    """The chain's last final model has this root, and I hold it."""

    root: bytes


@dataclass(frozen=True, slots=True)
class Forward:
    """A frame that its author signed, passed on for two members that cannot reach each other."""

    to: int
    frame: bytes


Message = (
    Beat | Reveal | WantReveal | WantManifest | Offer | WantChunks | Chunk | Lack
    | Propose | Attest | Evidence | Have | Forward
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Envelope:
    """A message with its context.

    Attributes
    ----------
    run, round
        On the contract.
    config_hash
        32 bytes; members of one run hold the identical configuration.
    sender
        Member index.
    """

    run: int
    config_hash: bytes
    round: int
    sender: int
    message: Message
