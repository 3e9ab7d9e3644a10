"""Heads that are too large, too many or too slow are refused while they arrive (config/server/request_limits.py)."""

import json
import selectors
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, suppress
from pathlib import Path
from typing import Any

import pytest

from config.problems import problem_body, problem_types
from config.server import request_limits
from config.server.http_protocol import Protocol
from config.server.request_limits import MAX_FIELDS, MAX_HEAD, MAX_LINE
from tests.support.raw_http import RawConnection
from tests.support.uvicorn_here import serving

MEGABYTE = 1024 * 1024
#: What a test waits for at most, and what a head has in these tests.
PATIENCE, HEAD_SECONDS = 20, 1.0
GET = b"GET /%s HTTP/1.1\r\n%s\r\n"
POST = b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"
seen: list[dict[str, Any]] = []


async def application(scope: Any, receive: Any, send: Any) -> None:
    body = b""
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            return
        body += message.get("body", b"")
        more = message.get("more_body", False)
    seen.append({"headers": scope["headers"], "body": body})
    answer = json.dumps({"length": len(body)}).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(answer))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": answer})


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    with serving(application, Protocol, loop="uvloop", lifespan="off", timeout_graceful_shutdown=5) as port:
        yield port


@pytest.fixture
def line(port: int) -> Iterator[RawConnection]:
    seen.clear()
    line = RawConnection(port)
    yield line
    line.close()


def fields(*lengths: int) -> bytes:
    """Headers that are so long each, with all that stands around them."""
    return b"".join(b"X-%03d: %s\r\n" % (number, b"v" * (length - 9)) for number, length in enumerate(lengths))


def is_refused(line: RawConnection, problem: problem_types.Problem) -> None:
    status, headers, body = line.answer()
    assert (status, body) == (problem.status, problem_body(problem))
    assert headers["content-type"] == "application/problem+json"
    assert headers["connection"] == "close"
    assert len(headers["x-request-id"]) == 32
    assert line.is_closed()
    assert seen == []


def is_answered(line: RawConnection) -> None:
    assert line.answer()[0] == 200


