"""A proxy that breaks requests as it is told: before Till has them, or after it has answered."""

import http.client
import threading
from collections import deque
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal, Self
from urllib.parse import urlsplit


@dataclass(frozen=True)
class Instead:
    """An answer of the proxy's own. Till does not see the request."""

    status: int
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)


Fault = Literal["cut before", "cut after", "pass"] | Instead


@dataclass(frozen=True)
class Seen:
    method: str
    path: str
    headers: dict[str, str] = field(repr=False)


class FaultyHttpProxy:
    """`faults` are used up one by one, by requests whose path contains `target`. All others pass."""

    def __init__(self, upstream: str) -> None:
        self.upstream = urlsplit(upstream).netloc
        self.target = "/"
        self.faults: deque[Fault] = deque()
        self.seen: list[Seen] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def break_next(self, target: str, *faults: Fault) -> None:
        self.target = target
        self.faults.extend(faults)

    def sent(self, path: str) -> list[Seen]:
        """What came for this path."""
        return [seen for seen in self.seen if seen.path == path]

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_one_request(self) -> None:
                try:
                    super().handle_one_request()
                except OSError:  # the client hung up
                    self.close_connection = True

            def pass_on(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                headers = dict(self.headers.items())
                path = self.path.removeprefix("/api/v1")
                proxy.seen.append(Seen(self.command, path, headers))
                fault = proxy.faults.popleft() if proxy.target in path and proxy.faults else "pass"
                if fault == "cut before":
                    self.close_connection = True
                    return
                answer = fault if isinstance(fault, Instead) else proxy.forward(self.command, self.path, headers, body)
                if fault == "cut after":
                    self.close_connection = True
                    return
                self.send_response(answer.status)
                for name, value in {**answer.headers, "Content-Length": str(len(answer.body))}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(answer.body)

            def log_message(self, *_arguments: Any) -> None:
                """Say nothing."""

        for verb in ("GET", "POST", "PUT", "PATCH", "DELETE"):
            setattr(Handler, f"do_{verb}", Handler.pass_on)
        return Handler

    def forward(self, method: str, path: str, headers: dict[str, str], body: bytes) -> Instead:
        connection = http.client.HTTPConnection(self.upstream, timeout=30)
        try:
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            content = answer.read()
            dropped = {"content-length", "transfer-encoding", "connection"}
            passed = {name: value for name, value in answer.getheaders() if name.lower() not in dropped}
            return Instead(answer.status, content, passed)
        finally:
            connection.close()
