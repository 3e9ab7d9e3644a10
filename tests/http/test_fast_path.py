"""Webhooks on the fast path (config/server/http_protocol.py): answered like all others, however their bytes arrive."""

import socket
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Any

import pytest
from django.db import connection
from pytest_django.plugin import DjangoDbBlocker

from payments.models import Posting, Provider, Wallet
from payments.webhooks.receiving.provider_cache import RENEW_AGE_SECONDS
from tests.support.ledger_checks import assert_ledger_balances
from tests.support.live import LiveTill, UncheckedTill
from tests.support.load_client import as_request
from tests.support.provider import FORMS, SHA1_COLON, SHA256_CONCAT, STANDARD, Delivery, Form
from tests.support.raw_http import HOST, PATIENCE, RawConnection
from tests.support.sessions import last_statement

pytestmark = pytest.mark.slow

#: Only Django's middleware sets it; the event loop's own answers do without.
DJANGOS_HEADER = "x-frame-options"


@pytest.fixture(scope="module")
def served(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[LiveTill]:
    with django_db_blocker.unblock():
        till = UncheckedTill(TILL_WORKERS="1", TILL_LOCK_TIMEOUT_MS="1500")
        till.start()
    yield till
    till.stop()


@pytest.fixture
def line(served: LiveTill, committed_db: None) -> Iterator[RawConnection]:
    line = RawConnection(served.port)
    yield line
    line.close()
    assert_ledger_balances()


def head_and_body(request: bytes) -> tuple[bytes, bytes]:
    head, _, body = request.partition(b"\r\n\r\n")
    return head + b"\r\n\r\n", body


def whole(request: bytes) -> list[bytes]:
    return [request]


def body_later(request: bytes) -> list[bytes]:
    return list(head_and_body(request))


def body_in_halves(request: bytes) -> list[bytes]:
    head, body = head_and_body(request)
    return [head + body[:20], body[20:]]


def head_in_halves(request: bytes) -> list[bytes]:
    return [request[:30], request[30:]]


def chunked(request: bytes) -> list[bytes]:
    head, body = head_and_body(request)
    lines = [line for line in head.split(b"\r\n") if not line.startswith(b"content-length")]
    return [
        b"\r\n".join(lines).replace(b"\r\n\r\n", b"\r\ntransfer-encoding: chunked\r\n\r\n")
        + b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)
    ]


ARRIVALS = [whole, body_later, body_in_halves, head_in_halves, chunked]


@pytest.mark.parametrize("arrival", ARRIVALS)
@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.name)
def test_a_notice_is_credited_however_it_arrives(
    line: RawConnection, alice: Any, form: Form, arrival: Callable[[bytes], list[bytes]]
) -> None:
    request = as_request(form.notice(user_id=alice.pk, amount="1.50"), HOST)
    for duplicate in (False, True):
        line.send(*arrival(request))
        status, headers, body = line.answer()
        assert (status, body["status"], body["duplicate"], body["balance"]) == (200, "credited", duplicate, "1.50")
        assert headers["content-type"] == "application/json"
        assert headers["x-content-type-options"] == "nosniff"
        assert len(headers["x-request-id"]) == 32
        assert DJANGOS_HEADER not in headers
    assert Posting.objects.count() == 1


def refusals(alice: Any) -> dict[str, Delivery]:
    known = SHA256_CONCAT.fields(user_id=alice.pk)
    return {
        "credited": SHA256_CONCAT.deliver(known),
        "transaction_id_conflict": SHA256_CONCAT.deliver({**known, "amount": "101"}),
        "user_not_found": SHA1_COLON.notice(user_id=alice.pk + 10**6),
        "wallet_not_found": SHA1_COLON.notice(user_id=alice.pk, account_id=10**15 + 10**9),
        "invalid_signature": SHA1_COLON.notice(user_id=alice.pk, secret="another"),
        "malformed_event": SHA1_COLON.notice(user_id="true"),
        "invalid_notice": SHA1_COLON.notice(user_id=alice.pk, amount="0"),
        "unsupported_media_type": SHA1_COLON.notice(user_id=alice.pk).with_headers(content_type="text/plain"),
    }


def test_what_is_not_credited_is_answered_alike_on_both_ways(line: RawConnection, alice: Any) -> None:
    for code, delivery in refusals(alice).items():
        answers = []
        for arrival in (whole, body_later):
            line.send(*arrival(as_request(delivery, HOST)))
            status, headers, body = line.answer()
            assert body.get("code", "credited") == code
            assert DJANGOS_HEADER not in headers
            answers.append((status, sorted(headers), {k: v for k, v in body.items() if k != "duplicate"}))
        assert answers[0] == answers[1]