MAX_HEADS = {
    "address": GET % (b"a" * (MAX_LINE - 1), b""),
    "header": GET % (b"", fields(MAX_LINE)),
    "address and header": GET % (b"a" * (MAX_LINE - 1), fields(MAX_LINE)),
    "headers": GET % (b"", fields(*[1000] * 32)),
    "number of headers": GET % (b"", fields(*[20] * MAX_FIELDS)),
}
TOO_LARGE = {
    "address": (GET % (b"a" * MAX_LINE, b""), problem_types.ADDRESS_TOO_LONG),
    "header": (GET % (b"", fields(MAX_LINE + 1)), problem_types.HEADERS_TOO_LARGE),
    "headers": (GET % (b"", fields(*[MAX_HEAD // 8] * 8)), problem_types.HEADERS_TOO_LARGE),
    "number of headers": (GET % (b"", fields(*[20] * (MAX_FIELDS + 1))), problem_types.HEADERS_TOO_LARGE),
}


@pytest.mark.parametrize("head", MAX_HEADS.values(), ids=MAX_HEADS)
@pytest.mark.parametrize("piece", [MEGABYTE, 5000, 999])
def test_a_head_of_the_largest_size_is_served_however_it_arrives(line: RawConnection, head: bytes, piece: int) -> None:
    for _ in range(2):
        for start in range(0, len(head), piece):
            line.socket.sendall(head[start : start + piece])
        is_answered(line)


@pytest.mark.parametrize(("head", "problem"), TOO_LARGE.values(), ids=TOO_LARGE)
@pytest.mark.parametrize("is_used", [False, True])
def test_a_head_that_is_larger_is_refused(
    line: RawConnection, head: bytes, problem: problem_types.Problem, is_used: bool
) -> None:
    if is_used:
        line.send(GET % (b"", b""))
        is_answered(line)
        seen.clear()
    line.send(head)
    is_refused(line, problem)


NEVER_ENDS = {
    "address": (b"GET /", b"a" * 1000, problem_types.ADDRESS_TOO_LONG),
    "spaces behind the address": (b"GET /", b" " * 1000, problem_types.HEADERS_TOO_LARGE),
    "name": (b"GET / HTTP/1.1\r\n", b"a" * 1000, problem_types.HEADERS_TOO_LARGE),
    "value": (b"GET / HTTP/1.1\r\na:", b"b" * 1000, problem_types.HEADERS_TOO_LARGE),
    "spaces before a value": (b"GET / HTTP/1.1\r\na:", b" " * 1000, problem_types.HEADERS_TOO_LARGE),
    "headers": (b"GET / HTTP/1.1\r\n", b"a:b\r\n" * 200, problem_types.HEADERS_TOO_LARGE),
    "trailers": (POST + b"0\r\n", b"a:b\r\n" * 200, problem_types.HEADERS_TOO_LARGE),
    "trailer": (POST + b"0\r\na:", b"b" * 1000, problem_types.BAD_REQUEST),
    "extension of a chunk": (POST + b"1;a=", b"b" * 1000, problem_types.BAD_REQUEST),
    "extensions of chunks": (POST, (b"1;a=%s\r\nx\r\n" % (b"b" * 1000)), problem_types.BAD_REQUEST),
}


@pytest.mark.parametrize(("begin", "more", "problem"), NEVER_ENDS.values(), ids=NEVER_ENDS)
def test_what_never_ends_is_refused_while_it_arrives(
    line: RawConnection, begin: bytes, more: bytes, problem: problem_types.Problem
) -> None:
    """Long before a megabyte of it was read: the sender stops when it is answered."""
    line.send(begin)
    line.socket.settimeout(0.002)
    sent = 0
    while sent < MEGABYTE // 2 and not has_answer(line.socket):
        line.socket.sendall(more)
        sent += len(more)
    assert sent < MEGABYTE // 2
    line.socket.settimeout(PATIENCE)
    is_refused(line, problem)


def has_answer(sock: socket.socket) -> bool:
    try:
        return bool(sock.recv(1, socket.MSG_PEEK))
    except TimeoutError:
        return False


def test_who_sends_on_for_long_after_a_refusal_is_cut_off(line: RawConnection) -> None:
    with pytest.raises(OSError, match=r"reset|[Bb]roken pipe"):
        line.socket.sendall(b"a" * 100 * MEGABYTE)


@pytest.mark.parametrize("body", [b"", b"1\r\na\r\n" * 50_000, b"%x\r\n%s\r\n" % (MEGABYTE, b"a" * MEGABYTE)])
def test_chunks_and_trailers_of_honest_size_are_taken_and_trailers_are_no_headers(
    line: RawConnection, body: bytes
) -> None:
    line.send(POST + body + b"0\r\nX-Forwarded-For: 1.2.3.4\r\n\r\n")
    is_answered(line)
    assert [name for name, _ in seen[0]["headers"]] == [b"transfer-encoding"]


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """A server that has less patience with heads."""
    monkeypatch.setattr(request_limits, "HEAD_SECONDS", HEAD_SECONDS)
    seen.clear()
    with serving(application, Protocol, lifespan="off", timeout_graceful_shutdown=5, timeout_keep_alive=60) as port:
        yield port


def dribbled(line: RawConnection, pieces: Iterator[bytes]) -> float:
    """Send a piece every tenth of a second until the other side answers or hangs up; return the seconds until then."""
    started = time.monotonic()
    line.socket.settimeout(0.1)
    while time.monotonic() - started < PATIENCE:
        try:
            line.socket.sendall(next(pieces))
            line.socket.recv(1, socket.MSG_PEEK)
        except TimeoutError:
            continue
        except OSError:
            pass
        break
    line.socket.settimeout(PATIENCE)
    return time.monotonic() - started


def endless(begin: bytes, more: bytes) -> Iterator[bytes]:
    yield begin
    while True:
        yield more


@pytest.mark.parametrize("is_used", [False, True])
@pytest.mark.parametrize("begin", [b"GET / HT", b"GET / HTTP/1.1\r\nX-A: ", b"POST /webhook/payment HTTP/1.1\r\nX-A: "])
def test_a_head_that_comes_byte_by_byte_is_given_up_in_time(hasty: int, begin: bytes, is_used: bool) -> None:
    with closing(RawConnection(hasty)) as line:
        if is_used:
            line.send(GET % (b"", b""))
            is_answered(line)
            seen.clear()
        pieces = endless(begin, b"a") if b"X-A" in begin else iter([begin, *[b""] * 1000])
        assert HEAD_SECONDS * request_limits.MIN_HEAD_PART * 0.9 < dribbled(line, pieces) < HEAD_SECONDS * 8
        is_refused(line, problem_types.HEAD_TOO_SLOW)


def test_heads_that_began_together_are_not_given_up_in_one_moment(hasty: int) -> None:
    """Thousands of answers in one round of the event loop would keep everybody else waiting."""
    with ExitStack() as stack, selectors.DefaultSelector() as answers:
        for _ in range(20):
            line = stack.enter_context(closing(RawConnection(hasty)))
            line.send(b"GET / HT")
            answers.register(line.socket, selectors.EVENT_READ)
        ended: list[float] = []
        while answers.get_map():
            answered = answers.select(PATIENCE)
            assert answered
            for key, _ in answered:
                answers.unregister(key.fileobj)
                ended.append(time.monotonic())
    assert max(ended) - min(ended) > HEAD_SECONDS * (1 - request_limits.MIN_HEAD_PART) / 4


@pytest.mark.parametrize("sent", [b"", b"\r\n"])
def test_a_connection_without_a_head_is_closed_in_time(hasty: int, sent: bytes) -> None:
    with closing(RawConnection(hasty)) as line:
        assert HEAD_SECONDS * 0.9 < dribbled(line, endless(sent, sent)) < HEAD_SECONDS * 8
        assert line.is_closed()


def test_a_connection_that_was_used_is_kept_for_longer(hasty: int) -> None:
    with closing(RawConnection(hasty)) as line:
        for _ in range(2):
            line.send(GET % (b"", b""))
            is_answered(line)
            time.sleep(HEAD_SECONDS * 1.5)
        line.send(GET % (b"", b""))
        is_answered(line)


@pytest.mark.parametrize("following", [MAX_HEADS["header"][:-1] + b"x" * MAX_LINE, b"\x16\x03\r\n", b"GET / HT"])
def test_an_earlier_request_is_answered_before_the_connection_ends(hasty: int, following: bytes) -> None:
    with closing(RawConnection(hasty)) as line:
        line.send(GET % (b"", b"") * 3 + following)
        for _ in range(3):
            is_answered(line)
        line.socket.settimeout(PATIENCE)
        rest = line.file.read()
        assert rest == b"" or rest.startswith((b"HTTP/1.1 431", b"HTTP/1.1 400", b"HTTP/1.1 408"))


@pytest.mark.parametrize("before", [1, 2])
def test_requests_before_one_whose_body_is_broken_are_answered(line: RawConnection, before: int) -> None:
    """They came in the same read, so that none was answered yet when the last turned out to be broken."""
    line.send(before * (GET % (b"", b"Host: localhost\r\n")) + POST + b"zz\r\n")
    for _ in range(before):
        status, headers, _ = line.answer()
        assert status == 200
    assert headers["connection"] == "close"
    assert line.is_closed()
    assert len(seen) == before


def peak_of_memory(*, begin_anew: bool = False) -> int:
    """The most bytes that this process has had in memory, since it last began anew."""
    if begin_anew:
        Path("/proc/self/clear_refs").write_text("5")
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) * 1024


def attacked(port: int, attack: Callable[[socket.socket], None]) -> int:
    """Bytes by which this process grows at 200 connections."""
    with closing(RawConnection(port)) as line:
        line.send(GET % (b"", b""))
        is_answered(line)
    before = peak_of_memory(begin_anew=True)
    lines = [RawConnection(port) for _ in range(200)]
    for line in lines:
        with suppress(OSError):
            attack(line.socket)
    for line in lines:
        line.close()
    return peak_of_memory() - before


@pytest.mark.parametrize("sent", [b"GET /" + b"a" * MEGABYTE * 4, b"GET / HTTP/1.1\r\n" + b"a:b\r\n" * 800_000])
def test_two_hundred_endless_heads_do_not_fill_the_memory(port: int, sent: bytes) -> None:
    """They would send 800 MB: what is kept of each is less than what a read brings."""
    assert attacked(port, lambda sock: sock.sendall(sent)) < 100 * MEGABYTE


def test_two_hundred_heads_that_stay_below_the_limits_do_not_fill_the_memory(port: int) -> None:
    head = GET[:-4] % b"" + fields(*[330] * 98)
    assert attacked(port, lambda sock: sock.sendall(head)) < 50 * MEGABYTE


def test_the_limits_are_those_of_the_documentation() -> None:
    assert (MAX_LINE, MAX_HEAD, MAX_FIELDS, request_limits.HEAD_SECONDS) == (16 * 1024, 32 * 1024, 100, 10.0)
