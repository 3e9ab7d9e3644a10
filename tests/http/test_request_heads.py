"""A head that was seen before is not parsed again (config/server/request_heads.py), and nothing else changes by it."""

import asyncio
import select
import threading
import uuid
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
from pytest_django.plugin import DjangoDbBlocker

from config import asgi
from config.server import raw_responses, webhook_endpoint
from config.server.http_protocol import Protocol
from config.server.request_heads import MAX_HEAD_BYTES, MAX_HEADS, RequestHead, RequestHeads, known_heads
from payments.models import Posting
from payments.webhooks import receiving
from tests.support.documents import stripe, stripe_event
from tests.support.load_client import as_request
from tests.support.mapped_providers import committed_providers
from tests.support.provider import SHA1_COLON, SHA256_CONCAT, STANDARD, Form
from tests.support.raw_http import HOST, PATIENCE, RawConnection
from tests.support.uvicorn_here import serving

LIVE = b"GET /health/live HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n"
SLOW = 0.3
MAX_CONNECTIONS = 4


class Watched(Protocol):
    """Counts the messages that its parser has begun with."""

    parsed = 0
    latest: "Watched"

    def connection_made(self, transport: Any) -> None:
        type(self).latest = self
        super().connection_made(transport)

    def on_message_begin(self) -> None:
        type(self).parsed += 1
        super().on_message_begin()


async def application(scope: Any, receive: Any, send: Any) -> None:
    """Till, and two addresses that are slow to answer and quick: before the body has been read."""
    if scope.get("path") not in ("/slow", "/quick"):
        await asgi.application(scope, receive, send)
        return
    await asyncio.sleep(SLOW if scope["path"] == "/slow" else 0)
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"{}"})


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    """A server of this process, so that its parsers can be watched."""
    with serving(application, Watched, limit_concurrency=MAX_CONNECTIONS) as port:
        yield port
    webhook_endpoint.get_endpoint.cache_clear()


@pytest.fixture
def line(port: int, committed_db: None) -> Iterator[RawConnection]:
    receiving.provider_cache.invalidate()
    receiving.provider_cache.get("sha1_colon")
    with closing(RawConnection(port)) as line:
        yield line
    receiving.provider_cache.invalidate()


class Sender:
    """A provider whose requests all begin alike, and with a header that no other test sends."""

    def __init__(self, user_id: int, form: Form = SHA256_CONCAT) -> None:
        self.user_id = user_id
        self.form = form
        self.headers = {"x_sender": uuid.uuid4().hex}

    def request(self, amount: str = "1.00", **notice: Any) -> bytes:
        if self.form is SHA1_COLON:
            notice |= {"transaction_id": uuid.uuid4().int % 10**9 + 10**9}
        delivery = self.form.notice(user_id=self.user_id, amount=amount, **notice)
        return as_request(delivery.with_headers(**self.headers), HOST)

    def known_at(self, line: RawConnection) -> "Sender":
        """Send one good notice, whose head is remembered by it."""
        line.send(self.request())
        assert line.answer()[0] == 200
        return self


def body_of(request: bytes) -> bytes:
    return request.partition(b"\r\n\r\n")[2]


@pytest.mark.parametrize("form", [SHA1_COLON, SHA256_CONCAT], ids=lambda form: form.name)
def test_a_head_is_parsed_once_whatever_connection_it_comes_by(line: RawConnection, alice: Any, form: Form) -> None:
    sender = Sender(alice.pk, form).known_at(line)
    seen = Watched.parsed
    with closing(RawConnection(line.port)) as another:
        for count, each in enumerate((line, another, line, another), start=2):
            each.send(sender.request())
            status, headers, body = each.answer()
            assert (status, body["duplicate"], body["balance"]) == (200, False, f"{count}.00")
            assert len(headers["x-request-id"]) == 32
    assert Watched.parsed == seen
    assert Posting.objects.count() == 5


