"""A wire to PostgreSQL that can be cut: right before a statement is sent, or once it was carried out and not answered.

It is a proxy that speaks PostgreSQL's protocol, so whatever Django and psycopg send is counted: BEGIN, SAVEPOINT and
COMMIT too. When a cut wire is noticed, the server has rolled back by then what it had not committed.
"""

import json
import re
import shutil
import socket
import tempfile
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from copy import deepcopy
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any, BinaryIO, ClassVar, Literal

from django.apps import apps
from django.db import connection, connections
from django.db.backends.postgresql.base import DatabaseWrapper
from django.db.models import Model

from payments.events.models import OutboxEvent

Moment = Literal["before", "after"]
PORT = 5432  # of a Unix socket: no more than a part of its name
READY_FOR_QUERY = b"Z\0\0\0\5"
SYNC = b"S\0\0\0\4"


@dataclass(slots=True)
class Cut:
    """Where the wire breaks, once: at the statement of this number. None of that number is sent: it never breaks."""

    number: int
    moment: Moment
    sent: list[str] = field(default_factory=list)
    broken: bool = False

    def at(self, statement: str) -> Moment | None:
        """Note that this is about to be sent; tell whether the wire breaks now, and at which side of it."""
        if self.broken:
            return None
        self.sent.append(statement)
        self.broken = len(self.sent) == self.number
        return self.moment if self.broken else None


class FaultyProxy:
    """Listens like PostgreSQL, on a Unix socket in `folder`, and passes everything on to the server."""

    def __init__(self, reach: Callable[[], socket.socket]) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="till-wire-"))
        self.cut = Cut(0, "before")
        self.end: DatabaseWrapper
        self._reach = reach
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(self.folder / f".s.PGSQL.{PORT}"))
        self._listener.listen()
        self._threads = [self._begin(self._accept)]

    @contextmanager
    def in_use(self, cut: Cut | None = None) -> Iterator[None]:
        """Let this thread reach its database through the wire only, which breaks as `cut` says."""
        straight, connections["default"] = connections["default"], self.end
        self._connect_pool()
        self.cut = cut or Cut(0, "before")
        try:
            yield
        finally:
            self.cut = Cut(0, "before")
            connections["default"] = straight

    def _connect_pool(self) -> None:
        """Wait until the pool has replaced what was cut: the statements of its new connection are not to be counted."""
        pool = self.end.pool
        pool.open()
        with pool.connection():
            pass

    def close(self) -> None:
        """Every connection must have been closed by then."""
        self._listener.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()
        self._listener.close()
        shutil.rmtree(self.folder)

    def _begin(self, work: Callable[..., None], *arguments: Any) -> threading.Thread:
        thread = threading.Thread(target=work, args=arguments, daemon=True)
        thread.start()
        return thread

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                till, _ = self._listener.accept()
                self._threads.append(self._begin(self._connect, till))

    def _connect(self, till: socket.socket) -> None:
        """The wire ends when the server hangs up, which it does as soon as its side of the wire was shut."""
        with till, self._reach() as server:
            link = _Link(till, server)
            sending = self._begin(self._send, link)
            link.answer()
            with suppress(OSError):
                till.shutdown(socket.SHUT_RDWR)
            sending.join()

    def _send(self, link: "_Link") -> None:
        with suppress(OSError), link.till.makefile("rb") as stream:
            link.server.sendall(_greeting(stream))
            while message := _message(stream):
                statement = link.statement(message)
                moment = self.cut.at(statement) if statement else None
                if moment == "before":
                    break
                if moment == "after":  # what was sent together with it does not arrive any more
                    link.is_mute = True
                    link.server.sendall(message if message[:1] == b"Q" else message + SYNC)
                    break
                link.server.sendall(message)
        link.close_all()


@dataclass(slots=True)
class _Link:
    till: socket.socket
    server: socket.socket
    is_mute: bool = False
    prepared: dict[bytes, str] = field(default_factory=dict)
    bound: str = ""

    def statement(self, message: bytes) -> str:
        """Return the text of what this message lets the server carry out: a Query, or an Execute of what was bound."""
        kind, texts = message[:1], message[5:].split(b"\0")
        if kind == b"P":
            self.prepared[texts[0]] = texts[1].decode()
        elif kind == b"B":
            self.bound = self.prepared[texts[1]]
        return {b"Q": texts[0].decode(errors="replace"), b"E": self.bound}.get(kind, "")

    def answer(self) -> None:
        """Pass on what the server says. Once mute, wait until the statement is done, and hang up instead."""
        heard = b""
        with suppress(OSError):
            while data := self.server.recv(1 << 16):
                if not self.is_mute:
                    self.till.sendall(data)
                    continue
                heard += data
                if heard[-6:-1] == READY_FOR_QUERY:
                    self.close_all()

    def close_all(self) -> None:
        """What a server finds when its client's machine is gone: the end of the stream, and no goodbye."""
        with suppress(OSError):
            self.server.shutdown(socket.SHUT_WR)


