"""Connections that are silent are closed, all others kept (config/server/http_protocol.py)."""

import asyncio
import gc
import http.client
import socket
import struct
import time
import weakref
from collections.abc import Iterator
from contextlib import ExitStack, closing
from itertools import product
from typing import Any, NamedTuple

import pytest

from config.server.http_protocol import Protocol
from tests.support.uvicorn_here import serving

pytestmark = pytest.mark.slow

KEEP_ALIVE = 2
SLOW = 3
PATIENCE = 20
BEGINNINGS = (b"", b"GET / HT", b"GET / HTTP/1.1\r\nHost: half")


class Watched(Protocol):
    """Counts what the timer does, and is known while it is in memory."""

    alive: weakref.WeakSet["Watched"] = weakref.WeakSet()
    went_off = 0

    def connection_made(self, transport: Any) -> None:
        self.alive.add(self)
        super().connection_made(transport)

    def timeout_keep_alive_handler(self) -> None:
        type(self).went_off += 1
        super().timeout_keep_alive_handler()


async def application(scope: Any, _receive: Any, send: Any) -> None:
    await asyncio.sleep(SLOW if scope["path"] == "/slow" else 0)
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"ok"})


class Served(NamedTuple):
    port: int

    def line(self) -> http.client.HTTPConnection:
        line = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        line.connect()
        return line


@pytest.fixture
def served() -> Iterator[Served]:
    """uvicorn with Till's protocol, which closes what has been silent for two seconds."""
    Watched.went_off = 0
    options = {"loop": "uvloop", "lifespan": "off", "timeout_graceful_shutdown": 5}
    with serving(application, Watched, timeout_keep_alive=KEEP_ALIVE, **options) as port:
        yield Served(port)


def ask(line: http.client.HTTPConnection, path: str = "/") -> None:
    line.request("GET", path)
    assert line.getresponse().read() == b"ok"


def seconds_to_the_end(line: http.client.HTTPConnection) -> float:
    started = time.monotonic()
    assert line.sock.recv(1) == b""
    return time.monotonic() - started


def test_an_idle_connection_is_closed_in_time(served: Served) -> None:
    with closing(served.line()) as line:
        for _ in range(3):
            ask(line)
            time.sleep(KEEP_ALIVE * 0.2)
        ask(line)
        assert KEEP_ALIVE * 0.9 < seconds_to_the_end(line) < KEEP_ALIVE * 5


def test_a_connection_in_use_is_kept_and_has_one_timer(served: Served) -> None:
    with closing(served.line()) as line:
        used = line.sock
        until = time.monotonic() + KEEP_ALIVE * 1.5
        while time.monotonic() < until:
            ask(line)
            time.sleep(0.01)
        assert line.sock is used
        assert 1 <= Watched.went_off <= 3


def test_nobody_is_cut_off_while_his_answer_is_made_nor_right_after_it(served: Served) -> None:
    with closing(served.line()) as line:
        used = line.sock
        ask(line)
        ask(line, "/slow")
        time.sleep(KEEP_ALIVE * 0.6)
        ask(line)
        assert line.sock is used


def test_what_never_becomes_a_request_does_not_keep_the_connection(served: Served) -> None:
    """Several at once, each on a connection that is new, and on one that was used."""
    with ExitStack() as stack:
        lines = [stack.enter_context(closing(served.line())) for _ in range(6)]
        for line, (sent, is_used) in zip(lines, product(BEGINNINGS, (False, True)), strict=True):
            if is_used:
                ask(line)
            line.sock.sendall(sent)
        assert sum(map(seconds_to_the_end, lines)) < KEEP_ALIVE * 5


def test_after_requests_that_came_at_once_it_reads_on(served: Served) -> None:
    with closing(served.line()) as line:
        ask(line)
        request = b"GET / HTTP/1.1\r\nHost: here\r\n\r\n"
        for number in (2, 1):
            line.sock.sendall(request * number)
            answered = b""
            while answered.count(b"ok") < number:
                answered += line.sock.recv(4096)


def test_a_connection_that_is_gone_leaves_nothing_behind(served: Served) -> None:
    for _ in range(20):
        with closing(served.line()) as line:
            ask(line)
            line.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # a reset, not an end
    until = time.monotonic() + KEEP_ALIVE * 0.7
    while Watched.alive and time.monotonic() < until:
        time.sleep(0.05)
        gc.collect()
    assert not Watched.alive