def test_a_line_of_requests_is_answered_in_their_order(line: RawConnection, alice: Any) -> None:
    """Sent all at once, webhooks between other requests."""
    deliveries = [form.notice(user_id=alice.pk, amount=f"{number}.00") for number, form in enumerate(FORMS, start=1)]
    live = b"GET /health/live HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n"
    line.send(b"".join(as_request(delivery, HOST) + live for delivery in deliveries))
    for number in range(1, len(FORMS) + 1):
        assert line.answer()[2]["amount"] == f"{number}.00"
        assert line.answer()[0] == 200


@pytest.mark.parametrize(
    ("version", "header", "closes"),
    [
        (b"HTTP/1.1", b"", False),
        (b"HTTP/1.1", b"connection: close\r\n", True),
        (b"HTTP/1.0", b"", True),
        (b"HTTP/1.1", b"expect: 100-continue\r\n", False),
    ],
)
def test_the_connection_is_kept_or_closed_as_asked(
    line: RawConnection, alice: Any, version: bytes, header: bytes, closes: bool
) -> None:
    request = as_request(SHA1_COLON.notice(user_id=alice.pk), HOST)
    request = request.replace(b"HTTP/1.1\r\n", version + b"\r\n" + header, 1)
    line.send(request)
    if b"expect" in header:
        assert line.file.readline().startswith(b"HTTP/1.1 100")
        line.file.readline()
    status, headers, _ = line.answer()
    assert status == 200
    assert (headers.get("connection") == "close") is closes
    if closes:
        assert line.is_closed()
    else:
        line.send(request.replace(header, b"", 1))
        assert line.answer()[2]["duplicate"] is True


def test_a_harmless_request_id_comes_back(line: RawConnection, alice: Any) -> None:
    for offered, is_kept in (("provider-id-77", True), ("short", False), ("a" * 65, False)):
        delivery = SHA1_COLON.notice(user_id=alice.pk).with_headers(x_request_id=offered)
        line.send(as_request(delivery, HOST))
        assert (line.answer()[1]["x-request-id"] == offered) is is_kept


def test_two_headers_of_one_name_do_not_take_the_fast_path(line: RawConnection, alice: Any) -> None:
    request = as_request(SHA1_COLON.notice(user_id=alice.pk), HOST)
    line.send(request.replace(b"content-type:", b"content-type: text/plain\r\ncontent-type:", 1))
    assert line.answer()[2]["code"] == "unsupported_media_type"


def test_a_notice_is_answered_before_the_rubbish_behind_it(line: RawConnection, alice: Any) -> None:
    line.send(as_request(SHA1_COLON.notice(user_id=alice.pk, amount="4.00"), HOST) + b"RUBBISH\r\n\r\n")
    status, headers, body = line.answer()
    assert (status, body["balance"], headers["connection"]) == (200, "4.00", "close")
    assert line.is_closed()


UPGRADES = (b"h2c", b"websocket", b"TLS/1.0")


@pytest.mark.parametrize("protocol", UPGRADES)
@pytest.mark.parametrize("arrival", [whole, body_later, head_in_halves, chunked])
def test_who_would_rather_speak_another_protocol_is_answered_in_this_one(
    line: RawConnection, alice: Any, arrival: Callable[[bytes], list[bytes]], protocol: bytes
) -> None:
    """`curl --http2` asks so by default."""
    upgrade = (
        b"connection: Upgrade, HTTP2-Settings\r\nhttp2-settings: AAMAAABkAAQAoAAAAAIAAAAA\r\nupgrade: "
        + protocol
        + b"\r\n"
    )
    for amount in (1, 2):
        request = as_request(SHA1_COLON.notice(user_id=alice.pk, amount=f"{amount}.00"), HOST)
        line.send(*arrival(request.replace(b"content-type:", upgrade + b"content-type:", 1)))
        assert line.answer()[2]["amount"] == f"{amount}.00"


def test_a_body_is_never_taken_for_the_next_request(line: RawConnection) -> None:
    hidden = b"GET /health/live HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n"
    for path in (b"/api/v1/auth/login", b"/webhook/payment"):
        line.send(
            b"POST " + path + b" HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: upgrade\r\nupgrade: h2c\r\n"
            b"content-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(hidden) + hidden
        )
        assert line.answer()[0] == 400
    line.send(hidden)
    assert line.answer()[2] == {"status": "ok"}


def test_nobody_is_connected_through(line: RawConnection) -> None:
    line.send(b"CONNECT example.com:443 HTTP/1.1\r\nhost: example.com\r\n\r\n")
    assert line.answer()[0] == 400
    assert line.is_closed()


