"""Health checks: alive (this process answers) and ready (the database can be used)."""

import asyncio
import logging
import time
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cache

import psycopg
from django.db import connection
from django.db.migrations.loader import MigrationLoader
from django.http import HttpRequest, HttpResponse, JsonResponse

from config.problems import problem_response
from config.problems.problem_types import NOT_READY

logger = logging.getLogger("till.health")

TIMEOUT_SECONDS = 2
#: A check that takes longer is an answer by itself.
DEADLINE_SECONDS = 5
#: A result is given again for so long: each check opens a connection.
CACHE_SECONDS = 0.5


def alive() -> HttpResponse:
    return JsonResponse({"status": "ok"})


def live(request: HttpRequest) -> HttpResponse:  # noqa: ARG001
    """Behind config.asgi, the event loop answers this itself."""
    return alive()


def ready(request: HttpRequest) -> HttpResponse:  # noqa: ARG001
    """Behind config.asgi, the event loop answers this itself."""
    return answer_for(readiness())


def answer_for(checks: dict[str, str]) -> HttpResponse:
    if all(result == "ok" for result in checks.values()):
        return JsonResponse({"status": "ok", "checks": checks})
    failed = ", ".join(f"{name}: {result}" for name, result in checks.items() if result != "ok")
    return problem_response(NOT_READY, detail=f"Not ready ({failed}).", extra={"checks": checks})


class ReadinessThread:
    """Checks in a thread of its own, one check at a time however many ask: no request keeps it waiting."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="till-readiness")
        self._check: Future[dict[str, str]] | None = None
        self._checked_at = 0.0

    async def checks(self) -> dict[str, str]:
        """Return what a check finds that is under way or ended a moment ago, in DEADLINE_SECONDS at most."""
        done, _ = await asyncio.wait([asyncio.wrap_future(self._current())], timeout=DEADLINE_SECONDS)
        return done.pop().result() if done else {"database": "no answer in time", "migrations": "unknown"}

    def _current(self) -> Future[dict[str, str]]:
        check = self._check
        if check is None or (check.done() and time.monotonic() > self._checked_at + CACHE_SECONDS):
            self._check = check = self._thread.submit(self._run)
        return check

    def _run(self) -> dict[str, str]:
        try:
            return readiness()
        finally:
            self._checked_at = time.monotonic()


_readiness_thread = ReadinessThread()


async def ready_in_time() -> HttpResponse:
    return answer_for(await _readiness_thread.checks())


def readiness() -> dict[str, str]:
    """Ask PostgreSQL over a connection of its own: requests that hold the whole pool do not make us unready.

    Takes at most about twice TIMEOUT_SECONDS.
    """
    try:
        database, applied = _query_state()
    except psycopg.Error as error:
        logger.warning("readiness: %s: %s", type(error).__name__, error)
        return {"database": "unreachable", "migrations": "unknown"}
    missing = latest_migrations() - applied
    return {"database": database, "migrations": f"{len(missing)} not applied" if missing else "ok"}


@cache
def latest_migrations() -> set[tuple[str, str]]:
    """The last migration of each app, from the code."""
    return set(MigrationLoader(None).graph.leaf_nodes())


_STATE = (
    "SELECT set_config('statement_timeout', %s, true), pg_is_in_recovery(), current_setting('transaction_read_only')"
)


def _query_state() -> tuple[str, set[tuple[str, str]]]:
    """Return whether the database can be written to ("ok", or what it is instead), and the migrations it has."""
    parameters = connection.get_connection_params() | {"connect_timeout": TIMEOUT_SECONDS}
    with psycopg.connect(**parameters) as checked:
        # In this block only: a pooler may give its session to others afterwards.
        state = checked.execute(_STATE, [str(TIMEOUT_SECONDS * 1000)]).fetchone() or ("", True, "on")
        database = "recovering" if state[1] else "read-only" if state[2] == "on" else "ok"
        try:
            return database, {*checked.execute("SELECT app, name FROM django_migrations")}
        except psycopg.errors.UndefinedTable:
            return database, set()
