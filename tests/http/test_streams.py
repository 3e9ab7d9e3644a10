"""Answers that are made while they are sent: bounded in number and time, over with their client, in nobody's way."""

import json
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from tempfile import TemporaryFile

import psycopg
import pytest
from django.conf import settings
from django.db import connection, transaction
from django.http import FileResponse, HttpRequest, HttpResponse, StreamingHttpResponse
from django.urls import path

from config import asgi
from config.server import http_protocol, streams
from config.server.request_threads import general_share
from config.urls import handler400, handler403, handler404, handler500
from tests.support.raw_http import RawConnection
from tests.support.uvicorn_here import serving
from tests.support.waiting import wait_until

CHUNK = b"x" * 65536
#: Bytes: more than a system takes in for a client that reads nothing.
LARGE = 32 * 2**20


class Endless:
    """A stream without an end, which knows how much of it was taken and whether it was closed."""

    streams: list["Endless"] = []

    def __init__(self) -> None:
        self.taken = 0
        self.closed = threading.Event()
        Endless.streams.append(self)

    def __iter__(self) -> Iterator[bytes]:
        while not self.closed.is_set():
            self.taken += 1
            time.sleep(0.001)
            yield CHUNK

    def close(self) -> None:
        self.closed.set()


def endless(request: HttpRequest) -> StreamingHttpResponse:
    return StreamingHttpResponse(Endless())


class FailsAtOnce:
    """A stream that holds an atomic block, as an export does, and fails before its first chunk."""

    def __init__(self) -> None:
        self._none: list[int] = []
        self._block = transaction.atomic()
        self._block.__enter__()

    def __iter__(self) -> Iterator[bytes]:
        yield b"%d" % self._none[0]

    def close(self) -> None:
        self._block.__exit__(None, None, None)


def fails_at_once(request: HttpRequest) -> StreamingHttpResponse:
    return StreamingHttpResponse(FailsAtOnce())


def leaves_open(request: HttpRequest) -> HttpResponse:
    transaction.atomic().__enter__()
    return HttpResponse("left")


def in_a_block(request: HttpRequest) -> HttpResponse:
    """Tell whether this thread's connection is in an atomic block of another request; all threads answer at once."""
    time.sleep(0.05)
    return HttpResponse(str(connection.in_atomic_block))


def short(request: HttpRequest) -> StreamingHttpResponse:
    return StreamingHttpResponse(iter([b"short"]))


def plain(request: HttpRequest) -> HttpResponse:
    return HttpResponse("plain")


def large(request: HttpRequest) -> HttpResponse:
    return HttpResponse(b"x" * LARGE)


def large_file(request: HttpRequest) -> FileResponse:
    file = TemporaryFile()  # noqa: SIM115  closed with the response
    file.truncate(LARGE)
    return FileResponse(file, headers={"Content-Length": str(LARGE)})


