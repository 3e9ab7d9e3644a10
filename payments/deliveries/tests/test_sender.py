"""One request goes to the endpoint and nowhere else, whatever its name, its answer or the environment says."""

import asyncio
import gzip
import ipaddress
import socket
import ssl
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from io import BufferedIOBase
from pathlib import Path
from typing import Any

import pytest

from payments.deliveries import sender
from payments.deliveries.addresses import Network
from payments.deliveries.attempts import AttemptOutcome
from payments.deliveries.sender import EventSender
from tests.support.certificates import certified
from tests.support.receivers import Received, receiver, respond

LOOPBACK = (ipaddress.ip_network("127.0.0.0/8"),)
EVERYWHERE = str(ipaddress.IPv4Address(0))
REFUSAL = "The name leads to no address that events may be sent to."


class Names:
    """A resolver that gives each answer in turn, and the last one for ever."""

    def __init__(self, *answers: Sequence[str]) -> None:
        self.answers = list(answers)
        self.calls = 0

    async def __call__(self, _host: str, _port: int) -> Sequence[str]:
        self.calls += 1
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


def post(
    url: str,
    *,
    networks: Sequence[Network] = LOOPBACK,
    names: Names | None = None,
    tls: ssl.SSLContext | None = None,
    timeout: float = 5,
    times: int = 1,
) -> list[AttemptOutcome]:
    async def run() -> list[AttemptOutcome]:
        sending = EventSender(networks=networks, resolve=names, tls=tls, timeout=timeout)
        try:
            return [await sending.post(url, {"webhook-id": "evt_1"}, b'{"id": "evt_1"}') for _ in range(times)]
        finally:
            await sending.aclose()

    return asyncio.run(run())


def test_the_body_and_the_headers_arrive() -> None:
    with receiver(respond(200, b"thanks")) as there:
        [outcome] = post(f"{there.url}?a=1")
    assert (outcome.status_code, outcome.answer, outcome.is_success) == (200, "thanks", True)
    [request] = there.requests
    assert (request.path, request.body) == ("/hook?a=1", b'{"id": "evt_1"}')
    assert request.headers["webhook-id"] == "evt_1"
    assert request.headers["host"] == f"127.0.0.1:{there.port}"
    assert request.headers["content-length"] == "15"


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::ffff:127.0.0.1]", "0", "127.1", "2130706433"])
def test_an_address_that_is_not_allowed_is_never_connected_to(host: str) -> None:
    with receiver() as there:
        [outcome] = post(f"http://{host}:{there.port}/", networks=())
    assert not there.requests
    assert not outcome.is_success
    assert outcome.error in {REFUSAL, "InvalidURL"} or outcome.error.startswith("gaierror")


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1", "10.0.0.1", "169.254.169.254", "224.0.0.1", EVERYWHERE, "::1", "::ffff:127.0.0.1", "fe80::1"],
)
def test_a_name_that_resolves_to_such_an_address_is_refused(address: str) -> None:
    with receiver() as there:
        [outcome] = post(f"http://hooks.example.com:{there.port}/", networks=(), names=Names([address]))
    assert (outcome.error, there.requests) == (REFUSAL, [])


def test_of_several_addresses_only_those_that_are_allowed_are_tried() -> None:
    with receiver() as there:
        [outcome] = post(f"http://hooks.example.com:{there.port}/", names=Names(["10.0.0.1", "::1", "127.0.0.1"]))
    assert outcome.is_success


@contextmanager
def deaf(host: str, port: int) -> Iterator[None]:
    """Listen there with a queue that is full: who connects waits and hears nothing."""
    with ExitStack() as sockets:
        listening = sockets.enter_context(socket.socket())
        listening.bind((host, port))
        listening.listen(0)
        for _ in range(4):
            waiting = sockets.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex((host, port))
        yield


def test_an_address_that_does_not_answer_leaves_time_for_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sender, "CONNECT_SECONDS", 0.2)
    with receiver() as there, deaf("127.0.0.2", there.port):
        url = f"http://hooks.example.com:{there.port}/"
        [outcome] = post(url, names=Names(["127.0.0.2", "127.0.0.1"]), timeout=2)
        [silent] = post(url, names=Names(["127.0.0.2"]), timeout=0.5)
    assert outcome.is_success
    assert silent.error == "No answer within 0.5 seconds."


def test_a_name_whose_servers_are_silent_holds_up_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    """Many attempts may wait for it at once, and again before the first question has ended."""
    ends, ask, questions = threading.Event(), socket.getaddrinfo, []

    def resolver(host: Any, *arguments: Any, **options: Any) -> Any:
        if host != "silent.example.com":
            return ask("127.0.0.1" if host == "hooks.example.com" else host, *arguments, **options)
        questions.append(host)
        ends.wait(10)
        raise socket.gaierror("too late")

    async def run(port: int) -> tuple[list[AttemptOutcome], AttemptOutcome]:
        sending = EventSender(networks=LOOPBACK, timeout=0.5)
        silent = (sending.post("http://silent.example.com:8080/", {}, b"") for _ in range(sender.RESOLVING_THREADS))
        unanswered = await asyncio.gather(*silent)
        outcome = await sending.post(f"http://hooks.example.com:{port}/", {}, b"")
        ends.set()
        await asyncio.sleep(0.05)
        await sending.aclose()
        return unanswered, outcome

    monkeypatch.setattr(socket, "getaddrinfo", resolver)
    with receiver() as there:
        unanswered, outcome = asyncio.run(run(there.port))
    assert {one.error for one in unanswered} == {"No answer within 0.5 seconds."}
    assert outcome.is_success
    assert len(questions) == 1


