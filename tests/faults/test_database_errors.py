"""What the database refuses, delays or no longer answers: 503 when a retry helps, never a business error."""

import json
import socket
from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest
import pytest_django
from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.test import Client
from django.urls import include, path
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from config.urls import handler400, handler403, handler404, handler500
from config.urls import urlpatterns as real
from tests.support.sessions import end_sessions

raised: dict[str, Callable[[], None]] = {}


def raise_it(_request: HttpRequest, name: str) -> HttpResponse:
    raised[name]()
    return HttpResponse("fine")


class OpenView(APIView):
    authentication_classes = ()
    permission_classes = (AllowAny,)

    def post(self, _request: Request, name: str) -> Response:
        raised[name]()
        return Response({})


urlpatterns = [
    path("raise/<str:name>", raise_it),
    path("open/<str:name>", OpenView.as_view()),
    path("", include(real)),
]
__all__ = ["handler400", "handler403", "handler404", "handler500"]

pytestmark = [pytest.mark.postgres, pytest.mark.urls(__name__)]


@pytest.fixture
def web(request: pytest.FixtureRequest, django_db_blocker: pytest_django.DjangoDbBlocker) -> Iterator[Client]:
    """A client outside of any test transaction. Nothing here writes, so nothing is left behind."""
    request.getfixturevalue("django_db_setup")
    with django_db_blocker.unblock():
        yield Client(raise_request_exception=False)
        end_sessions()
    raised.clear()


def problem_of(response: Any, status: int, code: str) -> dict[str, Any]:
    assert response.status_code == status, response.content
    assert response.headers["Content-Type"] == "application/problem+json"
    body: dict[str, Any] = json.loads(response.content)
    assert body["code"] == code
    assert status != 503 or int(response.headers["Retry-After"]) >= 1
    return body


def in_database(statement: str, parameters: list[Any] | None = None) -> Callable[[], None]:
    def run() -> None:
        with connection.cursor() as cursor:
            cursor.execute(statement, parameters)

    return run


@pytest.fixture
def other_session(web: Client) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(**connection.get_connection_params()) as session:
        yield session
        session.rollback()


def test_the_api_answers_503_when_a_lock_is_not_given_in_time(
    web: Client, other_session: psycopg.Connection[Any]
) -> None:
    other_session.execute("LOCK TABLE django_migrations")
    raised["wait"] = in_database("SET lock_timeout = '50ms'; LOCK TABLE django_migrations")
    answer = web.post("/open/wait", content_type="application/json")
    problem_of(answer, 503, "database_busy")
    assert answer.headers["Retry-After"] == "1"


def test_the_api_answers_503_when_a_statement_takes_too_long(web: Client) -> None:
    raised["sleep"] = in_database("SET statement_timeout = '50ms'; SELECT pg_sleep(5)")
    problem_of(web.get("/raise/sleep"), 503, "database_busy")


@pytest.mark.parametrize("sqlstate", ["40001", "40P01", "25P03"])
def test_the_api_answers_503_for_conflicts_that_a_retry_solves(web: Client, sqlstate: str) -> None:
    raised["conflict"] = in_database(f"DO $$ BEGIN RAISE EXCEPTION 'x' USING ERRCODE = '{sqlstate}'; END $$")
    problem_of(web.get("/raise/conflict"), 503, "database_busy")


@pytest.mark.parametrize("sqlstate", ["25006", "53300", "57P01", "08006"])
def test_the_api_answers_503_when_the_server_goes_away(web: Client, sqlstate: str) -> None:
    raised["gone"] = in_database(f"DO $$ BEGIN RAISE EXCEPTION 'x' USING ERRCODE = '{sqlstate}'; END $$")
    problem_of(web.get("/raise/gone"), 503, "database_unavailable")


def test_the_api_answers_503_when_its_session_is_ended(web: Client, other_session: psycopg.Connection[Any]) -> None:
    def run() -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_backend_pid()")
            other_session.execute("SELECT pg_terminate_backend(%s)", cursor.fetchone())
            cursor.execute("SELECT 1")

    raised["ended"] = run
    problem_of(web.get("/raise/ended"), 503, "database_unavailable")


def test_the_api_answers_503_when_nobody_listens(web: Client) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound and not listening: nobody else can be there
        port = taken.getsockname()[1]

        def run() -> None:
            psycopg.connect(f"postgresql://nobody@127.0.0.1:{port}/nothing", connect_timeout=2)

        raised["connect"] = run
        answer = web.get("/raise/connect")
    problem_of(answer, 503, "database_unavailable")
    assert answer.headers["Retry-After"] == "5"


def test_the_api_answers_400_for_text_that_no_column_can_hold(web: Client) -> None:
    raised["nul"] = in_database("SELECT %s", ["a\0b"])
    problem_of(web.get("/raise/nul"), 400, "unreadable_text")


def test_the_api_calls_a_division_by_zero_what_it_is(web: Client) -> None:
    """Other errors of data are ours, not the client's."""
    raised["zero"] = in_database("SELECT 1/0")
    problem_of(web.get("/raise/zero"), 500, "internal_error")


def test_the_api_does_not_trust_a_cookie_with_a_nul(web: Client) -> None:
    web.cookies.load('sessionid="a\\000b"')
    assert web.get("/admin/").status_code in (302, 400)
