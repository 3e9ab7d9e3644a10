"""An endpoint that answers, and a wallet whose owner is alice."""

from collections.abc import Iterator

import pytest

from accounts.models import User
from tests.support.ledger import wallet_of
from tests.support.receivers import Receiver, receiver, respond


@pytest.fixture
def there(committed_db: None) -> Iterator[Receiver]:
    with receiver(respond(200, b"thanks")) as receiving:
        yield receiving


@pytest.fixture
def wallet(committed_db: None, alice: User) -> int:
    return wallet_of(alice)
