"""What happens around a request: credentials, retries, time. It speaks to nobody: generators tell a driver what to do.

A driver runs the steps, with threads or with tasks, and sends back what came of each. So there is one implementation.
"""

import random
import time
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field, replace
from itertools import count
from typing import Any, Final, TypeVar

import httpx

from till_client.calls import Answer, Call, send
from till_client.errors import NoAnswer, Problem, Problems, SignInRequired, TillError, Unauthenticated, UnexpectedAnswer

T = TypeVar("T")

BASE: Final = "/api/v1"
#: Before a connection stood, nothing can have been sent over it.
NEVER_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
#: An access token that has expired, or whose login has ended: a new one may do.
WORN_OUT = {"token_expired", "token_invalid"}
#: What Till answers with 503 when it did not begin, or took back what it did. When it has lost the database
#: (`database_unavailable`), that may have been in the middle of the commit.
UNDONE = {"overloaded", "database_busy"}
#: Till, or something between us and Till, may have done what was asked.
AWAY = {502, 503, 504}
#: For ten seconds after a refresh Till gives the same pair again for the same token. A pause follows before the next
#: attempt.
REFRESH_AGAIN_SECONDS: Final = 4.0


@dataclass(frozen=True)
class Tokens:
    """A login. A refresh token is good for one next pair, so keep the latest pair only."""

    access: str = field(repr=False)
    refresh: str = field(repr=False)


@dataclass(frozen=True)
class Password:
    email: str
    password: str = field(repr=False)


@dataclass(frozen=True)
class Retries:
    """How long to try, in seconds. A Retry-After over `max_retry_after` is not waited for: the refusal is raised.

    Nothing is sent after the `deadline`. Only a refresh of the tokens has the client's whole `timeout`, once it began.
    """

    attempts: int = 8
    deadline: float = 30.0
    max_retry_after: float = 10.0
    first_pause: float = 0.1
    max_pause: float = 5.0

    def pause(self, attempt: int, retry_after: float | None) -> float | None:
        """Return the seconds before the next attempt, with jitter; None: no more."""
        if attempt >= self.attempts or (retry_after or 0) > self.max_retry_after:
            return None
        growing: float = min(self.max_pause, self.first_pause * 2 ** (attempt - 1))
        return (retry_after or 0) + growing * random.uniform(0.5, 1)  # noqa: S311 - nothing secret


@dataclass(frozen=True)
class Send:
    """Send this request; the driver answers with an Answer, or throws an httpx.RequestError in."""

    request: httpx.Request
    seconds: float


@dataclass(frozen=True)
class Pause:
    seconds: float


@dataclass(frozen=True)
class Exclusive:
    """Run these steps while no other thread or task runs such; the driver answers with what they return.

    The driver throws NoAnswer in if the others take longer than this.
    """

    steps: "Flow[Any]"
    seconds: float


Step = Send | Pause | Exclusive
Flow = Generator[Step, Any, T]


def _may_repeat(call: Call[Any], failure: TillError) -> bool:
    return _was_undone(failure) or (call.is_repeatable and _is_lost(failure))


def _is_lost(failure: TillError) -> bool:
    """Whether the request may have happened, and its answer did not arrive."""
    return isinstance(failure, NoAnswer) or (isinstance(failure, Problem) and failure.status in AWAY)


def _refresh_may_be_undone(failure: TillError) -> bool:
    """Also when Till has lost the database: was the refresh committed, its answer is lost either way."""
    return _was_undone(failure) or (isinstance(failure, Problem) and failure.status == 503 and bool(failure.code))


def _was_undone(failure: TillError) -> bool:
    """After such a failure the same request may be sent again, whatever it is. Without a code it is not Till's."""
    if isinstance(failure, NoAnswer):
        return not failure.may_have_happened
    return isinstance(failure, Problem) and _was_undone_by_till(failure)


def _was_undone_by_till(refusal: Problem) -> bool:
    if refusal.status == 503:
        return refusal.code in UNDONE
    return refusal.status == 429 or (refusal.status == 408 and bool(refusal.code))


