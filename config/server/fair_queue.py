"""A queue that is fair to clients: a client with many requests at a time gets only a few of a share's threads.

Requests of others come in between. Requests with the same credentials are one client. Requests without credentials
are counted by their network. Nobody has verified the credentials yet. So a caller that makes up many of them counts as
many clients and gets their threads. But each of them has to wait like every other client.
"""

import asyncio
from collections import Counter, OrderedDict, deque
from collections.abc import MutableMapping
from contextlib import suppress
from typing import Any, Self

from accounts.networks import network_of


def client_of(scope: MutableMapping[str, Any]) -> bytes:
    """Return what the client of an ASGI request is counted by: a bearer token, a cookie, or the network."""
    headers = dict(scope["headers"])
    if words := headers.get(b"authorization", b"").split():
        return b"token " + bytes(words[-1]).rstrip(b"=")
    if cookie := headers.get(b"cookie"):
        return b"cookie " + bytes(cookie)
    return network_of_client(scope)


def network_of_client(scope: MutableMapping[str, Any]) -> bytes:
    return b"network " + network(scope).encode()


def network(scope: MutableMapping[str, Any]) -> str:
    """Return the network that an ASGI request comes from: `accounts.networks.caller_network` for the event loop."""
    forwarded = b",".join(value for name, value in scope["headers"] if name == b"x-forwarded-for")
    address = scope["client"][0] if scope.get("client") else ""
    return network_of(address, forwarded.decode("latin-1"))


class FairQueue:
    """A number of places, of which each client may have `each`. For one event loop."""

    def __init__(self, places: int, *, each: int) -> None:
        self.each = each
        # Only the queue itself writes the next three.
        self.free = places
        self.running: Counter[bytes] = Counter()
        #: Clients in the order in which they get a place, each with its waiting requests.
        self.waiting: OrderedDict[bytes, deque[asyncio.Future[None]]] = OrderedDict()

    async def take(self, client: bytes) -> None:
        """Wait for a place. Give it back by `release_client` and then `release`, each once."""
        if self.has_room(client):
            self._occupy(client)
            return
        waiter = asyncio.get_running_loop().create_future()
        self.waiting.setdefault(client, deque()).append(waiter)
        try:
            await waiter
        except asyncio.CancelledError:
            if waiter.done() and not waiter.cancelled():
                self.release_client(client)
                self.release()
            else:
                self._remove_waiter(client, waiter)
            raise

    def release_client(self, client: bytes) -> None:
        """Count the place no longer as the client's, so that it may have another."""
        self.running[client] -= 1
        if not self.running[client]:
            del self.running[client]
        self._wake_next()

    def release(self) -> None:
        self.free += 1
        self._wake_next()

    def has_room(self, client: bytes) -> bool:
        """Tell whether the client would get a place at once: whoever waits now has all the places it may have."""
        return self.free > 0 and self.running[client] < self.each

    def count_waiting(self, client: bytes) -> int:
        return len(self.waiting.get(client, ()))

    def _occupy(self, client: bytes) -> None:
        self.free -= 1
        self.running[client] += 1

    def _wake_next(self) -> None:
        """Give free places to the next clients that may have one. Only clients with places are passed over."""
        while self.free:
            client = next((client for client in self.waiting if self.running[client] < self.each), None)
            if client is None:
                return
            waiter = self.waiting[client].popleft()
            self.waiting.move_to_end(client)
            if not self.waiting[client]:
                del self.waiting[client]
            if not waiter.done():
                self._occupy(client)
                waiter.set_result(None)

    def _remove_waiter(self, client: bytes, waiter: "asyncio.Future[None]") -> None:
        waiters = self.waiting.get(client)
        if waiters is not None:
            with suppress(ValueError):
                waiters.remove(waiter)
            if not waiters:
                del self.waiting[client]


class Place:
    """One request's place, as a context manager."""

    def __init__(self, queue: FairQueue, client: bytes) -> None:
        self._queue, self._client = queue, client
        self._is_counted = False

    async def __aenter__(self) -> Self:
        await self._queue.take(self._client)
        self._is_counted = True
        return self

    async def __aexit__(self, *_: object) -> None:
        self.release_client()
        self._queue.release()

    def release_client(self) -> None:
        """Keep the place, and let the client have another: streams have a limit of their own. Safe to repeat."""
        if self._is_counted:
            self._is_counted = False
            self._queue.release_client(self._client)
