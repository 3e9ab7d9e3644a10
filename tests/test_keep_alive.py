"""Connections that nobody uses are closed, all others kept (config/protocol.py): by one timer for each of them."""

import asyncio
import http.client
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
import uvicorn

from config.protocol import Protocol

KEEP_ALIVE = 2
SLOW = 3


async def application(scope: Any, _receive: Any, send: Any) -> None:
    await asyncio.sleep(SLOW if scope["path"] == "/slow" else 0)
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"ok"})


@pytest.fixture
def port() -> Iterator[int]:
    """uvicorn with Till's protocol, which closes what has been idle for two seconds."""
    config = uvicorn.Config(
        application,
        port=0,
        http=Protocol,
        loop="uvloop",
        lifespan="off",
        timeout_keep_alive=KEEP_ALIVE,
        log_config=None,
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield server.servers[0].sockets[0].getsockname()[1]
    server.should_exit = True
    thread.join()


def ask(line: http.client.HTTPConnection, path: str = "/") -> bytes:
    line.request("GET", path)
    return line.getresponse().read()


def test_an_idle_connection_is_closed_in_time(port: int) -> None:
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=20)) as line:
        for _ in range(3):
            assert ask(line) == b"ok"
            time.sleep(KEEP_ALIVE * 0.2)
        asked = time.monotonic()
        assert ask(line) == b"ok"
        assert line.sock.recv(1) == b""
        assert KEEP_ALIVE * 0.9 < time.monotonic() - asked < KEEP_ALIVE * 10


def test_a_connection_in_use_is_kept(port: int) -> None:
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=20)) as line:
        line.connect()
        used = line.sock
        for _ in range(7):
            assert ask(line) == b"ok"
            time.sleep(KEEP_ALIVE * 0.2)
        assert line.sock is used


def test_nobody_is_cut_off_while_his_answer_is_made(port: int) -> None:
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=20)) as line:
        assert ask(line) == b"ok"
        assert ask(line, "/slow") == b"ok"


def test_a_request_that_never_ends_does_not_keep_the_connection(port: int) -> None:
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=20)) as line:
        assert ask(line) == b"ok"
        line.sock.sendall(b"GET / HTTP/1.1\r\nHost: half")
        assert line.sock.recv(1) == b""
