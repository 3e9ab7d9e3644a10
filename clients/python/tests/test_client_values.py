"""What goes in and comes out: amounts, JSON, records, problems, addresses. Nothing secret is shown."""

import json
import logging
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import httpx
import pytest
from scripted_transport import Script, json_answer, perform, problem, wallet

from till_client import (
    AsyncTill,
    InsufficientFunds,
    Problem,
    SignInRequired,
    Till,
    Tokens,
    UnexpectedAnswer,
    ValidationProblem,
)
from till_client.records import Registered, User

WAYS = pytest.mark.parametrize("way", ["sync", "async"])


def deposit(amount: Any) -> Any:
    return lambda till: till.deposits.create(wallet=1, amount=amount)


def bodies(script: Script) -> list[Any]:
    return [json.loads(request.content) for request in script.requests]


class Endless(httpx.SyncByteStream, httpx.AsyncByteStream):
    """A body without an end. It counts how much of it was read."""

    def __init__(self) -> None:
        self.pieces = 0

    def __iter__(self) -> Iterator[bytes]:
        while True:
            self.pieces += 1
            yield b" " * 1024 * 1024

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for piece in self:
            yield piece


@WAYS
def test_an_answer_without_an_end_does_not_fill_the_memory(way: str) -> None:
    body = Endless()
    script = Script(httpx.Response(200, headers={"content-type": "application/json"}, stream=body))
    with pytest.raises(UnexpectedAnswer, match="bytes"):
        perform(way, script, lambda till: till.wallets.get(1))
    assert body.pieces < 40


# --- amounts ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        (Decimal("25.00"), "25.00"),
        (Decimal("1E+3"), "1000"),
        (Decimal("1E-8"), "0.00000001"),
        (25, "25"),
        (10**25 + 1, "10000000000000000000000001"),
        ("0.10", "0.10"),
        (Decimal("12345678901234567890.0123456789"), "12345678901234567890.0123456789"),
    ],
)
def test_an_amount_is_sent_with_all_of_its_digits(amount: Any, text: str) -> None:
    script = Script(problem(409, "insufficient_funds"))
    with pytest.raises(InsufficientFunds):
        perform("sync", script, deposit(amount))
    assert bodies(script)[0]["amount"] == text


@pytest.mark.parametrize("amount", [25.0, 0.1, float("nan"), True, None, b"1", [1]])
def test_what_is_no_exact_number_is_refused_before_it_is_sent(amount: Any) -> None:
    script = Script()
    with pytest.raises(TypeError):
        perform("sync", script, deposit(amount))
    assert not script.requests


@pytest.mark.parametrize(
    "amount", [Decimal("NaN"), Decimal("Infinity"), "1e2", "\uff11", "1_000", " 1", "", "1.", "+1"]
)
def test_what_is_not_written_in_plain_digits_is_refused(amount: Any) -> None:
    with pytest.raises(ValueError, match="plain digits"):
        perform("sync", Script(), deposit(amount))


def test_no_float_goes_into_any_body() -> None:
    with pytest.raises(TypeError):
        perform("sync", Script(), lambda till: till.deposits.create(wallet=1, amount=1, metadata={"share": 0.5}))


# --- records ------------------------------------------------------------------------------------------------------


def read(**members: Any) -> Any:
    script = Script(json_answer(200, {**wallet(), **members}))
    return perform("sync", script, lambda till: till.wallets.get(7))


def test_amounts_are_decimals_and_times_know_their_zone() -> None:
    known = read(id=1000000000000001, balance="0.10")
    assert (known.id, known.balance) == (1000000000000001, Decimal("0.10"))
    assert str(known.balance) == "0.10"
    assert known.created_at == datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def test_members_of_a_newer_till_are_no_error() -> None:
    assert read(colour={"of": [1, "a"]}).extra == {"colour": {"of": [1, "a"]}}


