"""A client with many requests at a time waits for his own, and nobody waits for them all."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from typing import Any

import pytest
from django.http import HttpRequest, HttpResponse
from django.urls import path

from config import asgi
from config.server.fair_queue import FairQueue, Place, client_of
from config.server.http_protocol import Protocol
from config.server.request_threads import MAX_OF_ONE_CLIENT, general_share
from tests.support.raw_http import RawConnection
from tests.support.uvicorn_here import serving
from tests.support.waiting import wait_until

PLACES, EACH = 4, 2


def scope(*headers: tuple[bytes, bytes], address: str = "192.0.2.1") -> dict[str, Any]:
    return {"headers": list(headers), "client": (address, 1234)}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (scope((b"authorization", b"Bearer a")), scope((b"authorization", b"Bearer b"))),
        (scope((b"cookie", b"sessionid=a")), scope((b"cookie", b"sessionid=b"))),
        (scope(), scope((b"authorization", b"Bearer a"))),
        (scope(), scope(address="192.0.2.2")),
        (scope(address="192.0.2.7"), scope((b"cookie", b"192.0.2.7"))),
        (scope(address="192.0.2.7"), scope((b"authorization", b"network 192.0.2.7"))),
    ],
)
def test_clients_are_told_apart(one: Any, other: Any) -> None:
    assert client_of(one) != client_of(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (scope((b"authorization", b"Bearer a")), scope((b"authorization", b"Bearer a"), address="192.0.2.2")),
        (scope((b"cookie", b"a"), (b"authorization", b"Bearer a")), scope((b"authorization", b"bearer   a=="))),
        (scope((b"x-forwarded-for", b"192.0.2.7")), scope()),  # nobody's proxy
        (scope(address="2001:db8::1"), scope(address="2001:db8::ffff")),
        ({"headers": [], "client": None}, {"headers": []}),
    ],
)
def test_one_client_is_one(one: Any, other: Any) -> None:
    assert client_of(one) == client_of(other)


def test_behind_a_proxy_clients_are_told_apart_by_what_it_wrote(settings: Any) -> None:
    settings.TILL_TRUSTED_PROXIES = 1
    one, other = (scope((b"x-forwarded-for", value)) for value in (b"10.0.0.1, 192.0.2.7", b"10.0.0.1, 192.0.2.8"))
    assert client_of(one) != client_of(other)
    assert client_of(one) == client_of(scope((b"x-forwarded-for", b"10.0.0.1"), (b"x-forwarded-for", b"192.0.2.7")))


class HeldRequests:
    """Requests that hold their places until they are told to end; `begun` is the order in which they got one."""

    def __init__(self) -> None:
        self.queue = FairQueue(PLACES, each=EACH)
        self.begun: list[str] = []
        self.ends: dict[str, asyncio.Event] = {}
        self.tasks: dict[str, asyncio.Task[None]] = {}

    async def comes(self, *names: str) -> None:
        """The first letter of a request's name is its client."""
        for name in names:
            self.ends[name] = asyncio.Event()
            self.tasks[name] = asyncio.create_task(self._request(name))
        await settled()

    async def goes(self, *names: str) -> None:
        for name in names:
            self.ends[name].set()
            await settled()

    async def all_go(self) -> None:
        for end in self.ends.values():
            end.set()
        await asyncio.gather(*self.tasks.values(), return_exceptions=True)
        await settled()

    async def _request(self, name: str) -> None:
        async with Place(self.queue, name[:1].encode()) as place:
            self.begun.append(name)
            if name.endswith("stream"):
                place.release_client()
            await self.ends[name].wait()


async def settled() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


Story = Callable[[HeldRequests], Any]


def play(story: Story) -> None:
    """At the end nobody waits and every place is free again."""

    async def whole() -> None:
        requests = HeldRequests()
        await story(requests)
        await requests.all_go()
        assert (requests.queue.free, dict(requests.queue.running), dict(requests.queue.waiting)) == (PLACES, {}, {})

    asyncio.run(whole())


def test_a_client_has_no_more_places_than_its_own_while_others_are_free() -> None:
    async def story(requests: HeldRequests) -> None:
        await requests.comes("a1", "a2", "a3", "b1")
        assert requests.begun == ["a1", "a2", "b1"]
        assert requests.queue.count_waiting(b"a") == 1
        await requests.goes("a2")
        assert requests.begun[-1] == "a3"

    play(story)


def test_clients_take_turns_whoever_came_first() -> None:
    async def story(requests: HeldRequests) -> None:
        await requests.comes("a1", "a2", "b1", "b2")
        await requests.comes("c1", "c2", "c3", "d1", "e1")
        await requests.goes("a1", "a2", "b1", "b2")
        assert requests.begun[4:] == ["c1", "d1", "e1", "c2"]

    play(story)


