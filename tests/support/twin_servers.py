"""Two servers with equal databases of their own. One answers in the event loop what it can, the other leaves it off."""

import json
import re
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import psycopg
from django.conf import settings
from django.db import connection
from psycopg import sql

from tests.support.faulty_proxy import Meaning, every_row, meaning
from tests.support.live import UncheckedTill, database_url
from tests.support.random_requests import ORIGIN, RandomRequest
from tests.support.raw_http import RawConnection
from tests.support.sessions import end_sessions

#: What differs from answer to answer.
BESIDE = {"date", "x-request-id", "content-length"}
#: Times, what a transaction refers to, where the next page begins, and the port of a server.
_CHANCE = re.compile(
    r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z|(?<=[a-z] )\d+|(?<=cursor=)[^&\"]+|(?<=//127\.0\.0\.1:)\d+"
)
_DIGITS = re.compile(r"\d+")


class TwinAnswer(NamedTuple):
    status: int
    headers: list[tuple[str, str]]
    content: bytes

    def header(self, name: str) -> str | None:
        return dict(self.headers).get(name)


class Twin:
    """One of the two servers, with the sessions to its database and to itself."""

    def __init__(self, url: str, *, fast: bool) -> None:
        limits = ("TILL_THROTTLE_WRITES", "TILL_THROTTLE_SERVICE_WRITES", "TILL_THROTTLE_RECIPIENTS")
        rates = dict.fromkeys(limits, "1000000/day")  # no window ends meanwhile
        shared = {"TILL_JWT_KEY": settings.TILL_JWT_KEY, "TILL_PENDING_ORDERS": "10000", "DATABASE_URL": url, **rates}
        shared["TILL_CORS_ORIGINS"] = ORIGIN
        self.till = UncheckedTill(TILL_WORKERS="1", TILL_LOG_LEVEL="ERROR", TILL_API_FAST_PATH=str(int(fast)), **shared)
        self.database = psycopg.connect(url, autocommit=True)
        self._line: RawConnection | None = None

    def send(self, request: RandomRequest) -> TwinAnswer:
        if self._line is None:
            self._line = RawConnection(self.till.port)
        self._line.send(request.as_bytes())
        answer = self._read(self._line, has_body=request.method != "HEAD")
        if answer.header("connection") == "close":
            self.hang_up_client()
        return answer

    def _read(self, line: RawConnection, *, has_body: bool) -> TwinAnswer:
        status, headers = int(line.file.readline().split()[1]), []
        while head := line.file.readline().strip():
            name, _, value = head.decode("latin-1").partition(": ")
            headers.append((name, value))
        length = int(dict(headers)["content-length"]) if has_body else 0
        return TwinAnswer(status, headers, line.file.read(length))

    def rows(self) -> Meaning:
        return meaning(every_row(self.database))

    def counts(self) -> dict[str, int]:
        """How often each user's requests were counted."""
        return dict(self.database.execute("SELECT key, count FROM accounts_throttlecount WHERE count > 0").fetchall())

    def hang_up_client(self) -> None:
        if self._line is not None:
            self._line.close()
            self._line = None

    def close(self) -> None:
        self.hang_up_client()
        self.database.close()
        self.till.stop()


@dataclass
class Twins:
    slow: Twin
    fast: Twin
    #: Which id of the slow one's is which of the fast one's, by the address and the member's name.
    _pairs: dict[tuple[str, str, int], int] = field(default_factory=dict)

    def compare(self, request: RandomRequest) -> TwinAnswer:
        """Send the request to both. Return the answer, which is the same but for ids and times."""
        slow, fast = self.slow.send(request), self.fast.send(request)
        assert slow.status == fast.status, (request, slow, fast)
        assert _headers(slow, request) == _headers(fast, request), (request, slow, fast)
        assert self._same(request, slow.content, fast.content), (request, slow, fast)
        return fast

    def _same(self, request: RandomRequest, slow: bytes, fast: bytes) -> bool:
        """Tell whether two bodies are written alike, and say the same."""
        if _without_numbers(slow) != _without_numbers(fast):
            return False
        address = _DIGITS.sub("#", f"{request.method} {request.path}")
        return not slow or self._alike(address, "", json.loads(slow), json.loads(fast))

    def _alike(self, address: str, name: str, slow: Any, fast: Any) -> bool:
        if isinstance(slow, dict) and isinstance(fast, dict):
            return all(self._alike(address, key, slow[key], fast[key]) for key in slow)
        if isinstance(slow, list) and isinstance(fast, list):
            return all(self._alike(address, name, *pair) for pair in zip(slow, fast, strict=True))
        if type(slow) is int and type(fast) is int:
            return self._pairs.setdefault((address, name, slow), fast) == fast
        return bool(_CHANCE.sub("#", str(slow)) == _CHANCE.sub("#", str(fast)))


def _without_numbers(content: bytes) -> str:
    return _DIGITS.sub("#", _CHANCE.sub("#", content.decode()))


def _headers(answer: TwinAnswer, request: RandomRequest) -> list[tuple[str, str]]:
    offered = dict(request.headers).get("x-request-id")
    offered_back = [("x-request-id", "as offered")] if offered and answer.header("x-request-id") == offered else []
    if request.method != "HEAD":
        assert int(answer.header("content-length") or -1) == len(answer.content)
    if location := answer.header("location"):  # its id differs as the body's does
        assert location.endswith(f"/{json.loads(answer.content)['id']}")
    is_created = [("location", "of the id")] if location else []
    compared = [header for header in answer.headers if header[0] not in BESIDE | {"location"}]
    return sorted(compared + is_created + offered_back)


@contextmanager
def twin_servers() -> Iterator[Twins]:
    """Copy the test's database as it is now, and serve both."""
    name = f"{connection.settings_dict['NAME']}_twin"
    url = database_url()
    with closing(psycopg.connect(url.rpartition("/")[0] + "/postgres", autocommit=True)) as keeper:
        _copy(keeper, name)
        twins = Twins(Twin(url, fast=False), Twin(f"{url.rpartition('/')[0]}/{name}", fast=True))
        try:
            twins.slow.till.start()
            twins.fast.till.start()
            yield twins
        finally:
            twins.slow.close()
            twins.fast.close()
            keeper.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


def _copy(keeper: psycopg.Connection[Any], name: str) -> None:
    original = connection.settings_dict["NAME"]
    end_sessions()  # nobody may be connected to what is copied, and a thread of an earlier test may be
    keeper.execute("SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = %s", [original])
    keeper.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))
    copy = sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), sql.Identifier(original))
    keeper.execute(copy)
    keeper.execute(sql.SQL("ALTER DATABASE {} SET synchronous_commit = off").format(sql.Identifier(name)))
