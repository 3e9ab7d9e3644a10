"""Functions that ask PostgreSQL, run in threads so that the event loop goes on."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

from django.db import connections

P = ParamSpec("P")
T = TypeVar("T")


class DatabaseThreads:
    """A few threads, each with a connection from the pool for as long as one function runs."""

    def __init__(self, number: int) -> None:
        self._threads = ThreadPoolExecutor(number, "database")

    async def run(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, lambda: _and_give_back(function, *args, **kwargs))


def _and_give_back(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    try:
        return function(*args, **kwargs)
    finally:
        connections.close_all()