@pytest.fixture
def stripes(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """It goes after the events, so a test names it first."""
    with committed_providers(django_db_blocker, "stripe"):
        yield


def test_a_head_with_a_signature_is_not_remembered(stripes: None, line: RawConnection, alice: Any) -> None:
    """It will not be seen again, and would drive out those that are."""
    receiving.provider_cache.get("stripe")
    seen = Watched.parsed
    for _ in range(2):
        request = as_request(stripe(stripe_event(user_id=alice.pk)), HOST)
        line.send(request)
        assert line.answer()[2]["status"] == "credited"
        assert known_heads.get(request.partition(b"\r\n\r\n")[0]) is None
    assert Watched.parsed == seen + 2


def test_a_connection_at_rest_holds_nothing_that_was_read(line: RawConnection, alice: Any) -> None:
    Sender(alice.pk).known_at(line)
    assert Watched.latest.fed == b""


def test_another_head_on_the_same_connection_is_parsed(line: RawConnection, alice: Any) -> None:
    sender = Sender(alice.pk).known_at(line)
    line.send(LIVE)
    assert line.answer()[2] == {"status": "ok"}
    line.send(sender.request("10.00"))
    assert line.answer()[2]["balance"] == "11.00"


def test_a_known_head_proves_nothing_about_the_notice_below_it(line: RawConnection, alice: Any) -> None:
    sender = Sender(alice.pk).known_at(line)
    with closing(RawConnection(line.port)) as another:
        for request, status, code in (
            (sender.request(secret="another"), 401, "invalid_signature"),
            (sender.request().replace(b'"user_id"', b'"user_ID"'), 400, "malformed_event"),
            (sender.request("0.00"), 422, "invalid_notice"),
        ):
            another.send(request)
            answered = another.answer()
            assert (answered[0], answered[2]["code"]) == (status, code)
    assert Posting.objects.count() == 1


def test_after_a_slow_sender_it_goes_on_as_before(line: RawConnection, alice: Any) -> None:
    sender = Sender(alice.pk).known_at(line)
    request = sender.request()
    line.send(request[:30], request[30:200], request[200:])
    assert line.answer()[0] == 200
    seen = Watched.parsed
    line.send(sender.request())
    assert line.answer()[2]["balance"] == "3.00"
    assert Watched.parsed == seen


def announcing(request: bytes, length: int) -> bytes:
    return request.replace(b"content-length: %d" % len(body_of(request)), b"content-length: %d" % length)


@pytest.mark.parametrize(("rest", "status"), [(b" ", 200), (b"x", 400)])
def test_a_body_that_is_shorter_than_its_head_says_is_waited_for(
    line: RawConnection, alice: Any, rest: bytes, status: int
) -> None:
    """What has come by then is a good notice by itself."""
    sender = Sender(alice.pk).known_at(line)
    shorter = sender.request("1.0")
    line.send(announcing(shorter, len(body_of(shorter)) + 1), rest)
    assert line.answer()[0] == status


def test_a_body_ends_where_its_head_says(line: RawConnection, alice: Any) -> None:
    """What goes on behind its end would be a good notice."""
    sender = Sender(alice.pk).known_at(line)
    longer = sender.request("10.00")
    line.send(announcing(longer, len(body_of(longer)) - 1))
    assert line.answer()[0] == 400
    assert line.is_closed()
    assert Posting.objects.count() == 1


def test_requests_that_came_at_once_are_answered_one_by_one(line: RawConnection, alice: Any) -> None:
    sender = Sender(alice.pk).known_at(line)
    line.send(sender.request() + LIVE + sender.request())
    assert [line.answer()[2].get("status") for _ in range(3)] == ["credited", "ok", "credited"]


def test_a_request_waits_for_the_answer_to_the_one_before_it(line: RawConnection, alice: Any) -> None:
    sender = Sender(alice.pk).known_at(line)
    line.send(LIVE.replace(b"/health/live", b"/slow"), sender.request())
    assert line.answer()[2] == {}
    assert line.answer()[2]["balance"] == "2.00"


def test_the_body_of_another_request_is_no_request(line: RawConnection, alice: Any) -> None:
    """Its head has come, and has been answered before the body came."""
    sender = Sender(alice.pk).known_at(line)
    hidden = sender.request()
    line.send(b"POST /quick HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-length: %d\r\n\r\n" % len(hidden))
    assert line.answer()[2] == {}
    line.send(hidden, LIVE)
    assert line.answer()[2] == {"status": "ok"}
    assert Posting.objects.count() == 1


def test_what_has_come_of_another_head_is_not_forgotten(line: RawConnection, alice: Any) -> None:
    sender = Sender(alice.pk).known_at(line)
    line.send(b"PO", sender.request())
    assert line.answer()[0] == 400
    assert line.is_closed()


def test_half_a_head_is_none(line: RawConnection, alice: Any) -> None:
    sender = Sender(alice.pk)
    request = sender.request()
    line.send(request[:30], request[30:])
    assert line.answer()[0] == 200
    with closing(RawConnection(line.port)) as another:
        another.send(sender.request()[30:])
        assert another.answer()[0] == 400


def test_a_body_in_chunks_says_nothing_about_its_length(line: RawConnection, alice: Any) -> None:
    sender = Sender(alice.pk)

    def chunked() -> tuple[bytes, bytes]:
        head, _, body = sender.request().partition(b"\r\n\r\n")
        length = b"content-length: %d\r\n" % len(body)
        return head.replace(length, b"transfer-encoding: chunked\r\n") + b"\r\n\r\n", body

    head, body = chunked()
    line.send(head + b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body))
    assert line.answer()[0] == 200
    head, body = chunked()
    line.send(head + body)
    assert line.answer()[0] == 400


def test_two_headers_of_one_name_stay_two(line: RawConnection, alice: Any) -> None:
    sender = Sender(alice.pk).known_at(line)
    for _ in range(2):
        line.send(sender.request().replace(b"content-type:", b"content-type: text/plain\r\ncontent-type:", 1))
        assert line.answer()[2]["code"] == "unsupported_media_type"


@pytest.mark.parametrize("asking", [b"HTTP/1.1\r\nconnection: close", b"HTTP/1.0"])
def test_who_wants_to_leave_is_let_go_each_time(line: RawConnection, alice: Any, asking: bytes) -> None:
    sender = Sender(alice.pk)
    for _ in range(2):
        with closing(RawConnection(line.port)) as another:
            another.send(sender.request().replace(b"HTTP/1.1", asking, 1))
            status, headers, _ = another.answer()
            assert (status, headers["connection"]) == (200, "close")
            assert another.is_closed()


