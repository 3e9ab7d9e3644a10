"""The served application, spoken to as a server would, and over real sockets."""

import asyncio
import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import wait
from typing import Any

import pytest
import uvicorn
from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import include, path
from django.views.decorators.csrf import csrf_exempt

from config import asgi
from config.problems import problem_body
from config.problems.problem_types import BAD_REQUEST
from config.server import application, worker
from config.server.api_endpoint import get_api_endpoint
from config.server.fair_queue import FairQueue
from config.server.request_threads import general_share
from config.server.webhook_endpoint import get_endpoint
from config.urls import handler400, handler403, handler404, handler500
from config.urls import urlpatterns as real

served: list[str] = []


@csrf_exempt
def echo(request: HttpRequest) -> HttpResponse:
    served.append(request.path)
    return JsonResponse(
        {
            "length": len(request.body),
            "announced": request.META["CONTENT_LENGTH"],
            "query": dict(request.GET),
            "headers": {name.lower(): value for name, value in request.headers.items()},
        }
    )


urlpatterns = [path("echo", echo), path("", include(real))]
__all__ = ["handler400", "handler403", "handler404", "handler500"]

pytestmark = pytest.mark.urls(__name__)

Message = dict[str, Any]


@pytest.fixture(autouse=True)
def nothing_served_yet() -> None:
    served.clear()


class Conversation:
    """One request, message by message; `sent` is what the application answered."""

    def __init__(self, *messages: Message, headers: dict[str, str] | None = None, query: bytes = b"") -> None:
        self.messages = list(messages)
        self.sent: list[Message] = []
        self.received = 0
        self.scope: Message = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": "POST",
            "path": "/echo",
            "raw_path": b"/echo",
            "query_string": query,
            "root_path": "",
            "scheme": "http",
            "server": ("localhost", 8000),
            "client": ("127.0.0.1", 50000),
        }
        named = {"host": "localhost"} | (headers or {})
        self.scope["headers"] = [(name.encode(), value.encode()) for name, value in named.items()]

    async def receive(self) -> Message:
        self.received += 1
        if not self.messages:
            await asyncio.sleep(3600)
        return self.messages.pop(0)

    async def send(self, message: Any) -> None:
        self.sent.append(dict(message))

    def run(self) -> "Conversation":
        asyncio.run(asgi.application(self.scope, self.receive, self.send))
        return self

    @property
    def status(self) -> int:
        return int(self.sent[0]["status"])

    @property
    def headers(self) -> dict[str, str]:
        return {name.decode(): value.decode() for name, value in self.sent[0]["headers"]}

    @property
    def body(self) -> Any:
        return json.loads(b"".join(message.get("body", b"") for message in self.sent[1:]))


def part(body: bytes, *, more: bool = False) -> Message:
    return {"type": "http.request", "body": body, "more_body": more}


def test_the_application_hands_over_a_whole_body_whose_length_is_true() -> None:
    spoken = Conversation(part(b"a" * 10, more=True), part(b"b" * 5), headers={"transfer-encoding": "chunked"})
    assert spoken.run().status == 200
    assert (spoken.body["length"], spoken.body["announced"]) == (15, "15")
    assert "transfer-encoding" not in spoken.body["headers"]


def test_the_application_refuses_an_announced_large_body_without_reading_it() -> None:
    announced = str(settings.DATA_UPLOAD_MAX_MEMORY_SIZE + 1)
    for length in (announced, "9" * 5000):
        spoken = Conversation(headers={"content-length": length}).run()
        assert (spoken.status, spoken.body["code"], spoken.received) == (413, "body_too_large", 0)
        assert spoken.headers["content-type"] == "application/problem+json"
        assert spoken.headers["x-request-id"]
    assert served == []


def test_the_application_stops_reading_a_body_without_a_length_at_the_limit() -> None:
    third = settings.DATA_UPLOAD_MAX_MEMORY_SIZE // 3 + 1
    spoken = Conversation(*[part(b"x" * third, more=True)] * 9).run()
    assert (spoken.status, spoken.body["code"], spoken.received) == (413, "body_too_large", 3)
    assert served == []


def test_staff_see_a_page_where_the_application_refuses_a_body() -> None:
    spoken = Conversation(headers={"content-length": str(settings.DATA_UPLOAD_MAX_MEMORY_SIZE + 1)})
    spoken.scope["path"] = "/admin/catalog/product/"
    spoken.run()
    assert (spoken.status, spoken.headers["content-type"]) == (413, "text/html; charset=utf-8")
    assert b"The body is too large" in spoken.sent[1]["body"]


