"""Budgets: what is within them is never refused, what floods is always found."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from wsi_swarm.swarm.network.limits import MAX_ASKED, Asked, Bans, Bucket, Limits, Meter, Rate

steps = st.lists(st.tuples(st.floats(0, 10), st.floats(0, 200)), max_size=40)


@given(steps)
def test_a_bucket_lets_no_more_through_than_its_burst_and_what_refills(steps):
    bucket, now, passed = Bucket(Rate(5, 100), 0.0), 0.0, 0.0
    for wait, amount in steps:
        now += wait
        passed += amount if bucket.take(amount, now) else 0.0
        assert passed <= 100 + 5 * now + 1e-6


@given(st.lists(st.floats(0.01, 5), max_size=60))
def test_who_keeps_to_the_rate_is_never_refused(waits):
    bucket, now = Bucket(Rate(5, 100), 0.0), 0.0
    for wait in waits:
        now += wait
        assert bucket.take(5 * wait, now)


def test_only_who_overdraws_a_budget_by_all_that_it_holds_floods():
    bucket = Bucket(Rate(1, 10), 0.0)
    assert [bucket.take(5, 0.0) for _ in range(3)] == [True, True, False]
    assert not bucket.flooded
    assert not bucket.take(5, 0.0)
    assert bucket.flooded
    assert not bucket.take(0, 1.0)
    assert not bucket.flooded


def test_a_refund_never_makes_a_budget_larger_than_it_was():
    bucket = Bucket(Rate(1, 10), 0.0)
    for _ in range(100):
        bucket.take(10, 0.0)
        bucket.give(10)
    assert not bucket.take(11, 0.0)


def test_each_budget_has_its_own_words():
    limits = Limits(frames=Rate(0, 10), bytes=Rate(0, 1000), relay=Rate(0, 100), bad=Rate(0, 2))
    for offend, words in (
        (lambda meter: meter.frame(0, 0.0), "floods this centre"),
        (lambda meter: meter.frame(500, 0.0), "floods this centre"),
        (lambda meter: meter.relay(50, 0.0), "floods other members"),
        (lambda meter: meter.bad(0.0), "no message of its own"),
    ):
        meter = Meter(limits, 0.0)
        for _ in range(100):
            if meter.offence is None:
                offend(meter)
        assert words in meter.offence


def test_a_chunk_is_asked_for_once_and_only_so_many_are_remembered():
    asked = Asked()
    asked.ask(b"a", range(3))
    assert [asked.answer(b"a", index) for index in (1, 1, 5)] == [True, False, False]
    asked.ask(b"b", range(MAX_ASKED))
    assert not asked.answer(b"a", 2)
    assert asked.answer(b"b", 0)


def test_a_ban_ends_and_the_next_is_twice_as_long_up_to_the_longest():
    bans = Bans(Limits(ban_s=10, longest_ban_s=35))
    assert bans.ban(1, 1, 0.0) == 10
    assert bans.banned(1, 1, 9.9)
    assert not bans.banned(1, 1, 10.0)
    assert not bans.banned(1, 2, 5.0)
    assert bans.ban(1, 1, 12.0) == 20
    assert bans.ban(1, 1, 33.0) == 35
    assert bans.ban(1, 1, 70.0) == 35
    assert bans.ban(1, 1, 1000.0) == 10
    bans.forget(1)
    assert not bans.banned(1, 1, 1001.0)
