"""Many senders at once, over sockets that stay open: cheap enough not to be the bottleneck."""

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from tests.support.provider import Delivery

ANSWER_SECONDS = 60


@dataclass(frozen=True)
class Reply:
    """`status` 0: the connection broke, and nobody knows."""

    status: int
    headers: dict[str, str]
    content: bytes

    @property
    def body(self) -> dict[str, Any]:
        parsed: dict[str, Any] = json.loads(self.content)
        return parsed


NO_REPLY = Reply(0, {}, b"")


def send_all(url: str, deliveries: Sequence[Delivery], *, connections: int) -> list[Reply]:
    """Return the replies in the order of the deliveries; each connection takes the next one that is left."""
    return asyncio.run(_send_all(url, deliveries, connections))


async def _send_all(url: str, deliveries: Sequence[Delivery], connections: int) -> list[Reply]:
    replies = [NO_REPLY] * len(deliveries)
    waiting = iter(enumerate(deliveries))

    async def sender() -> None:
        line = _Connection(url)
        for index, delivery in waiting:
            replies[index] = await line.send(delivery)
        await line.close()

    await asyncio.gather(*(sender() for _ in range(connections)))
    return replies


class _Connection:
    def __init__(self, url: str) -> None:
        address = urlsplit(url)
        self._host, self._port = address.hostname or "", address.port or 80
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def send(self, delivery: Delivery) -> Reply:
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                return await self._send(delivery)
        except (OSError, EOFError, TimeoutError):
            await self.close()
            return NO_REPLY

    async def _send(self, delivery: Delivery) -> Reply:
        if self._streams is None:
            self._streams = await asyncio.open_connection(self._host, self._port)
        reader, writer = self._streams
        writer.write(as_request(delivery, self._host))
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").splitlines()
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:])}
        content = await reader.readexactly(int(headers.get("content-length", 0)))
        if headers.get("connection") == "close":
            await self.close()
        return Reply(int(head[0].split()[1]), headers, content)

    async def close(self) -> None:
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None


def as_request(delivery: Delivery, host: str) -> bytes:
    headers = {"host": host, "content-length": str(len(delivery.body)), **delivery.headers}
    lines = [f"{delivery.method} {delivery.path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
    return "\r\n".join([*lines, "", ""]).encode() + delivery.body
