"""One Till for all tests of a file, from this checkout."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from faulty_http_proxy import FaultyHttpProxy

from till_client import Retries, Till
from till_client.testing import TillServer
from till_client.testing.plugin import till_server

__all__ = ["till_server"]

ROOT = Path(__file__).resolve().parents[3]
#: With it a test makes a token that has expired.
JWT_KEY = "a-key-of-the-tests-0123456789-abcdefghijklmnopqrstuvwxyz"
QUICK = Retries(first_pause=0.01, max_pause=0.05, deadline=10)


@pytest.fixture(scope="session")
def till_checkout() -> Path:
    return ROOT


@pytest.fixture(scope="session")
def till_environment() -> Mapping[str, str]:
    return {"TILL_JWT_KEY": JWT_KEY}


@pytest.fixture
def proxy(till_server: TillServer) -> Iterator[FaultyHttpProxy]:
    with FaultyHttpProxy(till_server.url) as proxy:
        yield proxy


@pytest.fixture
def alice(till_server: TillServer) -> Iterator[Till]:
    with Till(till_server.url, email=till_server.user, password=till_server.password) as till:
        yield till


@pytest.fixture
def bob(till_server: TillServer) -> Iterator[Till]:
    with Till(till_server.url, email=till_server.other_user, password=till_server.password) as till:
        yield till


@pytest.fixture
def admin(till_server: TillServer) -> Iterator[Till]:
    with Till(till_server.url, email=till_server.admin, password=till_server.password) as till:
        yield till
