"""Calls in threads of their own, each with a connection of its own."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from threading import Barrier
from typing import Any, TypeVar

from django.db import connection

T = TypeVar("T")


def at_once(*calls: Callable[[], Any]) -> list[Any]:
    """Make the calls at the same moment; return their results in order."""
    connection.close()
    with ThreadPoolExecutor(len(calls)) as threads:
        return released_together(threads, [partial(_patiently, call) for call in calls])


def released_together(threads: ThreadPoolExecutor, calls: Sequence[Callable[[], T]]) -> list[T]:
    """Make each call in one of these threads, none before all are there; the threads' connections stay open."""
    start = Barrier(len(calls))

    def run(call: Callable[[], T]) -> T:
        start.wait(30)
        return call()

    return list(threads.map(run, calls))


def in_another_thread(call: Callable[[], T]) -> T:
    """Make the call while this thread keeps its connection and its locks."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(closing_connection, call).result()


def closing_connection(call: Callable[..., T], *arguments: Any) -> T:
    """What a thread is given: it must not end with a connection that nobody closes."""
    try:
        return call(*arguments)
    finally:
        connection.close()


def _patiently(call: Callable[[], T]) -> T:
    with patient_locks():
        return call()


@contextmanager
def patient_locks() -> Iterator[None]:
    """Wait for locks as long as it takes: so many threads of one process are slow, and time is not what is tested."""
    with connection.cursor() as cursor:
        cursor.execute("SET lock_timeout = '60s'")
    patient: Any = connection.connection
    try:
        yield
        assert connection.connection is patient, "a patient session went back to the pool, where other tests meet it"
    finally:
        patient.close()  # so the pool discards it
        connection.close()
