"""For pytest: the fixture `till_server`, a Till for all tests of a run.

Its checkout is named by `--till-checkout`, by `till_checkout` in pytest.ini, or by the variable TILL_CHECKOUT.
"""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from till_client.testing.server import TillServer, run_till


def pytest_addoption(parser: pytest.Parser) -> None:
    text = "the checkout of Till that the fixture till_server starts"
    parser.addoption("--till-checkout", help=text)
    parser.addini("till_checkout", help=text, default="")


@pytest.fixture(scope="session")
def till_checkout(pytestconfig: pytest.Config) -> Path:
    """Override it to say where the checkout is."""
    given = pytestconfig.getoption("--till-checkout") or pytestconfig.getini("till_checkout")
    checkout = given or os.environ.get("TILL_CHECKOUT")
    if not checkout:
        pytest.fail("say where Till's checkout is: --till-checkout, till_checkout in pytest.ini, or TILL_CHECKOUT")
    return Path(pytestconfig.rootpath, checkout)


@pytest.fixture(scope="session")
def till_environment() -> Mapping[str, str]:
    """Override it to give Till settings, such as `TILL_REGISTRATION_WALLETS`."""
    return {}


@pytest.fixture(scope="session")
def till_server(till_checkout: Path, till_environment: Mapping[str, str]) -> Iterator[TillServer]:
    with run_till(till_checkout, environment=till_environment) as server:
        yield server
