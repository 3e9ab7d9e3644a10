"""One Till for all tests of a file, from this checkout."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from demo_till import JWT_KEY, ROOT
from faulty_http_proxy import FaultyHttpProxy

from till_client import Till
from till_client.testing import TillServer
from till_client.testing.plugin import till_server as plain_till_server

__all__ = ["plain_till_server"]


@pytest.fixture(scope="session")
def till_checkout() -> Path:
    return ROOT


@pytest.fixture(scope="session")
def till_environment() -> Mapping[str, str]:
    return {"TILL_JWT_KEY": JWT_KEY}


@pytest.fixture(scope="session")
def leftovers() -> Iterator[list[Path]]:
    """What must be gone when the server was stopped: it comes before the server, so it ends after it."""
    paths: list[Path] = []
    yield paths
    assert not [path for path in paths if path.exists()]


@pytest.fixture(scope="session")
def till_server(leftovers: list[Path], plain_till_server: TillServer) -> TillServer:
    data = plain_till_server.data
    postgres = (data / "postgres" / "data" / "postmaster.pid").read_text().splitlines()[0]
    leftovers += [data, Path("/proc", postgres)]
    assert all(path.exists() for path in leftovers)
    return plain_till_server


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