def test_a_number_with_a_point_never_becomes_a_float() -> None:
    content = json.dumps(wallet())[:-1] + ', "share": 0.1000000000000000055}'
    script = Script(httpx.Response(200, content=content))
    share = perform("sync", script, lambda till: till.wallets.get(7)).extra["share"]
    assert share == Decimal("0.1000000000000000055")


@pytest.mark.parametrize(
    "members",
    [{"id": True}, {"id": "7"}, {"balance": "NaN"}, {"balance": True}, {"balance": None}, {"created_at": "soon"}],
)
def test_a_member_of_another_form_is_named_and_not_shown(members: dict[str, Any]) -> None:
    [name] = members
    with pytest.raises(UnexpectedAnswer, match=name) as failure:
        read(**members)
    assert "soon" not in str(failure.value)


@pytest.mark.parametrize("content", [b"", b"<html>", b"[]", b"{}", b'{"id": NaN}', b"[" * 100_000, b"\xff"])
def test_an_answer_that_is_not_tills_is_named(content: bytes) -> None:
    with pytest.raises(UnexpectedAnswer):
        perform("sync", Script(httpx.Response(200, content=content)), lambda till: till.wallets.get(7))


# --- problems -----------------------------------------------------------------------------------------------------


def refusal(response: httpx.Response) -> Problem:
    with pytest.raises(Problem) as refused:
        perform("sync", Script(response), lambda till: till.wallets.open("USD"))
    return refused.value


def test_a_problem_names_fields_and_keeps_what_is_new() -> None:
    errors = [{"field": "wallet", "code": "null", "detail": "no"}, {"field": None, "code": "x", "detail": ""}, 7]
    body = {"status": 400, "code": "invalid_request", "detail": "wallet: no", "errors": errors, "price": "1.00"}
    refused = refusal(json_answer(400, body, content_type="application/problem+json", x_request_id="abc"))
    assert isinstance(refused, ValidationProblem)
    assert [(field.field, field.code) for field in refused.fields] == [("wallet", "null"), (None, "x")]
    assert (refused.extra, refused.request_id) == ({"price": "1.00"}, "abc")


@pytest.mark.parametrize("content", [b"", b"[]", b"{", b'{"code": 7, "detail": [], "errors": {}}', b"[" * 100_000])
def test_a_broken_problem_is_still_one(content: bytes) -> None:
    refused = refusal(httpx.Response(409, content=content, headers={"content-type": "application/problem+json"}))
    assert (refused.status, refused.code, refused.fields) == (409, "", ())


# --- addresses ----------------------------------------------------------------------------------------------------


@WAYS
def test_the_next_page_is_asked_of_till_whatever_its_address_says(way: str) -> None:
    """A token that goes where an answer says is stolen by whoever can write one."""
    pages: list[dict[str, Any]] = [
        {"next": "https://evil.example/api/v1/users?cursor=abc%3D", "previous": None, "results": [wallet(1)]},
        {"next": None, "previous": None, "results": [wallet(2)]},
    ]
    script = Script(*(json_answer(200, page) for page in pages))

    async def gather(till: AsyncTill) -> list[int]:
        return [each.id async for each in till.wallets.list()]

    act = gather if way == "async" else lambda till: [each.id for each in till.wallets.list()]
    assert perform(way, script, act) == [1, 2]
    assert str(script.requests[1].url) == "http://till.test/api/v1/wallets?cursor=abc%3D"


def test_a_list_that_leads_back_to_itself_ends() -> None:
    page: dict[str, Any] = {"next": "/api/v1/wallets?cursor=a", "previous": None, "results": []}
    script = Script(*(json_answer(200, page) for _ in range(3)))
    with pytest.raises(UnexpectedAnswer):
        perform("sync", script, lambda till: list(till.wallets.list()))


def test_a_segment_stays_a_segment() -> None:
    script = Script(json_answer(404, {}))
    with pytest.raises(Problem):
        perform("sync", script, lambda till: till.rates.get("../users", "a?b=c#d"))
    assert script.requests[0].url.raw_path == b"/api/v1/rates/..%2Fusers/a%3Fb%3Dc%23d"