def test_a_query_does_not_matter(line: RawConnection, alice: Any) -> None:
    line.send(as_request(SHA1_COLON.notice(user_id=alice.pk), HOST).replace(b"/webhook ", b"/webhook?a=b ", 1))
    assert line.answer()[0] == 200


def test_who_leaves_before_the_answer_is_credited_and_disturbs_nobody(line: RawConnection, alice: Any) -> None:
    for amount in range(1, 6):
        hasty = RawConnection(line.port)
        hasty.send(as_request(SHA1_COLON.notice(user_id=alice.pk, amount=amount), HOST))
        hasty.close()
    line.send(as_request(STANDARD.notice(user_id=alice.pk, amount="100"), HOST))
    assert line.answer()[0] == 200
    deadline = time.monotonic() + PATIENCE
    while Wallet.objects.get(pk=77).balance != 115:
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_who_does_not_read_his_answers_is_stopped_from_sending(line: RawConnection, alice: Any) -> None:
    """Else his requests would pile up in the worker's memory."""
    request = as_request(SHA1_COLON.notice(user_id=alice.pk), HOST)
    with closing(socket.socket()) as deaf:
        deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        deaf.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        deaf.settimeout(3)
        deaf.connect((HOST, line.port))

        def send_18_megabytes() -> None:
            for _ in range(60_000):
                deaf.sendall(request)

        with pytest.raises(TimeoutError):
            send_18_megabytes()
        with closing(RawConnection(line.port)) as honest:
            honest.send(as_request(STANDARD.notice(user_id=alice.pk, amount="100"), HOST))
            assert honest.answer()[0] == 200


def test_thousands_of_requests_that_are_read_at_once_are_all_answered(line: RawConnection, alice: Any) -> None:
    for amount in (1, 2):
        line.send(
            b"GET /health/live HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n" * 2_000
            + as_request(SHA1_COLON.notice(user_id=alice.pk, amount=amount), HOST)
        )
        assert {line.answer()[0] for _ in range(2_001)} == {200}
        assert Wallet.objects.get(owner=alice, currency="USD").balance == amount * (amount + 1) / 2


def test_a_secret_that_staff_change_counts_at_once(line: RawConnection, alice: Any) -> None:
    """The worker's copy is out of date, which the batch finds out: the signature is checked again."""
    line.send(as_request(SHA1_COLON.notice(user_id=alice.pk), HOST))
    assert line.answer()[0] == 200
    Provider.objects.filter(slug="sha1_colon").update(secret="a new secret", previous_secret="")
    try:
        line.send(as_request(SHA1_COLON.notice(user_id=alice.pk), HOST))
        assert line.answer()[2]["code"] == "invalid_signature"
        line.send(as_request(SHA1_COLON.notice(user_id=alice.pk, secret="a new secret"), HOST))
        assert line.answer()[0] == 200
    finally:
        Provider.objects.filter(slug="sha1_colon").update(secret="appkey")


def test_a_held_wallet_is_answered_503_and_its_neighbours_are_not(line: RawConnection, alice: Any, bob: Any) -> None:
    for user, account in ((alice, 77), (bob, 88)):
        line.send(as_request(SHA1_COLON.notice(user_id=user.pk, account_id=account), HOST))
        assert line.answer()[0] == 200

    def ask(user: Any, account: int) -> tuple[int, dict[str, str], dict[str, Any]]:
        own = RawConnection(line.port)
        with closing(own):
            own.send(as_request(SHA1_COLON.notice(user_id=user.pk, account_id=account), HOST))
            return own.answer()

    with connection.cursor() as cursor, ThreadPoolExecutor(2) as threads:
        cursor.execute("BEGIN; SELECT FROM payments_wallet WHERE id = 77 FOR UPDATE")
        held, free = threads.submit(ask, alice, 77), threads.submit(ask, bob, 88)
        status, headers, body = held.result()
        cursor.execute("ROLLBACK")
        assert (status, body["code"]) == (503, "database_busy")
        assert int(headers["retry-after"]) >= 1
        assert free.result()[0] == 200


def test_providers_are_read_again_before_a_webhook_has_to_wait_for_it(line: RawConnection, alice: Any) -> None:
    """Meanwhile the copy in memory serves."""
    line.send(as_request(SHA256_CONCAT.notice(user_id=alice.pk), HOST))
    assert line.answer()[0] == 200
    time.sleep(RENEW_AGE_SECONDS * 1.1)
    began_at = time.monotonic()
    line.send(as_request(SHA256_CONCAT.notice(user_id=alice.pk), HOST))
    assert line.answer()[0] == 200
    deadline = began_at + PATIENCE
    while (age := last_statement('SELECT "payments_provider"').age) is None or age > time.monotonic() - began_at:
        assert time.monotonic() < deadline, "nobody read them"
        time.sleep(0.05)