def test_the_application_takes_a_body_of_exactly_the_limit() -> None:
    spoken = Conversation(part(b"x" * settings.DATA_UPLOAD_MAX_MEMORY_SIZE)).run()
    assert spoken.status == 200


def test_the_application_does_nothing_for_a_client_that_hung_up() -> None:
    spoken = Conversation(part(b"half", more=True), {"type": "http.disconnect"}).run()
    assert (spoken.sent, served) == ([], [])


def test_the_application_does_not_wait_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(application, "BODY_SECONDS", 0.05)
    spoken = Conversation(part(b"half", more=True)).run()
    assert (spoken.status, spoken.body["code"], served) == (408, "body_too_slow", [])


def test_the_application_drops_headers_that_wsgi_would_take_for_others() -> None:
    sent = {"x_forwarded_for": "1.2.3.4", "content_length": "999", "x-forwarded-for": "9.9.9.9"}
    spoken = Conversation(part(b"body"), headers=sent).run()
    assert spoken.body["headers"]["x-forwarded-for"] == "9.9.9.9"
    assert spoken.body["announced"] == "4"


def test_the_application_survives_a_query_that_is_not_ascii() -> None:
    spoken = Conversation(part(b""), query=b"a=\xff&b=\xe2\x82\xac&c=%zz").run()
    assert spoken.body["query"] == {"a": ["\ufffd"], "b": ["€"], "c": ["%zz"]}


@pytest.mark.usefixtures("committed_db")
def test_health_is_answered_while_all_threads_are_busy_and_for_any_host() -> None:
    release = threading.Event()
    blocked = [general_share.executor.submit(release.wait, 30) for _ in range(general_share.threads)]
    try:
        for path in ("/health/live", "/health/ready"):
            spoken = Conversation(part(b""), headers={"host": "10.0.0.7:8000"})
            spoken.scope |= {"path": path, "method": "GET"}
            spoken.run()
            assert (spoken.status, spoken.body["status"]) == (200, "ok")
            assert spoken.headers["x-request-id"]
    finally:
        release.set()
        wait(blocked)


def test_the_application_refuses_at_once_when_too_many_are_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(general_share, "queue", FairQueue(0, each=1))  # all are taken
    monkeypatch.setattr(general_share, "max_unanswered", 0)
    spoken = Conversation(part(b"{}")).run()
    assert (spoken.status, spoken.body["code"], served) == (503, "overloaded", [])
    assert spoken.headers["retry-after"] == "1"


def test_the_application_counts_down_again_after_each_answer() -> None:
    for _ in range(3):
        assert Conversation(part(b"")).run().status == 200
    assert general_share.unanswered == 0


def test_the_application_answers_the_lifespan_protocol(committed_db: None) -> None:
    """It connects, and closes what it has opened."""
    messages = [{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}]
    sent: list[str] = []

    async def receive() -> Message:
        return messages.pop(0)

    async def send(message: Any) -> None:
        sent.append(message["type"])

    asyncio.run(asgi.application({"type": "lifespan"}, receive, send))
    assert sent == ["lifespan.startup.complete", "lifespan.shutdown.complete"]
    assert not get_endpoint.cache_info().currsize
    assert not get_api_endpoint.cache_info().currsize


def test_the_application_can_be_imported_by_a_server_that_knows_nothing_of_django() -> None:
    environment = os.environ | {"TILL_DEBUG": "1"}
    environment.pop("DJANGO_SETTINGS_MODULE")
    for module in ("config.asgi", "config.wsgi"):
        subprocess.run([sys.executable, "-c", f"import {module}"], check=True, env=environment)


def test_a_worker_has_loaded_all_and_keeps_it_from_the_collector_before_its_first_request() -> None:
    code = (
        "import gc, sys; from types import SimpleNamespace; import config.asgi; from config.server import worker;"
        "worker.warm_up(SimpleNamespace(age=2)); print(gc.get_freeze_count(), 'payments.urls' in sys.modules)"
    )
    environment = os.environ | {"TILL_DEBUG": "1"}
    done = subprocess.run([sys.executable, "-c", code], check=True, env=environment, capture_output=True, text=True)
    frozen, has_loaded = done.stdout.split()
    assert int(frozen) > 50_000
    assert has_loaded == "True"


