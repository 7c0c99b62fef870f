"""Peer messages: what is sent is what is read, and nothing else is read."""

from __future__ import annotations

import os

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wsi_swarm.swarm.ledger.typed_data import account_of
from wsi_swarm.swarm.network.codec import MAX_FRAME, VERSION, BadMessageError, seal, unseal
from wsi_swarm.swarm.protocol.message import (
    WINDOW,
    Attest,
    Beat,
    Chunk,
    Envelope,
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
from wsi_swarm.swarm.state.chunks import CHUNK_BYTES, MAX_CHUNKS, Manifest, manifest_of

KEY = bytes(31) + b"\x07"
words, members = st.binary(min_size=32, max_size=32), st.integers(0, 255)
manifests = st.binary(max_size=600_000).map(manifest_of)
messages = st.one_of(
    st.builds(Beat, st.text(max_size=256), st.booleans(), st.frozensets(members)),
    st.builds(Forward, members, st.binary(max_size=1000)),
    st.builds(Reveal, members, st.integers(0, 2**32 - 1), words, manifests),
    st.builds(WantReveal, members),
    st.builds(WantManifest, words),
    st.builds(Offer, manifests),
    st.builds(WantChunks, words, st.lists(st.integers(0, MAX_CHUNKS - 1), max_size=WINDOW).map(tuple)),
    st.builds(Chunk, words, st.integers(0, MAX_CHUNKS - 1), st.binary(max_size=1000)),
    st.builds(Lack, words),
    st.builds(Propose, st.frozensets(members), words, st.binary(min_size=65, max_size=65)),
    st.builds(Attest, st.frozensets(members), words, st.binary(min_size=65, max_size=65)),
    st.builds(Have, words),
)


@given(messages, st.integers(0, 2**32), words, st.integers(0, 2**32), members)
def test_round_trip(message, run, config_hash, round_, sender):
    envelope = Envelope(run, config_hash, round_, sender, message)
    assert unseal(seal(envelope, KEY)) == (envelope, account_of(KEY))


@pytest.mark.parametrize(
    "message",
    [
        Chunk(bytes(32), 3, os.urandom(CHUNK_BYTES)),
        Offer(Manifest(MAX_CHUNKS * CHUNK_BYTES, (bytes(32),) * MAX_CHUNKS)),
        Propose(frozenset(range(256)), bytes(32), bytes(65)),
    ],
)
def test_the_largest_messages_fit_a_frame(message):
    envelope = Envelope(2**60, bytes(32), 2**60, 255, message)
    frame = seal(envelope, KEY)
    assert len(frame) <= MAX_FRAME
    assert unseal(frame)[0] == envelope


@given(st.binary(max_size=300))
def test_garbage_is_refused(frame):
    with pytest.raises(BadMessageError):
        unseal(frame)


@given(messages, st.data())
def test_a_changed_byte_is_refused_or_signed_by_nobody_we_know(message, data):
    frame = bytearray(seal(Envelope(1, bytes(32), 1, 1, message), KEY))
    frame[data.draw(st.integers(0, len(frame) - 1))] ^= data.draw(st.integers(1, 255))
    try:
        _, account = unseal(bytes(frame))
    except BadMessageError:
        return
    assert account != account_of(KEY)


def forged(body: object) -> bytes:
    packed = msgpack.packb(body)
    return msgpack.packb([packed, bytes(65)])


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ([VERSION + 1, "whatever", "else"], f"version {VERSION + 1}"),
        ([VERSION, 1, bytes(32), 1, 1, 99, []], "no message"),
        ([VERSION, 1, bytes(32), 1, 1, 2, [256]], "no message"),
        ([VERSION, 1, bytes(32), 1, 1, 2, [1, 2]], "no message"),
        ([VERSION, 1, bytes(32), 1, 1, 2, [True]], "no message"),
        ([VERSION, 1, bytes(31), 1, 1, 2, [1]], "no message"),
        ([VERSION, -1, bytes(32), 1, 1, 2, [1]], "no message"),
        ([VERSION, 1, bytes(32), 1, 1, 5, [bytes(32), list(range(WINDOW + 1))]], "no message"),
        ([VERSION, 1, bytes(32), 1, 1, 4, [[5, bytes(64)]]], "no message"),
        ([VERSION, 1, bytes(32), 1, 1, 6, [bytes(32), 0, bytes(CHUNK_BYTES + 1)]], "no message"),
        ([VERSION, 1, bytes(32), 1, 1, 0, ["e" * 300, True, []]], "no message"),
        ([VERSION, 1, bytes(32), 1, 1, 2, [1]], "valid signature"),
        ({}, "no message"),
        ([[[[[[[[]]]]]]]], "no message"),
        ([VERSION, 1, bytes(32), 1, 1, 2, {1: 2}], "no message"),
    ],
)
def test_what_does_not_fit_the_schema_is_refused_with_a_reason(body, words):
    with pytest.raises(BadMessageError, match=words):
        unseal(forged(body))


def test_a_frame_beyond_the_limit_and_a_deep_one_are_refused():
    for frame in (bytes(MAX_FRAME + 1), b"\x91" * 5000 + b"\xc0"):
        with pytest.raises(BadMessageError):
            unseal(frame)
