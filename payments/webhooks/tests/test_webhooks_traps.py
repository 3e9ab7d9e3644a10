"""What a sender can get wrong, or try on: each through every door, and none of it leaves a trace."""

import contextlib
import socket
from collections.abc import Callable, Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from payments.conftest import Post, Stored, stored
from tests.support.http import PLAIN
from tests.support.live import LiveTill
from tests.support.provider import SHA1_COLON, SHA256_CONCAT, STANDARD, Delivery, Form, as_json

pytestmark = pytest.mark.slow

Unmoved = Callable[[], Stored]
ADDRESSES = [SHA1_COLON, SHA256_CONCAT]


# --- 400: not a notice --------------------------------------------------------------------------------------

NOT_A_NOTICE: Mapping[str, Callable[[bytes], bytes]] = {
    "nothing": lambda _: b" ",
    "not JSON": lambda _: b"amount=100",
    "cut off": lambda body: body[:-1],
    "two objects": lambda body: body + body,
    "an array": lambda body: b"[" + body + b"]",
    "a string": lambda _: b'"notice"',
    "a number": lambda _: b"1",
    "null": lambda _: b"null",
    "nested a hundred thousand times, cut at the limit": lambda _: b"[" * 65_536,
    "objects nested too deeply": lambda _: b'{"a":' * 13_000,
    "UTF-16": lambda body: body.decode().encode("utf-16"),
    "a byte order mark": lambda body: b"\xef\xbb\xbf" + body,
    "broken UTF-8": lambda body: body.replace(b'"amount"', b'"\xff\xfe"'),
    "NaN": lambda body: body.replace(b": 100", b": NaN"),
    "Infinity": lambda body: body.replace(b": 100", b": -Infinity"),
    "a raw NUL": lambda body: body.replace(b"amount", b"am\0unt"),
    "a comment": lambda body: body.replace(b": 100", b": 100 // one hundred"),
    "a trailing comma": lambda body: body.replace(b"}", b",}"),
    "single quotes": lambda body: body.replace(b'"', b"'"),
    "a leading zero": lambda body: body.replace(b": 100", b": 0100"),
    "a leading plus": lambda body: body.replace(b": 100", b": +100"),
    "a bare point": lambda body: body.replace(b": 100", b": 100."),
    "digits that are not ASCII": lambda body: body.replace(b": 100", ": \uff11\uff10\uff10".encode()),
}


@pytest.mark.parametrize("form", ADDRESSES, ids=lambda form: form.name)
def test_what_is_not_a_json_object_is_malformed(post: Post, form: Form, alice: Any, unmoved: Unmoved) -> None:
    delivery = form.notice(user_id=alice.pk)
    for name, trap in NOT_A_NOTICE.items():
        answer = post(delivery.with_body(trap(delivery.body)))
        assert (answer.status, answer.code) == (400, "malformed_event"), name
    assert unmoved().events == 0


def test_a_key_that_stands_twice_is_refused_though_the_last_one_was_signed(
    post: Post, form: Form, alice: Any, unmoved: Unmoved
) -> None:
    delivery = form.notice(user_id=alice.pk)
    answer = post(delivery.with_body(delivery.body.replace(b"{", b'{"amount": 999, ')))
    assert (answer.status, answer.code, answer.field) == (400, "malformed_event", "amount")
    assert unmoved().events == 0


NO_AMOUNT = [
    '"\u0661\u0660\u0660"',
    '"\uff11\uff10\uff10"',
    '"1_000"',
    '" 100 "',
    '"+5"',
    '"1e2"',
    "1E+2",
    "1e2",
    '"0100"',
    '".5"',
    '"5."',
    '""',
]
NO_VALUE = ["null", "true", "false", "[100]", "{}", '"NaN"', '"Infinity"', '"1,000"', '"\\u0000"', '"\\ud800"']
NO_INTEGER = ["1.0", "1e3", "-0", '"7"', '" 7 "', '"1_0"', '"\u0663"', "9" * 5_000]


NO_TEXT = ["7", "null", "true", '""', '" a"', '"a b"', '"é"', '"\\u0000"', '"\\ud800"', f'"{"a" * 129}"', '["a"]']


@pytest.mark.parametrize(
    ("form", "name", "literals"),
    [(form, "amount", [*NO_AMOUNT, *NO_VALUE, "9" * 5_000]) for form in ADDRESSES]
    + [(SHA1_COLON, name, [*NO_INTEGER, *NO_VALUE]) for name in ("transaction_id", "user_id", "bill_id")]
    + [(SHA256_CONCAT, name, [*NO_INTEGER, *NO_VALUE]) for name in ("user_id", "account_id")]
    + [(SHA256_CONCAT, "transaction_id", NO_TEXT)],
    ids=lambda value: getattr(value, "name", None) or (value if isinstance(value, str) else "literals"),
)
def test_a_value_of_another_kind_or_in_another_spelling_is_malformed(
    post: Post, alice: Any, unmoved: Unmoved, form: Form, name: str, literals: list[str]
) -> None:
    fields = {**form.fields(user_id=alice.pk), "signature": '"any"'}
    for literal in literals:
        answer = post(form.unsigned({**fields, name: literal}))
        assert (answer.status, answer.code, answer.field) == (400, "malformed_event", name), literal[:50]
    assert unmoved().events == 0


