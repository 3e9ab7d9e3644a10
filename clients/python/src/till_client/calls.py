"""Requests as plain values. A resource describes each of its operations once; the drivers send it, sync or async."""

import inspect
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import datetime
from functools import update_wrapper
from typing import TYPE_CHECKING, Any, Concatenate, Generic, ParamSpec, Protocol, TypeVar, overload
from urllib.parse import parse_qsl, quote, urlsplit
from uuid import uuid4

from till_client import json_text
from till_client.decoding import Record, decode
from till_client.errors import UnexpectedAnswer

if TYPE_CHECKING:
    from till_client.drivers import AsyncDriver, SyncDriver
    from till_client.session import Session

P = ParamSpec("P")
T = TypeVar("T")
V = TypeVar("V", bound=Record)


class Driver(Protocol):
    session: "Session"


D = TypeVar("D", bound=Driver)

IDEMPOTENCY_KEY = "Idempotency-Key"
Query = tuple[tuple[str, str], ...]
QueryValue = str | int | bool | datetime | Sequence[str] | Mapping[str, str] | None


@dataclass(frozen=True)
class Answer:
    """An answer as it arrived."""

    status: int
    headers: Mapping[str, str]
    content: bytes = field(repr=False)

    def json(self) -> Any:
        try:
            return json_text.decode(self.content)
        except (ValueError, RecursionError) as error:
            raise UnexpectedAnswer("the answer is not JSON") from error


@dataclass(frozen=True, kw_only=True)
class Call(Generic[T]):
    """A request, and how its answer is read.

    `is_public`: it is sent without credentials. `is_repeatable`: sent twice it does no more than once.
    """

    method: str
    path: str
    read: Callable[[Answer], T]
    query: Query = ()
    content: str | None = field(default=None, repr=False)
    headers: Mapping[str, str] = field(default_factory=dict)
    is_public: bool = False
    is_repeatable: bool = False

    @property
    def idempotency_key(self) -> str | None:
        return self.headers.get(IDEMPOTENCY_KEY)


@dataclass(frozen=True)
class Page(Generic[T]):
    results: tuple[T, ...]
    next: str | None


PagedCall = Call[Page[T]]


def following(call: PagedCall[T], page: Page[T]) -> PagedCall[T] | None:
    """Return the call for the next page. Of its address only the query counts: the token goes to no other host."""
    if page.next is None:
        return None
    query = tuple(parse_qsl(urlsplit(page.next).query, keep_blank_values=True))
    if query == call.query:
        raise UnexpectedAnswer("the next page is this page")
    return replace(call, query=query)


# --- what resources describe their operations with ----------------------------------------------------------------


def get(path: str, read: Callable[[Answer], T], **query: QueryValue) -> Call[T]:
    return Call(method="GET", path=path, read=read, query=parameters(query), is_repeatable=True)


def send(method: str, path: str, read: Callable[[Answer], T], **members: object) -> Call[T]:
    """A request with a body of the members that are not None."""
    return Call(method=method, path=path, read=read, content=body(members))


def matching(call: Call[T], etag: str | None) -> Call[T]:
    """Let the call fail with PreconditionFailed unless the object is still as it was when this tag was read."""
    return call if etag is None else replace(call, headers={**call.headers, "If-Match": etag})


def move(path: str, read: Callable[[Answer], T], key: str | None, **members: object) -> Call[T]:
    """A POST that moves money: once for each key, however often it is sent."""
    headers = {IDEMPOTENCY_KEY: key if key is not None else uuid4().hex}
    content = body(members)
    return Call(method="POST", path=path, read=read, content=content, headers=headers, is_repeatable=True)


def body(members: Mapping[str, object]) -> str:
    return json_text.encode({name: value for name, value in members.items() if value is not None})


def at(*segments: str | int) -> str:
    """Return a path of which each segment stays one, whatever is in it. Raises ValueError."""
    texts = [str(segment) for segment in segments]
    if not {"", ".", ".."}.isdisjoint(texts):
        raise ValueError("an empty segment or one of dots names nothing")
    return "/" + "/".join(quote(text, safe="") for text in texts)


def parameters(query: Mapping[str, QueryValue]) -> Query:
    """`from_` is sent as `from`, and a mapping as `name[key]=value`."""
    return tuple(pair for name, value in query.items() for pair in _pairs(name.rstrip("_"), value))