def test_each_keeps_the_request_id_that_it_brought(line: RawConnection, alice: Any) -> None:
    sender = Sender(alice.pk)
    for offered in ("provider-id-1", "provider-id-2", "provider-id-1"):
        sender.headers["x_request_id"] = offered
        line.send(sender.request())
        assert line.answer()[1]["x-request-id"] == offered


def test_providers_that_were_not_read_lately_are_read(line: RawConnection, alice: Any) -> None:
    sender = Sender(alice.pk).known_at(line)
    receiving.provider_cache.invalidate()
    line.send(sender.request())
    assert line.answer()[2]["balance"] == "2.00"


def test_too_many_connections_are_refused_as_before(line: RawConnection, alice: Any) -> None:
    sender = Sender(alice.pk).known_at(line)
    others = [RawConnection(line.port) for _ in range(MAX_CONNECTIONS)]
    others[-1].send(LIVE)  # all are connected when this is answered, and it is closed then
    assert others[-1].file.readline().startswith(b"HTTP/1.1 503")
    line.send(sender.request())
    assert line.file.readline().startswith(b"HTTP/1.1 503")
    for other in others:
        other.close()
    assert Posting.objects.count() == 1


def test_who_does_not_read_his_answers_gets_no_more_of_them(line: RawConnection, alice: Any) -> None:
    """Else they would pile up in the worker's memory."""
    sender = Sender(alice.pk).known_at(line)
    connection, is_paused = Watched.latest, threading.Event()
    connection.loop.call_soon_threadsafe(connection.pause_writing)  # as its transport does when its buffer is full
    connection.loop.call_soon_threadsafe(is_paused.set)
    assert is_paused.wait(PATIENCE)
    line.send(sender.request())
    assert select.select([line.socket], [], [], SLOW)[0] == []
    connection.loop.call_soon_threadsafe(connection.resume_writing)
    assert line.answer()[2]["balance"] == "2.00"


def test_nothing_is_taken_from_a_connection_that_closes(line: RawConnection, alice: Any) -> None:
    sender = Sender(alice.pk).known_at(line)
    connection, request = Watched.latest, sender.request()

    def close_and_receive() -> None:
        connection.transport.close()
        connection.data_received(request)

    connection.loop.call_soon_threadsafe(close_and_receive)
    assert line.is_closed()
    with closing(RawConnection(line.port)) as another:
        another.send(sender.request())
        assert another.answer()[2]["balance"] == "2.00"


def test_the_date_is_that_of_the_latest_second() -> None:
    earlier, later = [(b"date", b"today")], [(b"date", b"tomorrow"), (b"x-a", b"b")]
    assert raw_responses.encode_headers(earlier) == b"date: today\r\n"
    assert raw_responses.encode_headers(later) == b"date: tomorrow\r\nx-a: b\r\n"
    assert raw_responses.encode_headers(earlier) == b"date: today\r\n"


# --- the memory by itself -----------------------------------------------------------------------------------


def head_of(name: str, **headers: str) -> tuple[bytes, RequestHead]:
    read = f"POST /payment/webhook HTTP/1.1\r\nx-name: {name}\r\n\r\n{{}}".encode()
    return read, RequestHead("sha1_colon", "sha1_colon", {"x-name": name, **headers}, 2, keep_alive=True)


def is_kept(heads: RequestHeads, read: bytes, head: RequestHead) -> bool:
    heads.remember(read, b"{}", head)
    return heads.get(read.partition(b"\r\n\r\n")[0]) is head


def test_a_long_head_is_not_kept() -> None:
    assert is_kept(RequestHeads(), *head_of("x" * (MAX_HEAD_BYTES - 50)))
    assert not is_kept(RequestHeads(), *head_of("x" * MAX_HEAD_BYTES))


@pytest.mark.parametrize("name", ["x-request-id", "webhook-id"])
def test_a_head_of_one_request_alone_is_not_kept(name: str) -> None:
    assert not is_kept(RequestHeads(), *head_of("one", **{name: "1"}))


def test_no_more_is_kept_than_there_is_room_for() -> None:
    heads = RequestHeads()
    first, *_ = heads_read = [head_of(str(number)) for number in range(MAX_HEADS + 1)]
    for read, head in heads_read[:-1]:
        assert is_kept(heads, read, head)
    assert heads.get(first[0].partition(b"\r\n\r\n")[0]) is first[1]
    assert is_kept(heads, *heads_read[-1])
    assert heads.get(first[0].partition(b"\r\n\r\n")[0]) is None


def test_a_signature_in_the_head_is_checked_each_time(line: RawConnection, alice: Any) -> None:
    sender = Sender(alice.pk, STANDARD).known_at(line)
    line.send(sender.request(secret="whsec_YW5vdGhlciBzZWNyZXQgYW5vdGhlcg=="))
    assert line.answer()[2]["code"] == "invalid_signature"
