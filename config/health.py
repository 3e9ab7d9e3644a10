"""Health checks: alive (this process answers) and ready (the database can be used)."""

import logging
from functools import cache

import psycopg
from django.db import connection
from django.db.migrations.loader import MigrationLoader
from django.http import HttpRequest, HttpResponse, JsonResponse

from config.problems import problem_response
from config.problems.table import NOT_READY

logger = logging.getLogger("till.health")

TIMEOUT_SECONDS = 2


def alive() -> HttpResponse:
    return JsonResponse({"status": "ok"})


def live(request: HttpRequest) -> HttpResponse:  # noqa: ARG001
    """Behind config.asgi, the event loop answers this itself."""
    return alive()


def ready(request: HttpRequest) -> HttpResponse:  # noqa: ARG001
    checks = readiness()
    if all(result == "ok" for result in checks.values()):
        return JsonResponse({"status": "ok", "checks": checks})
    failed = ", ".join(f"{name}: {result}" for name, result in checks.items() if result != "ok")
    return problem_response(NOT_READY, detail=f"Not ready ({failed}).", extra={"checks": checks})


def readiness() -> dict[str, str]:
    """Ask PostgreSQL over a connection of its own: requests that hold the whole pool do not make us unready.

    Takes at most about twice TIMEOUT_SECONDS.
    """
    try:
        missing = latest_migrations() - applied_migrations()
    except psycopg.Error as error:
        logger.warning("readiness: %s: %s", type(error).__name__, error)
        return {"database": "unreachable", "migrations": "unknown"}
    return {"database": "ok", "migrations": f"{len(missing)} not applied" if missing else "ok"}


@cache
def latest_migrations() -> set[tuple[str, str]]:
    """The last migration of each app, from the code."""
    return set(MigrationLoader(None).graph.leaf_nodes())


def applied_migrations() -> set[tuple[str, str]]:
    parameters = connection.get_connection_params() | {
        "connect_timeout": TIMEOUT_SECONDS,
        "options": f"-c statement_timeout={TIMEOUT_SECONDS * 1000}",
    }
    try:
        with psycopg.connect(**parameters) as checked:
            return {(app, name) for app, name in checked.execute("SELECT app, name FROM django_migrations")}
    except psycopg.errors.UndefinedTable:
        return set()