def _pairs(name: str, value: QueryValue) -> Iterator[tuple[str, str]]:
    match value:
        case None:
            return
        case bool():
            yield name, str(value).lower()
        case datetime():
            yield name, _time(value)
        case Mapping():
            yield from ((f"{name}[{key}]", text) for key, text in value.items())
        case str() | int():
            yield name, str(value)
        case _:
            yield name, ",".join(value)


def _time(value: datetime) -> str:
    if value.tzinfo is None:
        raise ValueError("a time needs its zone: datetime.now(UTC)")
    return value.isoformat()


def time_text(value: datetime | None) -> str | None:
    return None if value is None else _time(value)


def one(kind: type[V]) -> Callable[[Answer], V]:
    """Read one object, and those of its members that come as headers."""

    def read(answer: Answer) -> V:
        record = decode(kind, answer.json())
        headers = {part.name: part.metadata["header"] for part in fields(kind) if "header" in part.metadata}
        sent: dict[str, Any] = {name: answer.headers.get(header) for name, header in headers.items()}
        return replace(record, **sent)

    return read


def many(kind: type[V], member: str = "results") -> Callable[[Answer], Page[V]]:
    def read(answer: Answer) -> Page[V]:
        page = answer.json()
        rows = page.get(member) if isinstance(page, dict) else None
        if not isinstance(rows, list) or not isinstance(page.get("next"), str | None):
            raise UnexpectedAnswer(f"a page with {member} was expected")
        return Page(tuple(decode(kind, row) for row in rows), page["next"])

    return read


def nothing(_answer: Answer) -> None:
    """204."""


# --- operations ---------------------------------------------------------------------------------------------------


class Resource(Generic[D]):
    """A group of operations, sync or async by its driver."""

    def __init__(self, driver: D) -> None:
        self._driver = driver

    def __repr__(self) -> str:
        return f"<{type(self).__name__}>"


class Operation(Generic[P, T]):
    """A method that describes a call. Called on a sync resource it returns the result, on an async one a coroutine."""

    def __init__(self, describe: Callable[Concatenate[Any, P], Call[T]]) -> None:
        self.describe = describe
        self.__doc__ = describe.__doc__

    @overload
    def __get__(self, resource: "Resource[SyncDriver]", owner: type[Any]) -> Callable[P, T]: ...
    @overload
    def __get__(self, resource: "Resource[AsyncDriver]", owner: type[Any]) -> Callable[P, Coroutine[Any, Any, T]]: ...
    def __get__(self, resource: Any, owner: type[Any]) -> Any:
        if resource is None:
            return self
        return _bound(resource, self.describe, "run")

    def preview(self, kind: type[V]) -> "Operation[P, V]":
        """Return the same with `?dry_run=true`: what it would do. Nothing is done, and a key is not used."""

        def describe(resource: Any, /, *arguments: P.args, **named: P.kwargs) -> Call[V]:
            call = self.describe(resource, *arguments, **named)
            return Call(
                method=call.method,
                path=call.path,
                read=one(kind),
                query=(("dry_run", "true"),),
                content=call.content,
                is_repeatable=True,
            )

        describe.__signature__ = inspect.signature(self.describe)  # type: ignore[attr-defined]
        describe.__doc__ = "Return what `create` would do, and do nothing."
        return Operation(describe)


class ListOperation(Generic[P, T]):
    """A method that describes a list. On a sync resource it returns an iterator, on an async one an async iterator."""

    def __init__(self, describe: Callable[Concatenate[Any, P], PagedCall[T]]) -> None:
        self.describe = describe
        self.__doc__ = describe.__doc__

    @overload
    def __get__(self, resource: "Resource[SyncDriver]", owner: type[Any]) -> Callable[P, Iterator[T]]: ...
    @overload
    def __get__(self, resource: "Resource[AsyncDriver]", owner: type[Any]) -> Callable[P, AsyncIterator[T]]: ...
    def __get__(self, resource: Any, owner: type[Any]) -> Any:
        if resource is None:
            return self
        return _bound(resource, self.describe, "iterate")


def _bound(resource: Any, describe: Callable[..., Any], verb: str) -> Callable[..., Any]:
    def call(*arguments: Any, **named: Any) -> Any:
        return getattr(resource._driver, verb)(describe(resource, *arguments, **named))

    return update_wrapper(call, describe)


def operation(describe: Callable[Concatenate[Any, P], Call[T]]) -> Operation[P, T]:
    return Operation(describe)


def listing(describe: Callable[Concatenate[Any, P], PagedCall[T]]) -> ListOperation[P, T]:
    return ListOperation(describe)
