"""Which TCP connections are shut."""

from __future__ import annotations

import pytest
import zmq

from wsi_swarm.swarm.network.connections import Connections, Seen, frame_bytes
from wsi_swarm.swarm.network.gate import connection_of
from wsi_swarm.swarm.network.wire import connections


def test_a_connection_that_brings_no_frame_is_shut_after_a_while():
    known = Connections(at_most=2, backlog=1000, patience_s=5)
    known.see({7: Seen(70, 100), 8: Seen(80, 100)}, 0.0)
    known.read(8, member=1, size=50, now=1.0)
    assert known.surplus(5.0) == []
    assert known.surplus(5.1) == [7]


def test_a_member_keeps_its_newest_connections():
    known = Connections(at_most=2, backlog=1000, patience_s=5)
    for number in (9, 7, 8):
        known.read(number, member=1, size=1, now=float(number))
    known.read(5, member=2, size=1, now=1.0)
    assert known.surplus(10.0) == [7]
    assert known.of(1) == [7, 8, 9]


def test_bytes_that_do_not_end_in_frames_are_found():
    known = Connections(at_most=2, backlog=10_000, patience_s=5)
    known.see({7: Seen(70, 100)}, 0.0)
    for _ in range(20):
        known.read(7, member=1, size=1000, now=1.0)
    known.see({7: Seen(70, 20 * frame_bytes(1000) + 10_000)}, 1.0)
    assert known.swollen() == []
    known.see({7: Seen(70, 20 * frame_bytes(1000) + 15_000)}, 2.0)
    assert known.swollen() == [7]
    assert known.member(7) == 1


def test_a_number_that_is_given_to_another_connection_begins_anew():
    known = Connections(at_most=2, backlog=10_000, patience_s=5)
    known.read(7, member=1, size=1000, now=0.0)
    known.see({7: Seen(70, 2000)}, 0.0)
    assert known.member(7) == 1
    known.see({7: Seen(71, 0)}, 1.0)
    assert known.member(7) is None
    known.see({}, 2.0)
    assert known.numbers() == []


def test_a_connection_without_a_frame_is_the_members_who_alone_came_in_at_that_time():
    known = Connections(at_most=2, backlog=10_000, patience_s=5)
    known.admitted(3, 1.0)
    known.admitted(1, 10.0)
    known.see({7: Seen(70, 0)}, 10.2)
    assert known.member(7) == 1
    known.admitted(2, 12.0)
    assert known.member(7) is None
    known.read(7, member=2, size=1, now=12.0)
    assert known.member(7) == 2


@pytest.mark.parametrize("size", [0, 1, 100, 221, 222, 223, 5000, 300_000])
def test_the_length_of_a_frame_on_the_wire_is_what_the_kernel_counts(size):
    with zmq.Context() as context, context.socket(zmq.ROUTER) as router, context.socket(zmq.DEALER) as dealer:
        public, secret = zmq.curve_keypair()
        router.curve_secretkey, router.curve_server = secret, True
        dealer.curve_publickey, dealer.curve_secretkey = zmq.curve_keypair()
        dealer.curve_serverkey = public
        port = router.bind_to_random_port("tcp://127.0.0.1")
        dealer.connect(f"tcp://127.0.0.1:{port}")
        received = []
        for _ in range(3):
            dealer.send(bytes(size))
            number = connection_of(router.recv_multipart(copy=False)[-1])
            received.append(connections(port, ())[number].received)
    if received[-1] == 0:
        pytest.skip("this system does not tell how many bytes a connection has received")
    assert received[2] - received[1] == frame_bytes(size)
    assert received[0] - frame_bytes(size) < 1000  # the handshake
