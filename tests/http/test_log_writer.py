"""The log of requests that the event loop has answered: whoever reads it may stall, and only the log suffers."""

import asyncio
import fcntl
import logging
import os
import threading
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from config.server import log_writer
from config.server.log_writer import LogLine, LogWriter
from tests.support.http import PLAIN
from tests.support.ledger import wallet_of
from tests.support.live import UncheckedTill
from tests.support.load_client import send_all
from tests.support.provider import SHA1_COLON
from tests.support.shop_users import API, sign_in

#: The smallest pipe there is holds fewer bytes than so many lines have.
SMALL_PIPE, MANY_LINES = 4096, 300
PATIENCE = 20
WARNING = "%s lines of answered requests were not written: the log was too slow"


class SlowReader(logging.Handler):
    """Takes no line before it is told to."""

    def __init__(self) -> None:
        super().__init__()
        self.is_stalled = threading.Event()
        self.reads = threading.Event()
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.is_stalled.set()
        assert self.reads.wait(PATIENCE)
        self.lines.append(record.getMessage())

    async def has(self, lines: int) -> list[str]:
        """Wait until it has so many."""
        async with asyncio.timeout(PATIENCE):
            while len(self.lines) < lines:
                await asyncio.sleep(0.005)
        return self.lines


@pytest.fixture
def reader() -> Iterator[SlowReader]:
    reader, access = SlowReader(), logging.getLogger("till.access")
    before = access.level, access.propagate
    access.addHandler(reader)
    access.setLevel("INFO")
    access.propagate = False
    yield reader
    access.removeHandler(reader)
    access.level, access.propagate = before


def line(number: int) -> LogLine:
    return LogLine(f"request-{number}", "GET", f"/{number}", "", 200, 0.001, 1)


def test_lines_wait_for_a_stalled_log_and_nobody_waits_with_them(
    reader: SlowReader, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_writer, "MAX_LINES", 3)

    async def run() -> None:
        writer = LogWriter()
        writer.add(line(0))
        assert await asyncio.to_thread(reader.is_stalled.wait, PATIENCE)
        began = time.monotonic()
        for number in range(1, 8):
            writer.add(line(number))
        assert time.monotonic() - began < 1
        assert reader.lines == []
        reader.reads.set()
        written = ["GET /0 200", "GET /1 200", "GET /2 200", "GET /3 200", WARNING % 4]
        assert await reader.has(5) == written
        writer.add(line(8))
        assert await reader.has(6) == [*written, "GET /8 200"]
        writer.close()

    asyncio.run(run())


def test_closing_writes_what_still_waits(reader: SlowReader, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_writer, "MAX_LINES", 2)

    async def run() -> None:
        writer = LogWriter()
        for number in range(3):
            writer.add(line(number))
        writer.close()
        assert reader.lines == []
        reader.reads.set()
        assert await reader.has(3) == ["GET /0 200", "GET /1 200", WARNING % 1]

    asyncio.run(run())


@pytest.mark.slow
def test_a_log_that_nobody_reads_keeps_neither_webhooks_nor_health_checks_waiting(
    committed_db: None, alice: Any
) -> None:
    unread, log = os.pipe()
    fcntl.fcntl(log, fcntl.F_SETPIPE_SZ, SMALL_PIPE)
    till = UncheckedTill(TILL_WORKERS="1", TILL_LOG_LEVEL="INFO")
    till.log = log
    try:
        till.start()
        headers, path = {"authorization": f"Bearer {sign_in(till, alice)}"}, f"{API}/wallets/{wallet_of(alice)}"
        with httpx.Client(base_url=till.url, headers=headers, timeout=5, verify=PLAIN) as client:
            assert {client.get(path).status_code for _ in range(MANY_LINES)} == {200}
        notice = SHA1_COLON.notice(user_id=alice.pk)
        assert send_all(till.url, [notice], connections=1)[0].status == 200
        assert httpx.get(f"{till.url}/health/live", timeout=5, verify=PLAIN).status_code == 200
        assert len(os.read(unread, 2 * SMALL_PIPE)) > SMALL_PIPE / 2, "the pipe was full"
    finally:
        os.close(unread)
        os.close(log)
        till.stop()
