"""What a hostile body may cost: time that grows with its length and no faster, and an answer that stays short."""

import contextlib
import json
from collections.abc import Callable

import pytest
from django.test import Client
from rest_framework.exceptions import ParseError, UnsupportedMediaType

from api import parsers
from config.problems import response_for
from payments.webhooks import notices
from tests.support.every_operation import new_user, perform, to
from tests.support.growth import assert_linear

MEBIBYTE = 1024 * 1024
Maker = Callable[[int], bytes]


def _members(size: int, end: str) -> bytes:
    """As many members as fit, each of another name, and `end`."""
    return ("{" + ",".join(f'"{n:06}":0' for n in range(size // 11)) + end + "}").encode()


def _objects(size: int) -> bytes:
    """Many objects, each of forty members and one that stands twice."""
    inside = ("{" + ",".join(f'"{n:02}":0' for n in range(40)) + ',"00":0}').encode()
    return b'{"a":[' + b",".join([inside] * (size // len(inside))) + b"]}"


HOSTILE: dict[str, Maker] = {
    "a key twice, last of many": lambda size: _members(size, ',"000000":0'),
    "a key twice, the last one": lambda size: _members(size, ',"x":0,"x":0'),
    "many members": lambda size: _members(size, ""),
    "many objects with a key twice": _objects,
    "one name a million times": lambda size: b"{" + b",".join([b'"a":0'] * (size // 6)) + b"}",
    "a long name twice": lambda size: b'{"%b":0,"%b":0}' % ((b"a" * (size // 2),) * 2),
    "a list": lambda size: b'{"a":[' + b"0," * (size // 2) + b"0]}",
    "lists in lists": lambda size: b'{"a":[' + b"[],".join([b""] * (size // 3)) + b"[]]}",
    "opening brackets": lambda size: b"[" * size,
    "opening objects": lambda size: b'{"a":' * (size // 5),
    "a whole number": lambda size: b'{"a":' + b"9" * size + b"}",
    "a decimal": lambda size: b'{"a":0.' + b"9" * size + b"}",
    "an exponent": lambda size: b'{"a":1e' + b"9" * size + b"}",
    "a minus sign, and digits": lambda size: b'{"a":-' + b"1" * size + b"}",
    "a text": lambda size: b'{"a":"' + b"x" * size + b'"}',
    "a text of NULs": lambda size: b'{"a":"' + b"\\u0000" * (size // 6) + b'"}',
    "a text without end": lambda size: b'{"a":"' + b"\\\\" * (size // 2),
    "halves of pairs": lambda size: b'{"a":"' + b"\\ud800" * (size // 6) + b'"}',
    "spaces": lambda size: b" " * size + b"{",
    "line feeds, and an error": lambda size: b'{"a":1}' + b"\n" * size + b"x",
    "NaN": lambda size: b'{"a":[' + b"NaN," * (size // 4) + b"NaN]}",
    "bytes that are no text": lambda size: b'{"a":"' + b"\xff" * size,
    "commas and quotes": lambda size: b'{"",' * (size // 4),
}


@pytest.mark.parametrize("make", HOSTILE.values(), ids=HOSTILE.keys())
def test_the_time_to_read_a_body_grows_no_faster_than_the_body(make: Maker) -> None:
    def read(body: bytes) -> None:
        with contextlib.suppress(ParseError):
            parsers.parse_object(body)

    assert_linear(read, make, MEBIBYTE)


@pytest.mark.parametrize("scheme", ["sha1_colon", "sha256_concat", "standard_webhooks"])
@pytest.mark.parametrize("make", HOSTILE.values(), ids=HOSTILE.keys())
def test_the_time_to_read_a_notice_grows_no_faster_than_the_notice(make: Maker, scheme: str) -> None:
    def read(body: bytes) -> None:
        with pytest.raises((notices.MalformedEvent, notices.BodyTooLarge)):
            notices.parse(body, scheme)

    assert_linear(read, make, notices.MAX_BODY_BYTES - 64)


NEARLY: dict[str, Maker] = {
    "spaces between": lambda size: b"{" + b" " * size + b'"user_id":1,',
    "spaces after each": lambda size: b'{"user_id"' + b" " * (size // 3) + b":" + b" " * (size // 3) + b"1 ",
    "members again and again": lambda size: b'{"user_id":1' + b',"user_id":1' * (size // 12),
    "a long signature": lambda size: b'{"signature":"' + b"a" * size,
    "a long id": lambda size: b'{"transaction_id":"' + b"a" * size,
    "a long amount": lambda size: b'{"amount":' + b"1" * size,
}


@pytest.mark.parametrize("scheme", ["sha1_colon", "sha256_concat"])
@pytest.mark.parametrize("make", NEARLY.values(), ids=NEARLY.keys())
def test_what_nearly_looks_like_a_notice_costs_no_more(make: Maker, scheme: str) -> None:
    assert_linear(lambda body: notices.usual(body, scheme), make, notices.MAX_BODY_BYTES - 64)


@pytest.mark.parametrize("make", HOSTILE.values(), ids=HOSTILE.keys())
def test_the_answer_stays_short(make: Maker) -> None:
    try:
        parsers.parse_object(make(MEBIBYTE))
    except ParseError as error:
        answer = response_for(error)
        assert answer is not None
        assert len(answer.content) < 2000


@pytest.mark.django_db
def test_an_answer_repeats_no_more_than_the_beginning_of_what_it_refuses() -> None:
    admin = new_user("admin", "admin")
    answer = perform("users_change", to({"role": "x" * 500_000}, id=admin.pk), admin)
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (400, "invalid_choice")
    assert len(answer.content) < 2000


def test_values_are_counted_before_any_is_made() -> None:
    for body in (b"[" * 30_000, b'{"a":' * 30_000, b'{"a":[' + b"NaN," * 30_000):
        with pytest.raises(ParseError, match="more than 20000 values"):
            parsers.parse_object(body)
    assert parsers.parse_object(b'{"a":"' + b"," * 10_000 + b'"}')


def test_members_of_an_object_are_bounded_wherever_it_stands() -> None:
    most = json.dumps({f"m{n}": 0 for n in range(parsers.MAX_MEMBERS)})
    more = json.dumps({f"m{n}": 0 for n in range(parsers.MAX_MEMBERS + 1)})
    assert len(parsers.parse_object(most.encode())) == parsers.MAX_MEMBERS
    for body in (more, f'{{"inside": {more}}}', f'{{"inside": [{{"deep": {more}}}]}}'):
        with pytest.raises(ParseError, match="at most 200 members"):
            parsers.parse_object(body.encode())
    with pytest.raises(ParseError, match="at most 200 items"):
        parsers.parse_object(json.dumps({"list": [0] * (parsers.MAX_MEMBERS + 1)}).encode())
    with pytest.raises(ParseError, match="at most 100 characters"):
        parsers.parse_object(json.dumps({"a": {"n" * (parsers.MAX_NAME_LENGTH + 1): 0}}).encode())


@pytest.mark.parametrize("scheme", ["sha1_colon", "sha256_concat", "standard_webhooks"])
def test_members_of_a_notice_are_bounded_wherever_they_stand(scheme: str) -> None:
    account, transaction = ("bill_id", 7) if scheme == "sha1_colon" else ("account_id", "seven")
    notice = {"transaction_id": transaction, "user_id": 1, account: 1, "amount": 1, "signature": "s"}
    room = notices.MAX_MEMBERS - len(notice)
    most = notice | {f"m{n}": 0 for n in range(room)}
    assert notices.parse(json.dumps(most).encode(), scheme).user_id == "1"
    inside = {f"m{n}": 0 for n in range(notices.MAX_MEMBERS + 1)}
    for more in (most | {"one more": 0}, notice | {"inside": inside}, notice | {"inside": [[inside]]}):
        with pytest.raises(notices.MalformedEvent, match="at most 200 members; one here has 201"):
            notices.parse(json.dumps(more).encode(), scheme)


@pytest.mark.django_db
def test_the_answer_to_a_notice_of_many_members_says_why() -> None:
    answer = Client().post("/webhook/payment", _members(58_000, ',"000000":0'), content_type="application/json")
    assert answer.status_code == 400
    assert answer.json()["code"] == "malformed_event"
    assert "at most 200 members" in answer.json()["detail"]


def _content_type(size: int) -> str:
    return 'application/json;"' + '";"' * (size // 3)


def test_a_long_content_type_is_refused_before_it_is_taken_apart() -> None:
    def read(content_type: str) -> None:
        with pytest.raises(UnsupportedMediaType):
            parsers.refuse_other_media(content_type)
        with pytest.raises(notices.UnsupportedContentType):
            notices.check_content(content_type, 1)

    assert_linear(read, _content_type, 64 * 1024)