def test_who_would_not_have_to_wait_has_room() -> None:
    async def story(requests: HeldRequests) -> None:
        await requests.comes("a1", "a2", "a3", "b1")
        assert (requests.queue.has_room(b"a"), requests.queue.has_room(b"b")) == (False, True)
        await requests.comes("c1")
        assert not requests.queue.has_room(b"d")

    play(story)


def test_one_that_takes_long_leaves_its_client_a_place() -> None:
    async def story(requests: HeldRequests) -> None:
        await requests.comes("a-stream", "a2", "a3", "a4")
        assert requests.begun == ["a-stream", "a2", "a3"]
        await requests.goes("a-stream")  # its place is free, and its client has what it may have
        assert requests.begun[-1] == "a3"

    play(story)


def test_who_gives_up_while_waiting_leaves_the_others_their_turns() -> None:
    async def story(requests: HeldRequests) -> None:
        await requests.comes("a1", "a2", "a3", "a4")
        requests.tasks["a3"].cancel()
        await settled()
        await requests.goes("a1")
        assert requests.begun[-1] == "a4"

    play(story)


def test_who_gives_up_in_the_moment_in_which_a_place_comes_free_does_not_take_it_along() -> None:
    async def story(requests: HeldRequests) -> None:
        await requests.comes("a1", "a2", "a3", "a4")
        requests.ends["a1"].set()  # heard first
        requests.tasks["a3"].cancel()
        await settled()
        assert requests.begun == ["a1", "a2", "a4"]

    play(story)


def test_who_gives_up_as_his_turn_comes_gives_it_back() -> None:
    async def story(requests: HeldRequests) -> None:
        await requests.comes("a1", "a2", "a3", "a4")
        requests.ends["a1"].set()
        while requests.queue.count_waiting(b"a") == 2:
            await asyncio.sleep(0)
        requests.tasks["a3"].cancel()  # called, and not yet awake
        await settled()
        assert requests.begun == ["a1", "a2", "a4"]

    play(story)


# --- served --------------------------------------------------------------------------------------------------

held, together = threading.Event(), threading.Semaphore(0)


def holding(request: HttpRequest) -> HttpResponse:
    together.release()
    held.wait(30)
    return HttpResponse("held")


def plain(request: HttpRequest) -> HttpResponse:
    return HttpResponse("plain")


urlpatterns = [path("holding", holding), path("plain", plain)]


@pytest.fixture
def ask() -> Iterator[Callable[[str, str], RawConnection]]:
    """Ask for an address as a client. The server and the connections end with the test."""
    held.clear()
    while together.acquire(blocking=False):
        pass  # of another test
    with ExitStack() as stack:
        port = stack.enter_context(serving(asgi.application, Protocol, loop="uvloop", lifespan="off"))

        def send(address: str, client: str) -> RawConnection:
            line = stack.enter_context(closing(RawConnection(port)))
            line.send(f"GET {address} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {client}\r\n\r\n".encode())
            return line

        yield send
        held.set()
        wait_until(lambda: general_share.unanswered == 0, seconds=10)


def is_answered(line: RawConnection) -> bool:
    return line.file.readline() == b"HTTP/1.1 200 OK\r\n"


@pytest.mark.urls(__name__)
@pytest.mark.usefixtures("committed_db")
def test_many_slow_requests_of_one_client_hold_up_nobody_else(ask: Callable[[str, str], RawConnection]) -> None:
    mallory = [ask("/holding", "mallory") for _ in range(2 * general_share.threads)]
    for _ in range(MAX_OF_ONE_CLIENT):
        assert together.acquire(timeout=10)
    honest = [ask("/plain", f"honest {number}") for number in range(2 * general_share.threads)]
    assert all(map(is_answered, honest))
    assert not together.acquire(blocking=False)
    held.set()
    assert all(map(is_answered, mallory))


@pytest.mark.urls(__name__)
@pytest.mark.usefixtures("committed_db")
def test_a_client_with_too_many_waiting_is_refused_and_others_are_not(
    ask: Callable[[str, str], RawConnection], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(general_share, "max_unanswered", 8)
    mallory = [ask("/holding", "mallory") for _ in range(MAX_OF_ONE_CLIENT + 4)]
    wait_until(lambda: general_share.unanswered == len(mallory), seconds=10)
    assert ask("/holding", "mallory").answer()[2]["code"] == "overloaded"
    friends = [ask("/holding", "a friend of his") for _ in range(MAX_OF_ONE_CLIENT)]
    wait_until(lambda: general_share.unanswered == general_share.max_unanswered, seconds=10)
    assert ask("/holding", "a friend of his").answer()[2]["code"] == "overloaded"
    assert is_answered(ask("/plain", "honest"))  # who need not wait is none of those who wait
    held.set()
    assert all(map(is_answered, mallory + friends))
