"""Sends one signed request, and never to an address that is not allowed.

The name is resolved here, and each address is judged before anything connects to it. The socket's peer is judged
again once it is connected. Nothing follows a redirect, reads a proxy from the environment or decodes an answer.
"""

import asyncio
import socket
import ssl
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from functools import partial
from typing import Any

import httpcore

from payments.deliveries import schedule
from payments.deliveries.addresses import Network, is_allowed
from payments.deliveries.attempts import AttemptOutcome

#: For all of it: resolving, connecting, sending, and reading the beginning of the answer.
TIMEOUT_SECONDS = 10.0
#: As much as is kept of an answer.
MAX_ANSWER_BYTES = 2048
#: Of an address that does not answer, where the name has others too.
CONNECT_SECONDS = 3.0
#: Names whose servers do not answer hold a thread each, for longer than an attempt lasts. More than endpoints.
RESOLVING_THREADS = 64
#: Seconds for which a connection to an endpoint is kept for its next request.
KEEPALIVE_SECONDS = 15

#: From a host and a port to IP addresses, the best first. Raises OSError.
Resolve = Callable[[str, int], Awaitable[Sequence[str]]]


class AddressRefused(Exception):
    """The name leads to no address that events may be sent to."""


class GuardedBackend(httpcore.AsyncNetworkBackend):
    """Connects only to addresses that are allowed. TLS still verifies the name."""

    def __init__(self, networks: Sequence[Network], resolve: Resolve) -> None:
        self._networks = networks
        self._resolve = resolve
        self._backend = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Try the allowed addresses one after the other. Raises AddressRefused, or httpcore.ConnectError."""
        addresses = [address for address in await self._resolve(host, port) if is_allowed(address, self._networks)]
        error: Exception = AddressRefused(str(AddressRefused.__doc__))
        for number, address in enumerate(addresses, 1):
            seconds = CONNECT_SECONDS if number < len(addresses) else timeout
            try:
                stream = await self._backend.connect_tcp(address, port, seconds, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as failure:
                error = failure
            else:
                await self._check_peer(stream)
                return stream
        raise error

    async def _check_peer(self, stream: httpcore.AsyncNetworkStream) -> None:
        peer = stream.get_extra_info("server_addr")
        if not (peer and is_allowed(str(peer[0]), self._networks)):
            await stream.aclose()
            raise AddressRefused(str(AddressRefused.__doc__))

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


class EventSender:
    """Keeps connections to endpoints open for a while; belongs to one event loop."""

    def __init__(
        self,
        *,
        networks: Sequence[Network],
        resolve: Resolve | None = None,
        tls: ssl.SSLContext | None = None,
        timeout: float = TIMEOUT_SECONDS,
    ) -> None:
        self._timeout = timeout
        self._threads = ThreadPoolExecutor(RESOLVING_THREADS, "resolve")
        self._resolving: dict[tuple[str, int], asyncio.Future[Sequence[str]]] = {}
        self._pool = httpcore.AsyncConnectionPool(
            ssl_context=tls or ssl.create_default_context(),
            max_connections=None,
            max_keepalive_connections=100,
            keepalive_expiry=KEEPALIVE_SECONDS,
            network_backend=GuardedBackend(networks, resolve or self._resolve),
        )

    async def post(self, url: str, headers: Mapping[str, str], body: bytes) -> AttemptOutcome:
        """Send it once. Never raises for what the other side does."""
        begun = time.monotonic()
        try:
            async with asyncio.timeout(self._timeout):
                return await self._exchange(url, headers, body, begun)
        except TimeoutError:
            error = f"No answer within {self._timeout:g} seconds."
        except Exception as failure:  # whatever a stranger's server makes of HTTP
            error = _text_of(failure)
        return AttemptOutcome(time.monotonic() - begun, error=error)

    async def aclose(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)
        await self._pool.aclose()

    async def _exchange(self, url: str, headers: Mapping[str, str], body: bytes, begun: float) -> AttemptOutcome:
        async with self._pool.stream("POST", url, headers=list(headers.items()), content=body) as response:
            answer = await _beginning(response)
        named = {name.lower(): value for name, value in response.headers}
        return AttemptOutcome(
            time.monotonic() - begun,
            status_code=response.status,
            answer=_plain(answer.decode(errors="replace")),
            retry_after=schedule.retry_after(named.get(b"retry-after", b"").decode("latin-1"), datetime.now(UTC)),
        )

    async def _resolve(self, host: str, port: int) -> Sequence[str]:
        """Ask once for all who wait for the name: however many they are, it holds one thread."""
        question = host, port
        if question not in self._resolving:
            answer = asyncio.get_running_loop().run_in_executor(self._threads, _ask_resolver, host, port)
            self._resolving[question] = answer
            answer.add_done_callback(partial(self._forget, question))
        return await asyncio.shield(self._resolving[question])

    def _forget(self, question: tuple[str, int], answer: asyncio.Future[Sequence[str]]) -> None:
        del self._resolving[question]
        if not answer.cancelled():
            answer.exception()  # read here, for nobody may be waiting any more


def _ask_resolver(host: str, port: int) -> Sequence[str]:
    answers = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in answers))


async def _beginning(response: httpcore.Response) -> bytes:
    """Read no more than is kept: leaving the stream closes what is not read to its end."""
    parts, size = [], 0
    async for part in response.aiter_stream():
        parts.append(part)
        size += len(part)
        if size >= MAX_ANSWER_BYTES:
            break
    return b"".join(parts)[:MAX_ANSWER_BYTES]


def _plain(text: str) -> str:
    """PostgreSQL keeps no NUL."""
    return text.replace("\0", "�")


def _text_of(failure: Exception) -> str:
    if isinstance(failure, AddressRefused):
        return str(failure)
    reason = str(failure).strip().partition("\n")[0]
    return _plain(f"{type(failure).__name__}: {reason}" if reason else type(failure).__name__)[:200]