def test_a_missing_field_is_named(post: Post, form: Form, alice: Any, unmoved: Unmoved) -> None:
    fields = form.fields(user_id=alice.pk)
    for name in fields:
        rest = {key: value for key, value in fields.items() if key != name}
        answer = post(STANDARD.deliver(rest) if form is STANDARD else form.unsigned(rest))
        assert (answer.status, answer.code, answer.field) == (400, "malformed_event", name)
    assert unmoved().events == 0


def test_fields_that_nobody_asked_for_are_ignored(post: Post, form: Form, alice: Any) -> None:
    assert post(form.deliver({**form.fields(user_id=alice.pk), "note": '["x", {}]'})).status == 200


# --- 401 ----------------------------------------------------------------------------------------------------


def forgeries(form: Form, user: Any) -> dict[str, Delivery]:
    """Every way to have no valid signature; all but the first two only in forms that sign in the body."""
    fields = form.fields(user_id=user.pk)
    good = form.signature(fields)
    bad = {
        "empty": '""', "null": "null", "a number": "12345", "true": "true", "an array": f'["{good}"]',
        "Cyrillic": '"подпись"',
        "half a surrogate pair": '"\\ud800"', "capitals": f'"{good.upper()}"', "cut off": f'"{good[:-1]}"',
        "longer": f'"{good}0"', "a space": f'" {good}"',
        "one digit changed": f'"{"0" if good[0] != "0" else "1"}{good[1:]}"',
        "of the other scheme": f'"{(SHA1_COLON if form is SHA256_CONCAT else SHA256_CONCAT).sign(["1"] * 4, "x")}"',
    }  # fmt: skip
    return {
        "missing": form.unsigned(fields),
        "another secret": form.notice(user_id=user.pk, secret="bWFsbG9yeQ=="),
        **{name: form.unsigned({**fields, "signature": literal}) for name, literal in bad.items()},
    }


@pytest.mark.parametrize("form", [*ADDRESSES, STANDARD], ids=lambda form: form.name)
def test_without_a_valid_signature_every_answer_is_the_same_and_nothing_is_stored(
    post: Post, form: Form, alice: Any, unmoved: Unmoved
) -> None:
    delivery = form.notice(user_id=alice.pk)
    unknown = post(Delivery("/api/v1/webhooks/nobody", delivery.body, delivery.headers))
    assert (unknown.status, unknown.code) == (401, "invalid_signature")
    assert unknown.headers["WWW-Authenticate"] == 'Signature realm="webhooks"'
    for name, forged in forgeries(form, alice).items():
        answer = post(forged)
        assert (answer.status, answer.content) == (401, unknown.content), name
        assert comparable(answer.headers) == comparable(unknown.headers), name
    assert unmoved().events == 0


def comparable(headers: Mapping[str, str]) -> dict[str, str]:
    """Without what differs from one request to the next."""
    return {name: value for name, value in headers.items() if name.lower() not in ("date", "x-request-id")}


@pytest.mark.parametrize("account_field", ["account_id", "bill_id", "iban"])
def test_the_answer_to_a_stranger_does_not_tell_which_providers_exist(
    post: Post, alice: Any, unmoved: Unmoved, account_field: str
) -> None:
    fields = {"user_id": str(alice.pk), account_field: "1", "amount": "1"}
    for transaction_id in ("7", '"7"', "1.5"):
        body, headers = as_json({**fields, "transaction_id": transaction_id}), {"content-type": "application/json"}
        slugs = ("nobody", "sha1_colon", "sha256_concat", "standard_webhooks")
        answers = {post(Delivery(f"/api/v1/webhooks/{slug}", body, headers)).content for slug in slugs}
        assert len(answers) == 1
        assert b"invalid_signature" in answers.pop()
    assert unmoved().events == 0


def test_the_form_is_checked_after_the_signature_where_the_address_is_everybodys(
    post: Post, alice: Any, unmoved: Unmoved
) -> None:
    fields = SHA1_COLON.fields(user_id=alice.pk, transaction_id='"17"')
    delivery = SHA1_COLON.deliver(fields)
    answer = post(Delivery("/api/v1/webhooks/sha1_colon", delivery.body, delivery.headers))
    assert (answer.status, answer.field) == (400, "transaction_id")
    assert unmoved().events == 0


# --- 413, 415, 405 ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [64 * 1024 + 1, 3_000_000])
def test_a_body_over_64_kib_is_too_large_though_signed(
    post: Post, form: Form, alice: Any, unmoved: Unmoved, size: int
) -> None:
    fields = form.fields(user_id=alice.pk)
    answer = post(form.deliver({**fields, "padding": f'"{"x" * (size - len(as_json(fields)) - 15)}"'}))
    assert (answer.status, answer.code) == (413, "body_too_large")
    assert answer.headers["content-type"] == "application/problem+json"
    assert unmoved().events == 0


