"""What the shop's tests share; alice, bob, mallory and admin come from the root conftest."""

from collections.abc import Callable
from typing import Any

import pytest

from catalog.models import Product
from payments.models import Wallet
from tests.support.ledger import wallet_with
from tests.support.purchases import a_product


@pytest.fixture(autouse=True)
def database(request: pytest.FixtureRequest) -> None:
    """Every test here needs PostgreSQL: rolled back, or committed and emptied where threads must see it."""
    request.getfixturevalue("committed_db" if "committed_db" in request.fixturenames else "db")


@pytest.fixture
def pen() -> Product:
    return a_product()


@pytest.fixture
def wallet(alice: Any) -> Wallet:
    """Alice's 100 dollars."""
    return wallet_with(alice, "USD", "100")


@pytest.fixture
def others(bob: Any, mallory: Any) -> Callable[[], list[Any]]:
    """Bob and mallory, neither of whom owns what the test is about."""
    return lambda: [bob, mallory]
