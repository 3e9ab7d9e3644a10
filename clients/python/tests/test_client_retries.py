"""When a request is sent again, and when never. Of Till's answers only the status and the headers count here."""

import asyncio
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import httpx
import pytest
from scripted_transport import QUICK, Script, json_answer, perform, problem, wallet

from till_client import (
    AsyncTill,
    InsufficientFunds,
    NoAnswer,
    Problem,
    RateLimited,
    Retries,
    Till,
    TillError,
    Tokens,
    Unauthenticated,
    Unavailable,
)

WAYS = pytest.mark.parametrize("way", ["sync", "async"])
CUT = httpx.RemoteProtocolError("Server disconnected without sending a response.")
REFUSED = httpx.ConnectError("Connection refused")


def read(till: Any) -> Any:
    return till.wallets.get(7)


def write(till: Any) -> Any:
    """Without a key: twice would be two."""
    return till.wallets.open("USD")


def move(till: Any) -> Any:
    return till.transfers.create(source=1, destination=2, amount="1.00", idempotency_key="k")


@WAYS
def test_a_read_is_repeated_after_a_lost_connection(way: str) -> None:
    script = Script(CUT, httpx.ReadTimeout(""), json_answer(200, wallet()))
    assert perform(way, script, read).id == 7


@WAYS
def test_a_write_without_a_key_is_not_repeated_once_it_was_sent(way: str) -> None:
    script = Script(CUT, json_answer(201, wallet()))
    with pytest.raises(NoAnswer) as failure:
        perform(way, script, write)
    assert failure.value.may_have_happened
    assert len(script.requests) == 1


@WAYS
def test_a_write_without_a_key_is_repeated_when_nobody_was_there(way: str) -> None:
    script = Script(REFUSED, httpx.ConnectTimeout(""), json_answer(201, wallet()))
    assert perform(way, script, write).id == 7


@WAYS
def test_a_move_keeps_its_key_over_all_attempts(way: str) -> None:
    script = Script(CUT, problem(503, "overloaded"), CUT, problem(409, "insufficient_funds"))
    with pytest.raises(Problem) as refusal:
        perform(way, script, move)
    assert [request.headers["Idempotency-Key"] for request in script.requests] == ["k"] * 4
    assert refusal.value.idempotency_key == "k"


@WAYS
def test_a_key_is_drawn_for_each_move(way: str) -> None:
    def twice(till: Any) -> Any:
        return till.deposits.create(wallet=1, amount=1)

    scripts = [Script(CUT, CUT, problem(409, "x")) for _ in range(2)]
    for script in scripts:
        with pytest.raises(Problem):
            perform(way, script, twice)
    keys = [{request.headers["Idempotency-Key"] for request in script.requests} for script in scripts]
    assert [len(each) for each in keys] == [1, 1]
    assert keys[0] != keys[1]


@WAYS
@pytest.mark.parametrize(
    "busy", [problem(503, "database_busy"), problem(429, "throttled"), problem(408, "head_too_slow")]
)
def test_what_till_did_not_begin_is_repeated_whatever_it_is(way: str, busy: httpx.Response) -> None:
    script = Script(busy, json_answer(201, wallet()))
    assert perform(way, script, write).id == 7


@WAYS
@pytest.mark.parametrize("code", ["database_unavailable", "a_code_of_next_year"])
def test_what_till_may_have_committed_is_repeated_only_where_twice_is_once(way: str, code: str) -> None:
    """It has lost the database, perhaps in the middle of the commit."""
    with pytest.raises(Unavailable):
        perform(way, Script(problem(503, code)), write)
    assert perform(way, Script(problem(503, code), json_answer(200, wallet())), read).id == 7
    moves = Script(problem(503, code), problem(409, "insufficient_funds"))
    with pytest.raises(InsufficientFunds):
        perform(way, moves, move)
    assert len(moves.requests) == 2


@WAYS
@pytest.mark.parametrize("status", [502, 503, 504])
def test_what_a_gateway_says_repeats_only_what_may_be_repeated(way: str, status: int) -> None:
    gateway = [httpx.Response(status, html="<h1>Bad Gateway</h1>") for _ in range(2)]
    assert perform(way, Script(gateway[0], json_answer(200, wallet())), read).id == 7
    with pytest.raises(Problem) as refusal:
        perform(way, Script(gateway[1]), write)
    assert (refusal.value.status, refusal.value.code) == (status, "")


@WAYS
@pytest.mark.parametrize("status", [400, 403, 404, 409, 410, 418, 422, 500])
def test_a_decision_is_not_questioned(way: str, status: int) -> None:
    script = Script(problem(status, "a_code_of_next_year"))
    with pytest.raises(Problem) as refusal:
        perform(way, script, move)
    assert (refusal.value.status, refusal.value.code) == (status, "a_code_of_next_year")