class Session:
    """One user's credentials at one Till. Threads and tasks may share it."""

    def __init__(
        self,
        base_url: str,
        *,
        credentials: Password | None = None,
        api_key: str | None = None,
        tokens: Tokens | None = None,
        retries: Retries,
        timeout: float,
    ) -> None:
        self.base_url = _checked(base_url)
        self.credentials, self.api_key, self.tokens = credentials, api_key, tokens
        self.retries, self.timeout = retries, timeout

    def perform(self, call: Call[T]) -> Flow[T]:
        """Return what the call reads. Raises TillError."""
        end = time.monotonic() + self.retries.deadline
        answer = yield from (self._attempts(call, None, end) if call.is_public else self._authorised(call, end))
        return call.read(answer)

    def _authorised(self, call: Call[T], end: float) -> Flow[Answer]:
        if self.api_key is not None:
            return (yield from self._attempts(call, self.api_key, end))
        access = yield from self._access(None, end)
        try:
            return (yield from self._attempts(call, access, end))
        except Unauthenticated as refusal:
            if refusal.code not in WORN_OUT:
                raise
        access = yield from self._access(access, end)
        return (yield from self._attempts(call, access, end))

    def _access(self, spent: str | None, end: float) -> Flow[str]:
        """Return an access token that is not `spent`. One thread or task gets a new one, the others wait for it."""
        tokens = self.tokens
        if tokens is None or tokens.access == spent:
            tokens = yield Exclusive(self._renewed(spent, end), max(end - time.monotonic(), 0))
        return tokens.access

    def _renewed(self, spent: str | None, end: float) -> Flow[Tokens]:
        if self.tokens is not None and self.tokens.access == spent:
            self.tokens = yield from self._refreshed(self.tokens, end)
        if self.tokens is None:
            self.tokens = yield from self._signed_in(end)
        return self.tokens

    def _refreshed(self, tokens: Tokens, end: float) -> Flow[Tokens | None]:
        """Return the next pair; None if the login has ended, or if the answer was lost and the next pair with it.

        A lost answer is asked for again while Till gives the same one. Later the old refresh token is never sent: it
        would count as stolen.
        """
        call = replace(send("POST", "/auth/refresh", read_tokens, refresh=tokens.refresh), is_public=True)
        began = time.monotonic()
        end = max(end, began + self.timeout)

        def may_repeat(_call: Call[Any], failure: TillError) -> bool:
            is_same = time.monotonic() < began + REFRESH_AGAIN_SECONDS
            return _refresh_may_be_undone(failure) or (is_same and _is_lost(failure))

        self.tokens = None
        try:
            return call.read((yield from self._attempts(call, None, end, may_repeat)))
        except (Problem, NoAnswer) as failure:
            if _refresh_may_be_undone(failure):
                self.tokens = tokens
                raise
        return None

    def _signed_in(self, end: float) -> Flow[Tokens]:
        if self.credentials is None:
            raise SignInRequired("There is no login, or it has ended: sign in with email and password.")
        email, password = self.credentials.email, self.credentials.password
        call = send("POST", "/auth/login", read_tokens, email=email, password=password)
        # A login whose answer was lost harms nobody: it expires.
        call = replace(call, is_public=True, is_repeatable=True)
        return call.read((yield from self._attempts(call, None, end)))

    def _attempts(
        self,
        call: Call[Any],
        bearer: str | None,
        end: float,
        may_repeat_after: Callable[[Call[Any], TillError], bool] = _may_repeat,
    ) -> Flow[Answer]:
        """Return the first answer of success. Raises Problem or NoAnswer: the last one, when no attempt is left."""
        for attempt in count(1):
            failure: TillError
            try:
                answer: Answer = yield self._send(call, bearer, end)
            except httpx.RequestError as error:
                sent = not isinstance(error, NEVER_SENT)
                detail, key = str(error) or repr(error), call.idempotency_key
                failure, retry_after = NoAnswer(detail, may_have_happened=sent, idempotency_key=key), None
            else:
                if 200 <= answer.status < 300:
                    return answer
                failure = refusal = Problems.read(answer.status, answer.headers, answer.content, call.idempotency_key)
                retry_after = refusal.retry_after
            pause = self.retries.pause(attempt, retry_after)
            if pause is None or not may_repeat_after(call, failure) or time.monotonic() + pause >= end:
                raise failure
            yield Pause(pause)
        raise AssertionError

    def _send(self, call: Call[Any], bearer: str | None, end: float) -> Send:
        left = end - time.monotonic()
        if left <= 0:
            raise NoAnswer("the time is over", may_have_happened=False, idempotency_key=call.idempotency_key)
        headers = {"Accept": "application/json", "User-Agent": "till-client", **call.headers}
        if call.content is not None:
            headers["Content-Type"] = "application/json"
        if bearer is not None:
            headers["Authorization"] = f"Bearer {bearer}"
        url = httpx.URL(self.base_url + BASE + call.path, params=call.query or None)
        timeout = httpx.Timeout(min(self.timeout, left)).as_dict()
        request = httpx.Request(
            call.method, url, headers=headers, content=call.content, extensions={"timeout": timeout}
        )
        return Send(request, left)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {self.base_url}>"


def read_tokens(answer: Answer) -> Tokens:
    pair = answer.json()
    if not isinstance(pair, Mapping) or not all(isinstance(pair.get(name), str) for name in ("access", "refresh")):
        raise UnexpectedAnswer("a pair of tokens was expected")
    return Tokens(access=pair["access"], refresh=pair["refresh"])


def _checked(base_url: str) -> str:
    url = httpx.URL(base_url)
    if url.scheme not in ("http", "https") or not url.host or url.userinfo or url.query or url.fragment:
        raise ValueError("base_url is https://host or https://host/prefix, with nothing else in it")
    return str(url).rstrip("/")