def test_a_body_of_exactly_64_kib_is_read(post: Post, form: Form, alice: Any) -> None:
    fields = form.fields(user_id=alice.pk)
    unpadded = len(form.deliver({**fields, "padding": '""'}).body)
    delivery = form.deliver({**fields, "padding": f'"{"x" * (64 * 1024 - unpadded)}"'})
    assert len(delivery.body) == 64 * 1024
    assert post(delivery).status == 200


NO_JSON_TYPES = [
    *("", "text/plain", "text/json", "application/xml", "application/x-www-form-urlencoded"),
    *("multipart/form-data; boundary=x", "application/json; charset=utf-16", "application/json; charset=latin-1"),
]
JSON_TYPES = [
    *("application/json", "APPLICATION/JSON", "application/json;charset=UTF-8"),
    'application/json; charset="utf-8"',
]


def test_only_json_in_utf_8_is_read(post: Post, form: Form, alice: Any, unmoved: Unmoved) -> None:
    for content_type in NO_JSON_TYPES:
        answer = post(form.notice(user_id=alice.pk).with_headers(content_type=content_type))
        assert (answer.status, answer.code) == (415, "unsupported_media_type"), content_type
    assert unmoved().events == 0


def test_json_may_be_announced_in_several_ways(post: Post, form: Form, alice: Any) -> None:
    for content_type in JSON_TYPES:
        assert post(form.notice(user_id=alice.pk).with_headers(content_type=content_type)).status == 200


def test_the_answer_is_json_whatever_is_accepted(post: Post, form: Form, alice: Any) -> None:
    for accept in ("*/*", "text/html", "application/xml;q=0.9", "nonsense"):
        assert post(form.notice(user_id=alice.pk).with_headers(accept=accept)).body["status"] == "credited"


def test_only_post_is_a_notice(post: Post, form: Form, alice: Any, unmoved: Unmoved) -> None:
    for method in ("GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS"):
        answer = post(form.notice(user_id=alice.pk).by(method))
        assert (answer.status, answer.headers["Allow"]) == (405, "POST"), method
    assert unmoved().events == 0


# --- bodies whose length is not announced, or not true ------------------------------------------------------


def in_chunks(body: bytes) -> Iterator[bytes]:
    yield from (body[start : start + 1000] for start in range(0, len(body), 1000))


def test_a_body_in_chunks_is_a_notice_like_any_other(
    served_till: LiveTill, committed_db: None, form: Form, alice: Any
) -> None:
    delivery = form.notice(user_id=alice.pk)
    url, body = served_till.url + delivery.path, in_chunks(delivery.body)
    answer = httpx.post(url, content=body, headers=delivery.headers, verify=PLAIN)
    assert (answer.status_code, answer.json()["duplicate"]) == (200, False)


@pytest.mark.parametrize("size", [64 * 1024 + 1, 3_000_000])
def test_a_body_in_chunks_is_bounded_too(
    served_till: LiveTill, committed_db: None, form: Form, alice: Any, size: int
) -> None:
    delivery = form.deliver({**form.fields(user_id=alice.pk), "padding": f'"{"x" * size}"'})
    reply = send_in_chunks(served_till.url, delivery)
    assert (reply.split(b"\r\n")[0].split()[1], b"application/problem+json" in reply) == (b"413", True)
    assert stored().events == 0


def send_in_chunks(url: str, delivery: Delivery) -> bytes:
    """The answer may come before the whole body has gone out; what is written then is nobody's concern."""
    lines = [f"POST {delivery.path} HTTP/1.1", "host: localhost", "transfer-encoding: chunked", "connection: close"]
    lines += [f"{name}: {value}" for name, value in delivery.headers.items()]
    with socket.create_connection((urlsplit(url).hostname or "", urlsplit(url).port or 0), timeout=20) as line:
        with contextlib.suppress(OSError):
            line.sendall("\r\n".join([*lines, "", ""]).encode())
            for chunk in in_chunks(delivery.body):
                line.sendall(f"{len(chunk):x}\r\n".encode() + chunk + b"\r\n")
            line.sendall(b"0\r\n\r\n")
        return line.recv(65536)


def test_a_body_that_is_announced_as_too_large_is_refused_unread(
    served_till: LiveTill, committed_db: None, form: Form
) -> None:
    address = urlsplit(served_till.url)
    headers = "host: localhost\r\ncontent-type: application/json\r\ncontent-length: 3000000"
    head = f"POST {form.path} HTTP/1.1\r\n{headers}\r\n\r\n"
    with socket.create_connection((address.hostname or "", address.port or 0), timeout=20) as line:
        line.sendall(head.encode())
        assert line.recv(65536).split(b"\r\n")[0].split()[1] == b"413"