def test_a_name_that_changes_after_the_check_is_not_followed() -> None:
    """What was judged is what is connected to: nothing resolves the name a second time."""
    names = Names(["127.0.0.2"], ["127.0.0.1"])  # the second one is where the receiver listens
    allowed = (ipaddress.ip_network("127.0.0.2/32"),)
    with receiver() as there:
        [outcome] = post(f"http://hooks.example.com:{there.port}/", networks=allowed, names=names)
    assert "ConnectError" in outcome.error
    assert (names.calls, there.requests) == (1, [])


def test_a_name_that_changes_between_two_requests_is_judged_again() -> None:
    names = Names(["127.0.0.1"], ["10.0.0.1"])
    with receiver(respond(200, Connection="close")) as there:
        first, second = post(f"http://hooks.example.com:{there.port}/", names=names, times=2)
    assert first.is_success
    assert second.error == REFUSAL


def test_the_address_of_the_connected_socket_is_judged_too() -> None:
    """Linux connects 0.0.0.0 to the loopback: allowing the one does not allow the other."""
    allowed = (ipaddress.ip_network(EVERYWHERE),)
    with receiver() as there:
        [outcome] = post(f"http://hooks.example.com:{there.port}/", networks=allowed, names=Names([EVERYWHERE]))
    assert (outcome.error, there.requests) == (REFUSAL, [])


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_a_failure_and_not_followed(status: int) -> None:
    with receiver() as elsewhere, receiver(respond(status, Location=elsewhere.url)) as there:
        [outcome] = post(there.url)
    assert (outcome.status_code, outcome.is_success, elsewhere.requests) == (status, False, [])


def test_no_proxy_of_the_environment_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    with receiver() as proxy, receiver() as there:
        for name in ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
        [outcome] = post(there.url)
    assert outcome.is_success
    assert (len(there.requests), proxy.requests) == (1, [])


def test_no_more_than_the_beginning_of_an_answer_is_read() -> None:
    def endless(_request: Received, out: BufferedIOBase) -> bytes:
        out.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000000000\r\n\r\n")
        for _ in range(1000):
            out.write(b"a" * 65_536)
            time.sleep(0.001)
        return b""

    with receiver(endless) as there:
        [outcome] = post(there.url)
    assert outcome.is_success
    assert outcome.answer == "a" * 2048
    assert outcome.seconds < 0.5


def test_a_compressed_answer_is_not_unpacked() -> None:
    bomb = gzip.compress(b"a" * 10_000_000)
    with receiver(respond(200, bomb, Content_Encoding="gzip")) as there:
        [outcome] = post(there.url)
    assert outcome.answer.startswith("\x1f")
    assert len(outcome.answer) <= 2048


def test_all_of_an_attempt_ends_in_time() -> None:
    def drip(_request: Received, out: BufferedIOBase) -> bytes:
        out.write(b"HTTP/1.1 200 OK\r\n")
        for _ in range(100):
            out.write(b"X-More: a\r\n")
            time.sleep(0.05)
        return b"\r\n"

    with receiver(drip) as there:
        [outcome] = post(there.url, timeout=0.3)
    assert outcome.error == "No answer within 0.3 seconds."
    assert 0.3 <= outcome.seconds < 1


@pytest.mark.parametrize("answer", [b"", b"nonsense\r\n\r\n", b"HTTP/1.1 2000 OK\r\n\r\n", b"\x00" * 100])
def test_an_answer_that_is_no_http_is_a_failure(answer: bytes) -> None:
    def reply(_request: Received, out: BufferedIOBase) -> bytes:
        out.write(answer)
        raise OSError

    with receiver(reply) as there:
        [outcome] = post(there.url, timeout=1)
    assert not outcome.is_success
    assert outcome.error
    assert "\0" not in outcome.error


def test_what_is_kept_of_an_answer_is_text_that_postgresql_keeps() -> None:
    with receiver(respond(200, b"a\x00\xff")) as there:
        [outcome] = post(there.url)
    assert outcome.answer == "a\ufffd\ufffd"


def test_tls_verifies_the_name_and_not_the_address(tmp_path: Path) -> None:
    server, client = certified("hooks.example.com", tmp_path)
    with receiver(tls=server) as there:
        [right] = post(f"https://hooks.example.com:{there.port}/", names=Names(["127.0.0.1"]), tls=client)
        [wrong] = post(f"https://other.example.com:{there.port}/", names=Names(["127.0.0.1"]), tls=client)
        [strange] = post(f"https://hooks.example.com:{there.port}/", names=Names(["127.0.0.1"]))
    assert right.is_success
    assert "certificate verify failed" in wrong.error
    assert "certificate verify failed" in strange.error
    assert len(there.requests) == 1


def test_a_connection_is_used_again() -> None:
    names = Names(["127.0.0.1"])
    with receiver() as there:
        outcomes = post(f"http://hooks.example.com:{there.port}/", names=names, times=3)
    assert all(outcome.is_success for outcome in outcomes)
    assert names.calls == 1
