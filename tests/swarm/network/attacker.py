"""A member that misbehaves, as a process: ``python attacker.py KIND PORT SERVER_KEY PUBLIC SECRET FRAME`` (hex).

It goes on until it is ended, and writes one line each time it was disconnected.
"""

from __future__ import annotations

import socket
import sys
from contextlib import suppress

import zmq


def dealer(context: zmq.Context, port: int, server: bytes, public: bytes, secret: bytes) -> zmq.Socket:
    one = context.socket(zmq.DEALER)
    one.curve_serverkey, one.curve_publickey, one.curve_secretkey = server, public, secret
    one.linger, one.sndhwm, one.immediate = 0, 100, 1
    one.setsockopt(zmq.SNDTIMEO, 500)
    one.connect(f"tcp://127.0.0.1:{port}")
    return one


def attack(kind: str, port: int, keys: tuple[bytes, bytes, bytes], frame: bytes) -> None:
    context = zmq.Context()
    if kind in ("connections", "garbage"):
        many = []
        while True:
            one = socket.create_connection(("127.0.0.1", port))
            one.sendall(b"\xff\x00\x00" if kind == "connections" else frame * 50)
            many.append(one)
            if len(many) % 200 == 0:
                print("opened", len(many), flush=True)
                many = many[-100:]
                with suppress(ConnectionError):
                    while many[0].recv(4096):  # until the victim has shut out the first of them
                        pass
    one = dealer(context, port, *keys)
    while True:
        try:
            one.send(frame)
        except zmq.Again:
            print("refused", flush=True)
            one.close(linger=0)
            one = dealer(context, port, *keys)


if __name__ == "__main__":
    kind, port, *rest = sys.argv[1:]
    *keys, frame = (bytes.fromhex(word) for word in rest[:3]), sys.stdin.buffer.read()
    attack(kind, int(port), tuple(keys[0]), frame)
