"""`python benchmarks/listener.py PORT`: an endpoint of Till's that answers each event at once, until it is ended."""

import asyncio
import os
import sys
from contextlib import suppress

import django

os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"
django.setup()

from accounts.models import User  # noqa: E402  after the setup
from payments.deliveries.services import add_endpoint  # noqa: E402
from payments.models import EventEndpoint  # noqa: E402
from payments.worker.timers import run_due_timers  # noqa: E402

ANSWER = b"HTTP/1.1 204 No Content\r\n\r\n"


async def receive(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Read requests whose bodies have a length, as Till's have."""
    with suppress(asyncio.IncompleteReadError):
        while head := await reader.readuntil(b"\r\n\r\n"):
            length = next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
            await reader.readexactly(int(length.partition(b":")[2]))
            writer.write(ANSWER)
    writer.close()


async def listen(port: int) -> None:
    async with await asyncio.start_server(receive, "127.0.0.1", port) as server:
        await server.serve_forever()


def main() -> None:
    port = int(sys.argv[1])
    if not EventEndpoint.objects.exists():
        add_endpoint(url=f"http://127.0.0.1:{port}/", staff=User.objects.filter(is_superuser=True).earliest("pk"))
    run_due_timers()  # what a new worker does first would be counted
    EventEndpoint.objects.update(url=f"http://127.0.0.1:{port}/")
    asyncio.run(listen(port))


if __name__ == "__main__":
    main()
