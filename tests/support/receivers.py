"""Receivers of events: real HTTP servers on the loopback that note each request, and answer what a test says."""

import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BufferedIOBase
from typing import NamedTuple


class Received(NamedTuple):
    path: str
    headers: Mapping[str, str]
    body: bytes


#: From a request to the bytes of the whole answer, headers and all; it may write them by itself, slowly.
Answer = Callable[[Received, BufferedIOBase], bytes]


def respond(status: int = 204, body: bytes = b"", **headers: str) -> Answer:
    """Answer every request alike. Underscores in the headers' names are hyphens."""
    lines = [f"HTTP/1.1 {status} Answer", f"Content-Length: {len(body)}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    head = "\r\n".join([*lines, "", ""]).encode()
    return lambda _request, _out: head + (b"" if status == 204 else body)


@dataclass
class Receiver:
    port: int
    scheme: str = "http"
    requests: list[Received] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"{self.scheme}://127.0.0.1:{self.port}/hook"


@contextmanager
def receiver(answer: Answer | None = None, *, tls: ssl.SSLContext | None = None) -> Iterator[Receiver]:
    """Listen on a free port of 127.0.0.1 until the block ends."""
    reply = answer or respond()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            length = int(self.headers.get("Content-Length", "0"))
            body = self.rfile.read(length)
            if len(body) < length:  # its sender was killed in the middle of it
                return
            request = Received(self.path, {name.lower(): value for name, value in self.headers.items()}, body)
            state.requests.append(request)
            try:
                self.wfile.write(reply(request, self.wfile))
            except OSError:  # the other side has heard enough
                self.close_connection = True

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        request_queue_size = 256

    server = Server(("127.0.0.1", 0), Handler)
    if tls:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    state = Receiver(server.server_address[1], "https" if tls else "http")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield state
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def failing_at_first(times: int, answer: Answer) -> Answer:
    """Answer so many requests with `answer`, and all later ones with 204."""
    left = [answer] * times

    def reply(request: Received, out: object) -> bytes:
        return (left.pop() if left else respond())(request, out)  # type: ignore[arg-type]

    return reply
