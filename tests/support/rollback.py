"""Rows that all tests of a file share: to make them for each would take longer than what it does with them."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection, transaction
from django.test import TestCase
from pytest_django.plugin import DjangoDbBlocker

from payments.webhooks.receiving.provider_cache import provider_cache


@contextmanager
def kept_for_a_file(blocker: DjangoDbBlocker) -> Iterator[None]:
    """What is made here is there until the end of it, and then rolled back. For a fixture of a module."""
    with blocker.unblock(), rolled_back():
        yield


@contextmanager
def rolled_back() -> Iterator[None]:
    """Roll back all that the block does. Unlike in an atomic block, what calls itself durable may run in it."""

    class Block(TestCase):
        pass

    Block.setUpClass()
    try:
        yield
    finally:
        Block.tearDownClass()
        Block.doClassCleanups()


@contextmanager
def forgotten(*, check: bool = True) -> Iterator[None]:
    """Check the constraints that wait for a commit, and roll back what happens here. For each test of the file.

    Not an atomic block: what a request calls durable must not find itself in one.
    """
    provider_cache.invalidate()
    before = transaction.savepoint()
    try:
        yield
        if check and not transaction.get_rollback():
            connection.check_constraints()
    finally:
        transaction.savepoint_rollback(before)
        transaction.savepoint_commit(before)
        transaction.set_rollback(False)
        with connection.cursor() as cursor:
            cursor.execute("SET CONSTRAINTS ALL DEFERRED")  # what a request makes immediate is not rolled back
        provider_cache.invalidate()
