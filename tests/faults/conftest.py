"""A Till of one file's tests, with a PostgreSQL that they may kill."""

from collections.abc import Iterator

import pytest
from pytest_django.plugin import DjangoDbBlocker

from tests.support.own_till import OwnTill


@pytest.fixture(scope="module")
def own_till(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[OwnTill]:
    with django_db_blocker.unblock():
        till = OwnTill()
    try:
        till.manage("migrate", "seed_users", "seed_currencies")
        till.start()
        yield till
    finally:
        till.close()
