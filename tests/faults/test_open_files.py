"""Connections are open files: more slow clients than a soft limit allows keep nobody out."""

import resource
from collections.abc import Iterator
from contextlib import ExitStack, closing

import pytest

from tests.support.live import LiveTill
from tests.support.raw_http import RawConnection

pytestmark = pytest.mark.slow

SOFT_LIMIT = 256
SLOW_CLIENTS = 400


@pytest.fixture
def till(committed_db: None) -> Iterator[LiveTill]:
    """Started by somebody whose processes may open few files, unless they ask for more."""
    till = LiveTill(TILL_WORKERS="1")
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (SOFT_LIMIT, hard))
    try:
        till.start()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    yield till
    till.stop()


def test_more_slow_clients_than_the_soft_limit_keep_nobody_out(till: LiveTill) -> None:
    with ExitStack() as stack:
        for _ in range(SLOW_CLIENTS):
            stack.enter_context(closing(RawConnection(till.port))).send(b"GET / HT")
        honest = stack.enter_context(closing(RawConnection(till.port)))
        honest.send(b"GET /health/live HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n")
        assert honest.answer()[0] == 200
