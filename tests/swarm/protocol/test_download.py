"""Fetching a blob: credit, silence, lies and lack."""

from __future__ import annotations

import os

from hypothesis import given
from hypothesis import strategies as st

from wsi_swarm.swarm.protocol.download import Download
from wsi_swarm.swarm.protocol.message import WINDOW, Chunk, Lack, Offer, WantChunks, WantManifest
from wsi_swarm.swarm.state.chunks import CHUNK_BYTES, manifest_of, split

BLOB = os.urandom(20 * CHUNK_BYTES + 5)
MANIFEST, CHUNKS = manifest_of(BLOB), split(BLOB)
ROOT = MANIFEST.root


def answer(request, manifest=MANIFEST, chunks=CHUNKS):
    match request:
        case WantManifest():
            return [Offer(manifest)]
        case WantChunks(root, indices):
            return [Chunk(root, index, chunks[index]) for index in indices]


def test_never_more_than_the_credit_is_under_way_and_all_arrives():
    download, now, under_way, arrived = Download(ROOT, [4], 2.0), 0.0, [], 0
    while not download.complete:
        for to, request in download.requests(now):
            assert to == 4
            under_way += answer(request)
        assert len(under_way) <= WINDOW
        download.hear(4, under_way.pop(0), now)
        arrived += 1
        now += 0.01
    assert download.blob() == BLOB
    assert arrived == len(CHUNKS) + 1
    assert download.requests(now) == []


def test_a_silent_source_loses_its_turn_and_nothing_is_asked_twice_before():
    download = Download(ROOT, [4, 5], 2.0, MANIFEST)
    assert [to for to, _ in download.requests(0.0)] == [4]
    assert download.requests(1.0) == []
    assert [to for to, _ in download.requests(2.5)] == [5]
    download.hear(5, Chunk(ROOT, 0, CHUNKS[0]), 4.0)
    assert [to for to, _ in download.requests(5.0)] == [5]  # it speaks, so it keeps its turn
    assert [to for to, _ in download.requests(6.5)] == [4]


def test_a_liar_is_not_asked_again_and_with_liars_only_nobody_is():
    download = Download(ROOT, [4, 5], 2.0, MANIFEST)
    download.requests(0.0)
    download.hear(4, Chunk(ROOT, 0, b"lie"), 0.1)
    assert download.liars == {4}
    assert [to for to, _ in download.requests(0.2)] == [5]
    download.hear(5, Chunk(ROOT, 0, CHUNKS[1]), 0.3)
    assert download.liars == {4, 5}
    assert download.requests(0.4) == download.requests(99.0) == []
    download.hear(9, Chunk(ROOT, 0, b"lie"), 0.5)  # not asked: no lie, no use
    assert download.liars == {4, 5}


def test_when_all_lack_it_the_asking_pauses():
    download = Download(ROOT, [4, 5], 2.0)
    for source in (4, 5):
        assert [to for to, _ in download.requests(0.0)] == [source]
        download.hear(source, Lack(ROOT), 0.0)
    assert download.requests(0.1) == []
    assert [to for to, _ in download.requests(2.1)] == [4]


def test_another_manifest_or_blob_is_ignored():
    other = manifest_of(b"other")
    download = Download(ROOT, [4], 2.0)
    download.requests(0.0)
    download.hear(4, Offer(other), 0.1)
    download.hear(4, Chunk(other.root, 0, b"other"), 0.1)
    download.hear(4, Lack(other.root), 0.1)
    assert download.manifest is None
    assert not download.complete


def test_no_sources():
    assert Download(ROOT, [], 2.0).requests(0.0) == []


@given(st.lists(st.sampled_from(["lose", "lie", "lack", "serve"]), max_size=60))
def test_whatever_the_sources_do_the_blob_is_right_in_the_end(moods):
    sources = list(range(70))
    download, now, moods = Download(ROOT, sources, 2.0), 0.0, [*moods, "serve"]
    for _ in range(1000):
        if download.complete:
            break
        for to, request in download.requests(now):
            mood = moods.pop(0) if len(moods) > 1 else "serve"
            if mood == "lack":
                download.hear(to, Lack(ROOT), now)
            for reply in answer(request) if mood in ("serve", "lie") else []:
                wrong = mood == "lie" and isinstance(reply, Chunk)
                download.hear(to, Chunk(ROOT, reply.index, b"lie") if wrong else reply, now)
        now += 0.5
    assert download.blob() == BLOB