def scanning(request: HttpRequest) -> HttpResponse:
    """What a list over a table without a fitting index does to PostgreSQL."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_sleep(25)")
    return HttpResponse("never")


class Ended:
    """Of a request that ends while its connection is asked to cancel: which of the two was over first."""

    now: "Ended"

    def __init__(self) -> None:
        self.is_cancelling = threading.Event()
        self.is_given_back = threading.Event()
        self.was_given_back_before: list[bool] = []

    @classmethod
    def set_up(cls, monkeypatch: pytest.MonkeyPatch) -> "Ended":
        cls.now = cls()
        monkeypatch.setattr(psycopg.Connection, "cancel_safe", cls.now.cancel_slowly)
        return cls.now

    def cancel_slowly(self, *, timeout: float) -> None:
        """As a server that is slow to take the wish. Its time-out is long enough for whoever does not wait for it."""
        self.is_cancelling.set()
        self.was_given_back_before.append(self.is_given_back.wait(timeout / 4))


def ends_as_it_is_cancelled(request: HttpRequest) -> HttpResponse:
    connection.ensure_connection()
    assert Ended.now.is_cancelling.wait(timeout=10)
    return GivenBack("ended")


class GivenBack(HttpResponse):
    """Says when its connection is about to be given back."""

    def close(self) -> None:
        Ended.now.is_given_back.set()
        super().close()


def scans() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_stat_activity WHERE query = 'SELECT pg_sleep(25)' AND state = 'active'")
        return int(cursor.fetchone()[0])


urlpatterns = [
    path("fails-at-once", fails_at_once),
    path("leaves-open", leaves_open),
    path("in-a-block", in_a_block),
    path("scanning", scanning),
    path("ends-as-it-is-cancelled", ends_as_it_is_cancelled),
    path("endless", endless),
    path("short", short),
    path("plain", plain),
    path("large", large),
    path("large-file", large_file),
]
__all__ = ["handler400", "handler403", "handler404", "handler500"]

pytestmark = [pytest.mark.slow, pytest.mark.urls(__name__)]


@pytest.fixture
def port() -> Iterator[int]:
    Endless.streams.clear()
    with serving(asgi.application, http_protocol.Protocol) as number:
        yield number


def begun(port: int, target: str, header: str = "") -> RawConnection:
    """Ask, and read no more than the first line of the answer."""
    line = RawConnection(port)
    line.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    line.send(f"GET {target} HTTP/1.1\r\nHost: localhost\r\n{header}\r\n".encode())
    assert line.file.readline().startswith(b"HTTP/1.1 200")
    return line


def fetched(port: int, target: str, method: str = "GET") -> tuple[int, dict[str, str], bytes]:
    line = RawConnection(port)
    line.send(f"{method} {target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
    head, _, body = line.file.read().partition(b"\r\n\r\n")
    line.close()
    status, *headers = head.decode().split("\r\n")
    return int(status.split()[1]), dict(header.split(": ", 1) for header in headers), body


def test_they_have_a_quarter_of_the_threads_and_others_are_answered(port: int) -> None:
    lines = [begun(port, "/endless") for _ in range(streams.MAX_STREAMS)]
    status, headers, body = fetched(port, "/endless")
    assert (status, json.loads(body)["code"]) == (503, "too_many_streams")
    assert int(headers["retry-after"]) >= 1
    assert headers["content-type"] == "application/problem+json"
    assert Endless.streams[-1].closed.is_set()  # what was refused holds nothing
    for _ in range(2 * general_share.threads):
        assert fetched(port, "/plain")[0] == 200
    status, headers, body = fetched(port, "/short")  # what fits into one chunk is none of them, and holds no thread
    assert (status, headers["content-length"], body) == (200, "5", b"short")
    for line in lines:
        line.close()


def test_what_is_refused_has_the_headers_of_every_refusal(port: int, committed_db: None) -> None:
    lines = [begun(port, "/endless") for _ in range(streams.MAX_STREAMS)]
    _, usual, _ = fetched(port, "/nothing")
    for address, status in (("/endless", 503), ("/fails-at-once", 500)):
        refused = fetched(port, address)
        assert refused[0] == status
        assert usual.keys() <= refused[1].keys()
    assert "x-content-type-options" in usual
    for line in lines:
        line.close()


def test_one_ends_soon_when_its_client_has_left(port: int) -> None:
    for _ in range(3 * streams.MAX_STREAMS):
        begun(port, "/endless").close()
        wait_until(Endless.streams[-1].closed.is_set, seconds=10)
    assert len(Endless.streams) == 3 * streams.MAX_STREAMS  # each had its place


def test_one_ends_quietly_when_its_client_has_asked_for_more_and_left(
    port: int, caplog: pytest.LogCaptureFixture
) -> None:
    """He is not listened to meanwhile, so it is writing that shows it. A trace in the log would be a flood of them."""
    line = begun(port, "/endless")
    line.send(b"GET /plain HTTP/1.1\r\nHost: localhost\r\n\r\n")
    assert line.file.read(2 * len(CHUNK))
    line.close()
    wait_until(lambda: general_share.unanswered == 0, seconds=10)
    assert Endless.streams[-1].closed.is_set()
    assert "Exception" not in caplog.text


def test_one_that_takes_too_long_is_cut_off_and_does_not_look_whole(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "TILL_STREAM_SECONDS", 0.2)
    status, headers, body = fetched(port, "/endless")
    assert (status, headers["transfer-encoding"]) == (200, "chunked")
    assert not body.endswith(b"0\r\n\r\n")
    wait_until(Endless.streams[-1].closed.is_set, seconds=10)


def test_one_rests_after_each_chunk_for_as_long_as_its_making_took_and_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "TILL_STREAM_SECONDS", 60)
    making = 0.02

    def chunks() -> Iterator[bytes]:
        for _ in range(5):
            time.sleep(making)
            yield b"chunk"

    started = time.monotonic()
    assert list(streams.LimitedStream((), chunks())) == [b"chunk"] * 5
    assert time.monotonic() - started > 5 * making * (1 + streams.REST)
    monkeypatch.setattr(streams, "MAX_REST", 0.01)  # a chunk may have waited for PostgreSQL
    started = time.monotonic()
    assert list(streams.LimitedStream((), chunks())) == [b"chunk"] * 5
    assert time.monotonic() - started < 5 * making * (1 + streams.REST)


def test_who_takes_nothing_is_hung_up_on(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_protocol, "STALLED_SECONDS", 0.2)
    line = begun(port, "/endless")
    wait_until(Endless.streams[-1].closed.is_set, seconds=10)
    taken = Endless.streams[-1].taken
    assert taken * len(CHUNK) < 20 * 2**20  # the next chunk is made when there is room, not before
    line.close()


def test_asking_for_the_head_makes_nothing_of_the_body(port: int) -> None:
    status, _, body = fetched(port, "/endless", "HEAD")
    assert (status, body) == (200, b"")
    assert Endless.streams[-1].closed.is_set()
    assert Endless.streams[-1].taken <= 2


def test_slow_readers_of_files_hold_no_thread_and_no_place(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """More of them than there are threads, of a file larger than what the system takes in by itself."""
    monkeypatch.setattr(general_share, "max_unanswered", general_share.threads)
    lines = [begun(port, "/large-file") for _ in range(2 * general_share.threads)]
    assert fetched(port, "/plain")[0] == 200
    status, headers, body = fetched(port, "/large-file")
    assert (status, int(headers["content-length"]), len(body)) == (200, LARGE, LARGE)
    for line in lines:
        line.close()


@pytest.mark.parametrize("then", ["keep-alive", "close"])
def test_who_never_takes_a_whole_answer_is_hung_up_on(then: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether or not it was the connection's last: a few thousand would be all connections that there may be."""
    monkeypatch.setattr(http_protocol, "STALLED_SECONDS", 0.2)
    is_lost = threading.Event()

    class Watched(http_protocol.Protocol):
        def connection_lost(self, exc: Exception | None) -> None:
            super().connection_lost(exc)
            is_lost.set()

    with serving(asgi.application, Watched, timeout_keep_alive=1) as port:
        line = begun(port, "/large", f"Connection: {then}\r\n")
        try:
            assert is_lost.wait(timeout=10)
        finally:
            line.close()