# --- time ---------------------------------------------------------------------------------------------------------


@WAYS
def test_a_retry_after_is_waited_for(way: str) -> None:
    script = Script(problem(503, "overloaded", retry_after="1"), json_answer(200, wallet()))
    started = time.monotonic()
    perform(way, script, read)
    assert time.monotonic() - started >= 1


@WAYS
def test_a_long_retry_after_is_raised_instead(way: str) -> None:
    script = Script(problem(429, "login_locked", retry_after="2"))
    with pytest.raises(RateLimited) as refusal:
        perform(way, script, read, retries=replace(QUICK, max_retry_after=1))
    assert refusal.value.retry_after == 2


@WAYS
@pytest.mark.parametrize("text", ["Wed, 21 Oct 2026 07:28:00 GMT", "-1", "1e3", "٣", "9" * 400, ""])
def test_a_strange_retry_after_is_as_good_as_none(way: str, text: str) -> None:
    answer = problem(503, "overloaded")
    answer.headers = httpx.Headers([*answer.headers.raw, (b"Retry-After", text.encode())])
    assert perform(way, Script(answer, json_answer(200, wallet())), read).id == 7


@WAYS
def test_attempts_end(way: str) -> None:
    script = Script(*(problem(503, "overloaded") for _ in range(4)))
    with pytest.raises(Unavailable):
        perform(way, script, read, retries=replace(QUICK, attempts=4))
    assert len(script.requests) == 4


@WAYS
def test_all_attempts_together_have_a_deadline(way: str) -> None:
    script = Script(*(REFUSED for _ in range(1000)))
    started = time.monotonic()
    with pytest.raises(NoAnswer) as failure:
        perform(way, script, read, retries=Retries(attempts=1000, deadline=0.3, first_pause=0.02, max_pause=0.02))
    assert time.monotonic() - started < 2
    assert not failure.value.may_have_happened
    assert len(script.requests) > 3


def test_pauses_grow_and_differ() -> None:
    retries = Retries()
    assert len({retries.pause(1, None) for _ in range(20)}) > 1
    growing = [retries.pause(attempt, None) or 0 for attempt in (1, 3, 5)]
    assert growing == sorted(growing)
    assert all((retries.pause(7, None) or 0) <= retries.max_pause for _ in range(20))
    assert all((retries.pause(1, 2) or 0) >= 2 for _ in range(20))


class Dripping(httpx.SyncByteStream, httpx.AsyncByteStream):
    """Each byte comes in time; all of them would take an hour."""

    def __iter__(self) -> Iterator[bytes]:
        while True:
            time.sleep(0.01)
            yield b" "

    async def __aiter__(self) -> Any:
        while True:
            await asyncio.sleep(0.01)
            yield b" "


@WAYS
def test_an_answer_in_drops_ends_at_the_deadline(way: str) -> None:
    script = Script(httpx.Response(200, stream=Dripping()))
    started = time.monotonic()
    with pytest.raises(NoAnswer):
        perform(way, script, read, retries=replace(QUICK, deadline=0.3))
    assert time.monotonic() - started < 2


# --- tokens: what Till cannot be brought to do at will ------------------------------------------------------------


def pair(number: int) -> httpx.Response:
    return json_answer(200, {"access": f"access {number}", "refresh": f"refresh {number}"})


@WAYS
@pytest.mark.parametrize("loss", [CUT, httpx.Response(502)])
def test_a_refresh_whose_answer_was_lost_is_sent_again_at_once(way: str, loss: Any) -> None:
    script = Script(problem(401, "token_expired"), loss, pair(2), json_answer(200, wallet()))
    assert perform(way, script, read).id == 7
    assert [request.url.path.removeprefix("/api/v1") for request in script.requests] == [
        *("/wallets/7", "/auth/refresh", "/auth/refresh", "/wallets/7")
    ]
    assert script.requests[1].content == script.requests[2].content


