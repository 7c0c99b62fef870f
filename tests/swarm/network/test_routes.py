"""Which way a message takes."""

from __future__ import annotations

from itertools import permutations

from wsi_swarm.swarm.network.routes import Routes


def heard(routes: Routes, now: float, **reaches: set[int]) -> None:
    for name, members in reaches.items():
        index = int(name.removeprefix("m"))
        routes.heard(index, now)
        routes.to(index).reaches = frozenset(members)


def test_a_peer_is_direct_while_it_is_heard():
    routes = Routes(0, patience_s=4)
    heard(routes, 10.0, m1=set(), m2=set())
    assert routes.direct(14.0) == {1, 2}
    assert routes.direct(14.1) == frozenset()
    assert not routes.is_direct(3, 10.0)


def test_only_who_reaches_the_other_and_is_heard_itself_can_pass_on():
    routes = Routes(0, patience_s=4)
    heard(routes, 0.0, m1={5}, m2={6}, m3={5})
    heard(routes, 9.0, m4={5}, m2={6}, m5=set())
    assert routes.relays(5, 10.0) == [4]
    assert routes.relays(6, 10.0) == [2]
    assert routes.relays(7, 10.0) == []


def test_both_ends_of_a_pair_begin_with_the_same_one_and_pairs_spread():
    firsts = set()
    for me, other in permutations(range(4), 2):
        chosen = []
        for a, b in ((me, other), (other, me)):
            routes = Routes(a, patience_s=4)
            heard(routes, 0.0, m10={b}, m11={b}, m12={b}, m13={b})
            chosen.append(routes.relays(b, 1.0)[0])
        assert chosen[0] == chosen[1]
        firsts.add(chosen[0])
    assert len(firsts) > 1


def test_a_dialled_peer_that_does_not_say_that_it_hears_is_dialled_anew():
    routes = Routes(0, patience_s=4)
    assert not routes.is_deaf(1, 100.0)
    routes.to(1).dialled_at = 100.0
    assert not routes.is_deaf(1, 104.0)
    assert routes.is_deaf(1, 104.1)
    routes.to(1).hears_at = 104.0
    assert not routes.is_deaf(1, 108.0)


def test_who_speaks_but_takes_nothing_stalls():
    routes = Routes(0, patience_s=4)
    routes.sent(1, -100.0, taken=False)  # nobody was there
    for now in (0.0, 2.0, 4.1):
        routes.heard(1, now)
        assert routes.stalls(1, now) == (now > 4)
        routes.sent(1, now, taken=False)
    assert routes.stalls(1, 4.1)
    assert not routes.stalls(1, 9.0)  # silent besides: it is away
    routes.sent(1, 5.0, taken=True)
    assert not routes.stalls(1, 5.0)