# --- over sockets ---
@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    """The application in a server of this process, so that it sees the addresses above."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        protocols = {name: worker.Worker.CONFIG_KWARGS[name] for name in ("http", "ws")}
        server = uvicorn.Server(uvicorn.Config(asgi.application, **protocols, log_config=None, access_log=False))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        yield listening.getsockname()[1]
        server.should_exit = True
        thread.join()


@pytest.fixture
def connect(port: int) -> Iterator[Callable[[], socket.socket]]:
    opened: list[socket.socket] = []

    def connect() -> socket.socket:
        opened.append(socket.create_connection(("127.0.0.1", port), timeout=10))
        return opened[-1]

    yield connect
    for sock in opened:
        sock.close()


def ask(sock: socket.socket, request: bytes) -> bytes:
    """Send and return everything up to the close; the request says `Connection: close`."""
    sock.sendall(request)
    return b"".join(iter(lambda: sock.recv(65536), b""))


HOST = b"Host: localhost\r\nConnection: close\r\n"


@pytest.mark.parametrize(
    "line",
    [
        b"GET /\xff\xfe HTTP/1.1\r\n",
        b"GET /%ff%00 HTTP/1.1\r\n",
        b"GET /echo?a=\xff HTTP/1.1\r\n",
        b"GET /../../etc/passwd HTTP/1.1\r\n",
        b"GET /api/v1/users/me?x=%00 HTTP/1.1\r\n",
        b"GET http://evil.example/ HTTP/1.1\r\n",
        b"BREW /echo HTTP/1.1\r\n",
        b"GET /" + b"a" * 20_000 + b" HTTP/1.1\r\n",
    ],
)
def test_odd_first_lines_are_never_answered_500(connect: Callable[[], socket.socket], line: bytes) -> None:
    answer = ask(connect(), line + HOST + b"\r\n")
    assert not answer or answer.split(b" ")[1][:1] in (b"2", b"4"), answer[:200]


@pytest.mark.parametrize(
    "request_",
    [
        "GET /echo?a=€ HTTP/1.1\r\n".encode() + HOST,
        b"GET /\xff HTTP/1.1\r\n" + HOST,
        b"BREW /echo HTTP/1.1\r\n" + HOST,
        b"POST /echo HTTP/1.1\r\nContent-Length: abc\r\n" + HOST,
        b"POST /echo HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n" + HOST,
        b"\x16\x03\x01\x02\x00",
    ],
)
def test_what_is_not_http_is_answered_with_a_problem(connect: Callable[[], socket.socket], request_: bytes) -> None:
    head, _, body = ask(connect(), request_ + b"\r\n").partition(b"\r\n\r\n")
    status, *lines = head.decode().split("\r\n")
    headers = dict(line.split(": ") for line in lines)
    assert status == "HTTP/1.1 400 Bad Request"
    assert headers["content-type"] == "application/problem+json"
    assert headers["content-length"] == str(len(body))
    assert headers["connection"] == "close"
    assert len(headers["x-request-id"]) == 32
    assert json.loads(body) == problem_body(BAD_REQUEST)
    assert served == []


def test_a_request_for_a_websocket_is_answered_as_if_it_asked_for_none(
    connect: Callable[[], socket.socket], caplog: pytest.LogCaptureFixture
) -> None:
    upgrade = b"Host: localhost\r\nConnection: Upgrade, close\r\nUpgrade: websocket\r\n"
    key = b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
    assert ask(connect(), b"GET /echo HTTP/1.1\r\n" + upgrade + key + b"\r\n").startswith(b"HTTP/1.1 200")
    assert "library" not in caplog.text


def test_the_server_answers_while_many_clients_send_slowly(connect: Callable[[], socket.socket]) -> None:
    """Far more than there are threads."""
    for _ in range(100):
        connect().sendall(b"POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\nhalf")
    started = time.monotonic()
    assert ask(connect(), b"GET /echo HTTP/1.1\r\n" + HOST + b"\r\n").startswith(b"HTTP/1.1 200")
    assert time.monotonic() - started < 5
    assert served == ["/echo"]


def test_the_server_answers_413_before_the_body_is_sent(connect: Callable[[], socket.socket]) -> None:
    request = b"POST /echo HTTP/1.1\r\n" + HOST + b"Content-Length: 99999999\r\nExpect: 100-continue\r\n\r\n"
    sock = connect()
    sock.sendall(request)
    assert sock.recv(65536).startswith(b"HTTP/1.1 413")


def test_the_server_stays_well_after_a_client_left_in_the_middle(connect: Callable[[], socket.socket]) -> None:
    for sent in (
        b"POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n",
        b"GET /echo HTTP/1.1\r\nHo",
    ):
        sock = connect()
        sock.sendall(sent)
        sock.close()
    assert ask(connect(), b"GET /echo HTTP/1.1\r\n" + HOST + b"\r\n").startswith(b"HTTP/1.1 200")