@WAYS
def test_a_refresh_whose_answer_was_lost_is_not_sent_again_later(way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """After ten seconds it would count as stolen."""
    monkeypatch.setattr("till_client.session.REFRESH_AGAIN_SECONDS", 0)
    script = Script(problem(401, "token_expired"), CUT, pair(2), json_answer(200, wallet()))
    assert perform(way, script, read, email="a@example.com", password="secret").id == 7
    assert [request.url.path.removeprefix("/api/v1") for request in script.requests] == [
        *("/wallets/7", "/auth/refresh", "/auth/login", "/wallets/7")
    ]


@WAYS
def test_a_refresh_that_till_did_not_begin_is_sent_again(way: str) -> None:
    script = Script(
        problem(401, "token_expired"),
        REFUSED,
        problem(503, "database_unavailable"),
        pair(2),
        json_answer(200, wallet()),
    )
    assert perform(way, script, read).id == 7
    assert [request.headers.get("Authorization") for request in script.requests][-1] == "Bearer access 2"


@pytest.mark.parametrize("failure", [REFUSED, problem(503, "database_unavailable"), httpx.Response(429)])
def test_a_refresh_that_never_began_leaves_the_login_as_it_was(failure: Any) -> None:
    script = Script(problem(401, "token_expired"), *[failure] * 2)
    tokens = Tokens(access="1", refresh="1")
    retries = replace(QUICK, attempts=2)
    with Till("http://till.test", tokens=tokens, retries=retries, transport=script) as till:
        with pytest.raises((NoAnswer, Unavailable, RateLimited)):
            till.wallets.get(7)
        assert till.tokens == tokens


@WAYS
def test_a_refusal_that_is_not_about_the_token_renews_none(way: str) -> None:
    script = Script(problem(401, "a_code_of_next_year"), pair(2))
    with pytest.raises(Unauthenticated):
        perform(way, script, read)
    assert len(script.requests) == 1


@WAYS
def test_a_new_token_that_is_refused_too_is_the_end(way: str) -> None:
    script = Script(problem(401, "token_expired"), pair(2), problem(401, "token_invalid"))
    with pytest.raises(Problem) as refusal:
        perform(way, script, read)
    assert refusal.value.status == 401


def test_a_cancelled_task_does_not_lose_the_next_refresh_token() -> None:
    class Slow(Script):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            if request.url.path.endswith("/refresh"):
                refreshing.set()
                await asyncio.sleep(0.05)
            return await super().handle_async_request(request)

    async def run() -> None:
        script = Slow(problem(401, "token_expired"), pair(2), json_answer(200, wallet()))
        tokens = Tokens(access="1", refresh="1")
        async with AsyncTill("http://till.test", tokens=tokens, retries=QUICK, transport=script) as till:
            reading = asyncio.ensure_future(till.wallets.get(7))
            await refreshing.wait()
            reading.cancel()
            assert (await till.wallets.get(7)).id == 7
            assert till.tokens == Tokens(access="access 2", refresh="refresh 2")

    refreshing = asyncio.Event()
    asyncio.run(run())


class Late(Script):
    """Each answer takes most of the deadline."""

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        time.sleep(0.2)
        return super().handle_request(request)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        await asyncio.sleep(0.2)
        return super().handle_request(request)


@WAYS
def test_a_refresh_that_began_late_is_not_cut_off_and_nothing_is_sent_after_it(way: str) -> None:
    """Its answer has the only token that works afterwards."""

    def read_late(till: Any) -> Any:
        tills.append(till)
        return read(till)

    tills: list[Any] = []
    script = Late(problem(401, "token_expired"), pair(2), json_answer(200, wallet()))
    with pytest.raises(NoAnswer) as failure:
        perform(way, script, read_late, retries=replace(QUICK, deadline=0.3))
    assert not failure.value.may_have_happened
    assert tills[0].tokens == Tokens(access="access 2", refresh="refresh 2")
    assert len(script.requests) == 2


def test_tasks_that_gave_up_waiting_for_a_refresh_begin_none() -> None:
    class Away(Script):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            if request.url.path.endswith("/refresh"):
                await asyncio.sleep(0.3)
            return await super().handle_async_request(request)

    async def run() -> None:
        script = Away(*(problem(401, "token_expired") for _ in range(3)), *[REFUSED] * 3)
        retries = replace(QUICK, attempts=1, deadline=0.2)
        tokens = Tokens(access="1", refresh="1")
        async with AsyncTill("http://till.test", tokens=tokens, retries=retries, transport=script) as till:
            results = await asyncio.gather(*(till.wallets.get(7) for _ in range(3)), return_exceptions=True)
            assert [type(result) for result in results] == [NoAnswer] * 3
        assert till.tokens == tokens
        assert len(script.requests) == 4

    asyncio.run(run())


def test_threads_wait_for_one_refresh_no_longer_than_their_deadline() -> None:
    is_over = threading.Event()

    def give_up(till: Till) -> None:
        with pytest.raises(TillError):
            till.wallets.get(7)

    class Stuck(Script):
        def handle_request(self, request: httpx.Request) -> httpx.Response:
            if request.url.path.endswith("/refresh"):
                is_over.wait(10)
            return super().handle_request(request)

    script = Stuck(problem(401, "token_expired"), problem(401, "token_expired"), pair(2), json_answer(200, wallet()))
    tokens = Tokens(access="1", refresh="1")
    with Till("http://till.test", tokens=tokens, retries=replace(QUICK, deadline=0.3), transport=script) as till:
        first = threading.Thread(target=give_up, args=[till])
        first.start()
        with pytest.raises(NoAnswer):
            till.wallets.get(7)
        is_over.set()
        first.join()
