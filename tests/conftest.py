"""The cast of the tests that ask for every operation."""

from collections.abc import Iterator

import pytest
from pytest_django.plugin import DjangoDbBlocker

from tests.support.one_cast import Cast, one_cast
from tests.support.rollback import forgotten


@pytest.fixture(scope="module")
def shared_cast(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[Cast]:
    with one_cast(django_db_blocker) as cast:
        yield cast


@pytest.fixture
def cast(shared_cast: Cast) -> Iterator[Cast]:
    """One for a file's tests: what a test does with it is rolled back."""
    with forgotten():
        yield shared_cast