def _greeting(stream: BinaryIO) -> bytes:
    """The first message is the only one without a letter."""
    length = stream.read(4)
    return length + stream.read(int.from_bytes(length) - 4)


def _message(stream: BinaryIO) -> bytes:
    head = stream.read(5)
    return head + stream.read(int.from_bytes(head[1:]) - 4) if len(head) == 5 else b""


class _Wired(DatabaseWrapper):
    """Django's connection, at the far end of a wire."""

    _connection_pools: ClassVar[dict[str, Any]] = {}  # not those that lead straight to the server


@contextmanager
def faulty_proxy() -> Iterator[FaultyProxy]:
    """A wire to the test's database, with a pool at the end of it, as in production."""
    proxy = FaultyProxy(_way_to_the_server())
    settings = deepcopy(connection.settings_dict) | _credentials() | {"HOST": str(proxy.folder), "PORT": str(PORT)}
    settings["OPTIONS"] |= {"sslmode": "disable", "pool": {"min_size": 1, "max_size": 1, "timeout": 5}}
    proxy.end = _Wired(settings, "default")
    try:
        yield proxy
    finally:
        proxy.end.close()
        proxy.end.close_pool()
        proxy.close()


def _credentials() -> dict[str, str]:
    info = connection.connection.info
    return {"USER": info.user, "PASSWORD": info.password}


def _way_to_the_server() -> Callable[[], socket.socket]:
    connection.ensure_connection()
    host, port = connection.connection.info.host, connection.connection.info.port

    def reach() -> socket.socket:
        if not host.startswith("/"):
            return socket.create_connection((host, port))
        server = socket.socket(socket.AF_UNIX)
        server.connect(f"{host}/.s.PGSQL.{port}")
        return server

    return reach


# --- what the database holds --------------------------------------------------------------------------------

Rows = frozenset[tuple[str, str]]
Meaning = list[str]
#: Written by migrations and by nobody else; and the counters of throttles, which count what is refused, too.
_FIXED = {"django_content_type", "auth_permission", "accounts_throttlecount"}
#: What differs from run to run inside a text: ids, times, random numbers and their signatures. One time of a million
#: has no fraction.
_CHANCE = re.compile(
    r"[0-9a-f]{8}-[0-9a-f-]{27}|[0-9a-f]{64}|[0-9a-f]{40}|[0-9a-f]{32}|v1,[A-Za-z0-9+/]{43}=|\d+(?:\.\d+)?"
)


def every_row(database: Any = None) -> Rows:
    """Every row of every table at one moment, as JSON beside the table's name: here or in another `database`."""
    tables = [model._meta.db_table for model in _models()]
    each = [f"SELECT '{table}', to_jsonb(t)::text FROM \"{table}\" t" for table in tables]  # noqa: S608 - our own
    with (database or connection).cursor() as cursor:
        cursor.execute(" UNION ALL ".join(each))
        return frozenset(cursor.fetchall())


def meaning(rows: Rows) -> Meaning:
    """What the rows say, the same for all that did the same: an id is its rank among these, times are all alike."""
    tables: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for table, row in rows:
        tables[table].append(json.loads(row, parse_float=Decimal))
    ranks = {
        (model._meta.db_table, id_): f"{model._meta.db_table} {rank}"
        for model in _models()
        for rank, id_ in enumerate(sorted(row[_key(model)] for row in tables[model._meta.db_table]), 1)
    }
    return sorted(line for model in _models() for line in _lines(model, tables[model._meta.db_table], ranks))


def _lines(model: type[Model], rows: list[dict[str, Any]], ranks: dict[tuple[str, Any], str]) -> Iterator[str]:
    related = {field.attname: field.related_model for field in model._meta.concrete_fields}
    targets = {name: to._meta.db_table for name, to in related.items() if isinstance(to, type)}
    targets[_key(model)] = model._meta.db_table
    for row in rows:
        plain_row = {name: _plain(name, value, targets.get(name), ranks) for name, value in row.items()}
        if model is OutboxEvent:
            named = {"wallet": "payments_wallet", "user": "accounts_user", "webhook_event": "payments_webhookevent"}
            named["id"] = f"payments_{row['type'].partition('.')[0]}"
            plain_row["data"] = {
                name: _plain(name, value, named.get(name), ranks) for name, value in row["data"].items()
            }
        yield f"{model._meta.db_table} {json.dumps(plain_row, sort_keys=True, default=str)}"


def _key(model: type[Model]) -> str:
    assert model._meta.pk is not None
    return str(model._meta.pk.attname)


def _plain(name: str, value: Any, target: str | None, ranks: dict[tuple[str, Any], str]) -> Any:
    if isinstance(value, str):
        return _CHANCE.sub("#", value)
    if isinstance(value, int) and target:
        return ranks.get((target, value), value)
    return "#" if name.endswith("_id") and value else value


@cache
def _models() -> list[type[Model]]:
    models = apps.get_models(include_auto_created=True)
    return [model for model in models if model._meta.managed and model._meta.db_table not in _FIXED]