@pytest.mark.parametrize("segment", ["", ".", ".."])
def test_a_segment_that_names_nothing_is_refused(segment: str) -> None:
    with pytest.raises(ValueError, match="segment"):
        perform("sync", Script(), lambda till: till.rates.get(segment, "EUR"))


def test_filters_are_sent_as_till_reads_them() -> None:
    script = Script(json_answer(200, {"next": None, "previous": None, "results": []}))
    since = datetime(2026, 1, 2, tzinfo=UTC)
    perform("sync", script, lambda till: list(till.transfers.list(from_=since, metadata={"order": "a b"}, limit=3)))
    asked_for = dict(script.requests[0].url.params)
    assert asked_for == {"from": "2026-01-02T00:00:00+00:00", "metadata[order]": "a b", "limit": "3"}


def test_a_time_without_a_zone_is_refused() -> None:
    naive = datetime(2026, 1, 2)  # noqa: DTZ001 - that is what is refused
    with pytest.raises(ValueError, match="zone"):
        perform("sync", Script(), lambda till: list(till.transfers.list(from_=naive)))


@pytest.mark.parametrize(
    "url", ["till.example.com", "ftp://a", "https://", "https://u:p@a", "https://a?b", "https://a#b"]
)
def test_a_base_url_is_an_address_and_nothing_else(url: str) -> None:
    with pytest.raises(ValueError, match="base_url"):
        Till(url)


def test_a_prefix_of_the_base_url_stays() -> None:
    script = Script(json_answer(200, wallet()))
    with Till("https://a.example/till/", tokens=Tokens("1", "2"), transport=script) as till:
        till.wallets.get(7)
    assert str(script.requests[0].url) == "https://a.example/till/api/v1/wallets/7"


# --- credentials --------------------------------------------------------------------------------------------------


def test_an_api_key_is_sent_as_it_is() -> None:
    script = Script(json_answer(200, wallet()))
    perform("sync", script, lambda till: till.wallets.get(7), tokens=None, api_key="till_abc_secret")
    assert script.requests[0].headers["Authorization"] == "Bearer till_abc_secret"


def test_what_is_public_goes_without_a_token() -> None:
    answer = {"user": {"id": 1, "email": "a", "full_name": "", "role": "user", "is_active": False}}
    script = Script(json_answer(201, answer))
    perform("sync", script, lambda till: till.auth.register(email="a@example.com", password="12345678"))
    assert "Authorization" not in script.requests[0].headers


def test_without_credentials_it_says_so() -> None:
    with pytest.raises(SignInRequired):
        perform("sync", Script(), lambda till: till.wallets.get(7), tokens=None)


@pytest.mark.parametrize(
    "credentials",
    [{"email": "a"}, {"password": "a"}, {"api_key": "k", "email": "a", "password": "b"}],
)
def test_half_credentials_and_two_kinds_are_refused(credentials: dict[str, str]) -> None:
    with pytest.raises(ValueError, match=r"email|API key"):
        Till("https://a.example", **credentials)  # type: ignore[arg-type]


SECRET = "s3cret-s3cret"


def test_nothing_secret_is_shown_or_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    script = Script(
        problem(401, "token_expired"),
        json_answer(200, {"access": f"{SECRET} 2", "refresh": f"{SECRET} 3"}),
        problem(422, "invalid_amount"),
    )
    tokens = Tokens(access=SECRET, refresh=SECRET)
    transport: Any = script
    with Till("http://till.test", tokens=tokens, transport=transport) as till, pytest.raises(Problem) as refused:
        till.deposits.create(wallet=1, amount=1)
    user = User(id=1, email="a", full_name="", role="user", is_active=True)
    registered = Registered(user=user, activation_url=SECRET)
    objects = [
        till,
        till.tokens,
        till.auth,
        till.wallets,
        refused.value,
        registered,
        Till("http://a.example", api_key=SECRET),
    ]
    assert SECRET not in " ".join(repr(each) for each in objects) + caplog.text
