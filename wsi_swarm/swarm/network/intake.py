"""What becomes of a frame from a peer: read, passed on, refused, or held against whoever sent it. No sockets here."""

from __future__ import annotations

import logging
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from wsi_swarm.swarm.network.codec import BadMessageError, OtherVersionError, unseal
from wsi_swarm.swarm.network.gate import Verdict
from wsi_swarm.swarm.network.limits import Asked, Bans, Bucket, Limits, Meter
from wsi_swarm.swarm.protocol.message import Chunk, Envelope, Forward, Message

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from wsi_swarm.swarm.network.peers import Local, Peer, Traffic

log = logging.getLogger(__name__)

MAX_TOLD = 4
"""Different reasons for refusing a member's messages that a person is told: a number in them can be made up."""


class OtherRunError(BadMessageError):
    """A member takes part in another run or with another configuration, which is an oversight and no attack."""


@dataclass(frozen=True, slots=True)
class Heard:
    """A message of a member; ``direct`` unless another one passed it on."""

    author: int
    round: int
    message: Message
    direct: bool


@dataclass(frozen=True, slots=True)
class PassOn:
    """A frame that its author wants passed on."""

    author: int
    to: int
    frame: bytes


class Intake:
    """Judges every frame.

    Whoever passes a frame on has checked that it is its author's own, so it answers for what is not; what the author
    sends through it is charged to the author. Budgets and bans of a member through another are kept apart from those
    of its own link: nobody can have a member cut off by repeating its frames.

    Parameters
    ----------
    local, limits, traffic
        Who this is, what peers may send, where it is counted.
    on_offence
        Called with ``(author, link, why)`` when a member is to be cut off.
    on_trouble
        Called with ``(member, text)`` for what a person should know, once.
    """

    def __init__(
        self,
        local: Local,
        limits: Limits,
        traffic: Traffic,
        on_offence: Callable[[int, int, str], None],
        on_trouble: Callable[[int, str], None],
    ) -> None:
        self._local, self._limits, self.traffic = local, limits, traffic
        self._on_offence, self._on_trouble = on_offence, on_trouble
        self.peers: dict[int, Peer] = {}
        self.bans = Bans(limits)
        self._meters: dict[tuple[int, int], Meter] = {}
        self._handshakes: dict[int, Bucket] = {}
        self._strangers = Bucket(limits.bad, 0.0)
        self._asked: defaultdict[int, Asked] = defaultdict(Asked)
        self._told: set[tuple[int, str]] = set()

    def asked(self, of: int, root: bytes, indices: Sequence[int]) -> None:
        """Note chunks that are asked of a member."""
        self._asked[of].ask(root, indices)

    def forget(self, index: int) -> None:
        """Let a member begin anew: it is another one, or has other keys."""
        self.begin_anew(index)
        self.bans.forget(index)
        self._asked.pop(index, None)
        self._told = {told for told in self._told if told[0] != index}

    def begin_anew(self, index: int) -> None:
        """Fill a member's budgets again: it was punished."""
        self._meters = {pair: meter for pair, meter in self._meters.items() if index not in pair}

    def admit(self, index: int | None, now: float) -> Verdict:
        """Judge a connection that a member wants to make, or somebody (None) whose CURVE key is no member's."""
        if index is None:
            if self._strangers.take(1, now):
                log.warning("refused a connection: its CURVE key is no active member's")
            return Verdict.NO
        if self.bans.banned(index, index, now):
            return Verdict.NO
        handshakes = self._handshakes.setdefault(index, Bucket(self._limits.handshakes, now))
        return Verdict.YES if handshakes.take(1, now) else Verdict.LATER

    def take(self, link: int, parts: Sequence[bytes], now: float) -> Heard | PassOn | None:
        """Judge what came over a peer's link at ``now``; return what is left to do with it."""
        size = sum(map(len, parts))
        self.traffic.bytes_in += size
        if self.bans.banned(link, link, now):
            self.traffic.refused += 1
            return None
        meter = self._meter(link, link, now)
        if not self._affordable(meter, link, link, size, now):
            return None
        try:
            return self._read(meter, link, _only(parts), now)
        except (OtherVersionError, OtherRunError) as error:
            self._refuse(link, str(error))
        except BadMessageError as error:
            self.traffic.bad += 1
            log.warning("member %d: %s", link, error)
            meter.bad(now)
            self._judge(meter, link, link)
        return None

    # Inside ------------------------------------------------------------------------------------------------------

    def _read(self, meter: Meter, link: int, data: bytes, now: float) -> Heard | PassOn | None:
        envelope = self._authentic(link, data)
        self._check_run(envelope)
        match envelope.message:
            case Forward(to, frame) if to == self._local.index:
                return self._read_forwarded(meter, link, frame, len(data), now)
            case Forward(to, frame):
                if isinstance(self._authentic(link, frame).message, Forward):
                    msg = "it wants something passed on twice"
                    raise BadMessageError(msg)
                if meter.relay(len(data), now):
                    meter.refund(len(data))
                    return PassOn(link, to, frame)
                self.traffic.dropped += 1
                self._judge(meter, link, link)
                return None
            case _:
                return self._welcome(meter, envelope, len(data), direct=True)

    def _read_forwarded(self, carrier: Meter, link: int, frame: bytes, charged: int, now: float) -> Heard | None:
        try:
            envelope, account = unseal(frame)
        except OtherVersionError as error:
            msg = f"it passed on what it cannot have read itself: {error}"
            raise BadMessageError(msg) from error
        author = envelope.sender
        if author not in self.peers:  # removed, and the carrier does not know yet
            self.traffic.refused += 1
            return None
        if account != self.peers[author].account or isinstance(envelope.message, Forward):
            msg = f"it passed on as member {author}'s what is not"
            raise BadMessageError(msg)
        carrier.refund(charged)
        if self.bans.banned(author, link, now):
            self.traffic.refused += 1
            return None
        meter = self._meter(author, link, now)
        if not self._affordable(meter, author, link, len(frame), now):
            return None
        try:
            self._check_run(envelope)
        except OtherRunError as error:
            self._refuse(author, str(error))
            return None
        return self._welcome(meter, envelope, len(frame), direct=False)

    def _welcome(self, meter: Meter, envelope: Envelope, size: int, direct: bool) -> Heard | None:
        author, message = envelope.sender, envelope.message
        if isinstance(message, Chunk):
            if not self._asked[author].answer(message.root, message.index):
                self.traffic.dropped += 1
                return None
            meter.refund(size)
        return Heard(author, envelope.round, message, direct)

    def _authentic(self, index: int, data: bytes) -> Envelope:
        """Read a frame that is the member's own."""
        envelope, account = unseal(data)
        if account != self.peers[index].account or envelope.sender != index:
            msg = f"a message says it is from member {envelope.sender} and is signed by {account}, on another's link"
            raise BadMessageError(msg)
        return envelope

    def _check_run(self, envelope: Envelope) -> None:
        local = self._local
        if envelope.config_hash != local.config_hash:
            msg = (
                f"it runs the configuration {envelope.config_hash.hex()[:12]} and this centre "
                f"{local.config_hash.hex()[:12]}; both must hold the identical run.toml"
            )
            raise OtherRunError(msg)
        if envelope.run != local.run:
            msg = f"it takes part in run {envelope.run} and this centre in run {local.run}"
            raise OtherRunError(msg)

    def _affordable(self, meter: Meter, author: int, link: int, size: int, now: float) -> bool:
        if meter.frame(size, now):
            return True
        self.traffic.dropped += 1
        self._judge(meter, author, link)
        return False

    def _judge(self, meter: Meter, author: int, link: int) -> None:
        offence = meter.offence
        if offence is not None:
            self._on_offence(author, link, offence)

    def _refuse(self, index: int, text: str) -> None:
        self.traffic.refused += 1
        known = [told for member, told in self._told if member == index]
        if text not in known and len(known) < MAX_TOLD:
            self._told.add((index, text))
            self._on_trouble(index, f"its messages are refused: {text}")

    def _meter(self, author: int, link: int, now: float) -> Meter:
        if (author, link) not in self._meters:
            self._meters[author, link] = Meter(self._limits, now)
        return self._meters[author, link]


def _only(parts: Sequence[bytes]) -> bytes:
    if len(parts) != 1:
        msg = f"it sent a message in {len(parts)} parts"
        raise BadMessageError(msg)
    return parts[0]
