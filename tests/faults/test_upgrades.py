"""Till is replaced by another release under load: nobody is refused, and kept connections are told to go."""

import http.client
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from config.server.http_protocol import FAREWELL_SECONDS, Protocol
from tests.support.http import PLAIN
from tests.support.live import READY_SECONDS, ROOT, LiveTill
from tests.support.uvicorn_here import serving

pytestmark = pytest.mark.slow

#: What systemd does for a service with a socket: the third file is the listening socket, whoever serves it.
ACTIVATE = """
import os, sys
os.dup2(int(sys.argv[1]), 3)
os.environ |= {"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": "1"}
os.execv(sys.executable, [sys.executable, "-m", "gunicorn", "-c", "config/gunicorn.conf.py"])
"""


def masters() -> dict[int, int]:
    """The processes of the machine that run gunicorn, with their parents."""
    parents = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            words, status = (folder / "cmdline").read_bytes().split(b"\0"), (folder / "stat").read_text()
        except OSError:
            continue
        if b"config/gunicorn.conf.py" in words:
            parents[int(folder.name)] = int(status.rpartition(") ")[2].split()[1])
    return parents


def until(condition: Callable[[], Any], what: str) -> Any:
    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline:
        if result := condition():
            return result
        time.sleep(0.05)
    raise AssertionError(f"in vain: {what}")


@contextmanager
def load(port: int) -> Iterator[list[str]]:
    """Ask all the time, over a connection that is kept and over new ones; yield what went wrong."""
    wrong: list[str] = []
    is_over = threading.Event()

    def ask(*, keeps_alive: bool) -> None:
        line = http.client.HTTPConnection("127.0.0.1", port, timeout=READY_SECONDS)
        while not is_over.is_set():
            try:
                line.request("GET", "/health/live")
                answer = line.getresponse()
                answer.read()  # one that says "close" makes the client open another
            except (OSError, http.client.HTTPException) as error:
                wrong.append(repr(error))
                line.close()
            else:
                wrong.extend([str(answer.status)] * (answer.status != 200))
            if not keeps_alive:
                line.close()
            is_over.wait(0.01)
        line.close()

    threads = [threading.Thread(target=ask, kwargs={"keeps_alive": keeps_alive}) for keeps_alive in (True, False)]
    for thread in threads:
        thread.start()
    try:
        yield wrong
    finally:
        is_over.set()
        for thread in threads:
            thread.join()


@pytest.fixture
def till(committed_db: None) -> Iterator[LiveTill]:
    live = LiveTill(TILL_WORKERS="1")
    yield live
    live.stop()


def test_sigusr2_replaces_it_without_a_refused_request_and_sighup_changes_nothing(till: LiveTill) -> None:
    till.start()
    assert till.process
    old, new = till.process.pid, 0
    workers = children(old)
    try:
        with load(till.port) as wrong:
            os.kill(old, signal.SIGHUP)  # heard before the other: gunicorn takes them in their order
            os.kill(old, signal.SIGUSR2)
            new = until(lambda: successor(old), "there is no other master")
            assert children(old) - {new} == workers
            assert till.process.wait(READY_SECONDS) == 0
            assert httpx.get(f"{till.url}/health/ready", verify=PLAIN).status_code == 200
        assert wrong == []
    finally:
        if new:
            os.kill(new, signal.SIGTERM)
            until(lambda: new not in masters(), "the new master does not stop")


def children(master: int) -> set[int]:
    return {pid for pid, parent in masters().items() if parent == master}


def successor(old: int) -> int:
    return next((pid for pid in children(old) if is_successor(pid, old)), 0)


def is_successor(pid: int, old: int) -> bool:
    """Tell a master that the old one started from one of its workers: it has another environment."""
    try:
        return f"GUNICORN_PID={old}".encode() in Path(f"/proc/{pid}/environ").read_bytes()
    except OSError:
        return False


def test_a_socket_that_is_kept_open_makes_clients_wait_for_the_next_one(till: LiveTill) -> None:
    with socket.create_server(("127.0.0.1", till.port), backlog=128) as listening:
        first = second = activated(till, listening)
        try:
            until(lambda: answers(till.url), "it does not answer")
            with load(till.port) as wrong:
                first.terminate()
                assert first.wait(READY_SECONDS) == 0
                second = activated(till, listening)
                until(lambda: answers(till.url), "the next one does not answer")
            assert wrong == []
        finally:
            for process in (first, second):
                process.terminate()
                process.wait(READY_SECONDS)


def activated(till: LiveTill, listening: socket.socket) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-c", ACTIVATE, str(listening.fileno())]
    return subprocess.Popen(command, cwd=ROOT, env=till.environment, pass_fds=[listening.fileno()])


def answers(url: str) -> bool:
    return httpx.get(f"{url}/health/ready", timeout=READY_SECONDS, verify=PLAIN).status_code == 200


# --- one worker that is about to end --------------------------------------------------------------------------


async def application(_scope: Any, _receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"ok"})


class Known(Protocol):
    """The connections of the test's server."""

    ours: list["Known"]

    def connection_made(self, transport: Any) -> None:
        self.ours.append(self)
        super().connection_made(transport)


@pytest.fixture
def connections() -> Iterator[tuple[int, list[Known]]]:
    Known.ours = []
    with serving(application, Known, loop="uvloop", lifespan="off") as port:
        yield port, Known.ours


def test_a_kept_connection_is_answered_once_more_and_told_to_go(connections: tuple[int, list[Known]]) -> None:
    port, ours = connections
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=20)) as line:
        line.request("GET", "/")
        first = line.getresponse()
        assert (first.read(), first.headers["connection"]) == (b"ok", None)
        ours[0].loop.call_soon_threadsafe(ours[0].shutdown)
        until(lambda: ours[0].is_draining, "it does not hear")
        line.request("GET", "/")
        last = line.getresponse()
        assert (last.read(), last.headers["connection"]) == (b"ok", "close")


def test_a_silent_connection_is_closed_after_a_moment(connections: tuple[int, list[Known]]) -> None:
    port, ours = connections
    with socket.create_connection(("127.0.0.1", port), timeout=20) as line:
        until(lambda: ours, "nobody is there")
        started = time.monotonic()
        ours[0].loop.call_soon_threadsafe(ours[0].shutdown)
        assert line.recv(1) == b""
        assert FAREWELL_SECONDS * 0.9 < time.monotonic() - started < FAREWELL_SECONDS * 15