def test_who_takes_a_whole_answer_slowly_is_not_hung_up_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_protocol, "STALLED_SECONDS", 1.5)
    with serving(asgi.application, http_protocol.Protocol, timeout_keep_alive=1) as port:
        line = RawConnection(port)
        line.send(b"GET /large HTTP/1.1\r\nHost: localhost\r\n\r\n")
        while line.file.readline().strip():
            pass
        taken = 0
        for _ in range(5):
            taken += len(line.file.read(LARGE // 6))
            time.sleep(0.5)
        assert taken + len(line.file.read(LARGE - taken)) == LARGE
        line.close()


@pytest.mark.usefixtures("committed_db")
def test_what_reads_for_too_long_is_cancelled(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "TILL_READ_SECONDS", 0.3)
    status, headers, body = fetched(port, "/scanning")
    assert (status, json.loads(body)["code"]) == (503, "database_busy")
    assert int(headers["retry-after"]) >= 1
    assert scans() == 0
    assert fetched(port, "/plain")[0] == 200


@pytest.mark.usefixtures("committed_db")
def test_what_reads_for_a_client_who_has_left_is_cancelled_and_what_waits_is_not_begun(port: int) -> None:
    lines = [RawConnection(port) for _ in range(3 * general_share.threads)]
    for number, line in enumerate(lines):  # of many clients: one alone has a few threads
        line.send(b"GET /scanning HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer %d\r\n\r\n" % number)
    wait_until(lambda: scans() == general_share.threads)
    for line in lines:
        line.close()
    wait_until(lambda: general_share.unanswered == 0, seconds=8)
    assert scans() == 0
    assert fetched(port, "/plain")[0] == 200


@pytest.mark.usefixtures("committed_db")
def test_nobody_elses_statement_is_cancelled(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """The wish to cancel is still on its way when the request ends: its connection is not given back before."""
    ended = Ended.set_up(monkeypatch)
    monkeypatch.setattr(settings, "TILL_READ_SECONDS", 0.05)
    assert fetched(port, "/ends-as-it-is-cancelled")[0] == 200
    assert ended.is_given_back.wait(timeout=10)
    assert ended.was_given_back_before == [False]


@pytest.mark.parametrize(("path", "status"), [("/fails-at-once", 500), ("/leaves-open", 200)])
def test_no_request_works_in_the_atomic_block_of_another(
    port: int, committed_db: None, caplog: pytest.LogCaptureFixture, path: str, status: int
) -> None:
    """What it wrote would be acknowledged, and never committed."""
    for _ in range(general_share.threads):
        assert fetched(port, path)[0] == status
    with ThreadPoolExecutor(2 * general_share.threads) as clients:
        answers = clients.map(lambda _: fetched(port, "/in-a-block")[2], range(2 * general_share.threads))
    assert set(answers) == {b"False"}
    assert ("atomic block open" in caplog.text) == (path == "/leaves-open")  # a stream that fails is closed
