"""Every error is the same kind of answer, whoever raised it and wherever."""

import json
import re
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest
from django.core import exceptions as django_errors
from django.db import OperationalError
from django.http import Http404, HttpRequest, HttpResponse
from django.test import Client, override_settings
from django.urls import include, path
from django.views.decorators.http import require_safe
from rest_framework import exceptions as drf_errors
from rest_framework import serializers
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts import services, tokens
from config.problems import PROBLEMS, problem_for
from config.problems.responses import field_errors
from config.problems.table import every_problem
from config.urls import handler400, handler403, handler404, handler500
from config.urls import urlpatterns as real

MEMBERS = {"type", "title", "status", "code", "detail", "errors"}
raised: dict[str, Callable[[], None]] = {}


def raise_it(_request: HttpRequest, name: str) -> HttpResponse:
    raised[name]()
    return HttpResponse("fine")


class OpenView(APIView):
    authentication_classes = ()
    permission_classes = (AllowAny,)

    def post(self, request: Request, name: str = "") -> Response:
        if name:
            raised[name]()
        return Response(request.data)


class LineSerializer(serializers.Serializer[Any]):
    amount = serializers.DecimalField(max_digits=10, decimal_places=2)


class OrderSerializer(serializers.Serializer[Any]):
    items = LineSerializer(many=True)
    note = serializers.CharField(max_length=3)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:  # noqa: ARG002
        raise serializers.ValidationError("Nothing is right.", code="hopeless")


class OrderView(APIView):
    authentication_classes = ()
    permission_classes = (AllowAny,)

    def post(self, request: Request) -> Response:
        OrderSerializer(data=request.data).is_valid(raise_exception=True)
        return Response(request.data)


urlpatterns = [
    path("raise/<str:name>", raise_it),
    path("admin/raise/<str:name>", raise_it),
    path("open", OpenView.as_view()),
    path("open/<str:name>", OpenView.as_view()),
    path("closed", APIView.as_view()),
    path("orders", OrderView.as_view()),
    path("safe", require_safe(lambda _request: HttpResponse("fine"))),
    path("", include(real)),
]
__all__ = ["handler400", "handler403", "handler404", "handler500"]

pytestmark = pytest.mark.urls(__name__)


@pytest.fixture
def raising() -> Iterator[Callable[[BaseException], str]]:
    def register(error: BaseException) -> str:
        def run() -> None:
            raise error

        name = uuid.uuid4().hex
        raised[name] = run
        return name

    yield register
    raised.clear()


@pytest.fixture
def web() -> Client:
    return Client(raise_request_exception=False)


def problem_of(response: Any, status: int, code: str) -> dict[str, Any]:
    assert response.status_code == status, response.content
    assert response.headers["Content-Type"] == "application/problem+json"
    body: dict[str, Any] = json.loads(response.content)
    assert body.keys() >= MEMBERS
    assert (body["status"], body["code"], body["type"]) == (status, code, f"/docs/errors#{code}")
    assert response.headers["X-Request-ID"]
    return body


FORESEEN = [
    (drf_errors.ValidationError({"amount": ["Wrong."]}), 400, "invalid_request"),
    (django_errors.ValidationError({"amount": ["Wrong."]}), 400, "invalid_request"),
    (drf_errors.ParseError("Odd."), 400, "malformed_json"),
    (drf_errors.NotAuthenticated(), 401, "not_authenticated"),
    (drf_errors.AuthenticationFailed("No.", code="token_invalid"), 401, "token_invalid"),
    (drf_errors.AuthenticationFailed("No.", code="token_expired"), 401, "token_expired"),
    (drf_errors.PermissionDenied(), 403, "permission_denied"),
    (django_errors.PermissionDenied(), 403, "permission_denied"),
    (drf_errors.NotFound(), 404, "not_found"),
    (Http404("No Wallet matches the given query."), 404, "not_found"),
    (drf_errors.NotAcceptable(), 406, "not_acceptable"),
    (django_errors.RequestDataTooBig(), 413, "body_too_large"),
    (drf_errors.UnsupportedMediaType("text/plain"), 415, "unsupported_media_type"),
    (drf_errors.Throttled(12), 429, "throttled"),
    (django_errors.SuspiciousOperation("Bad."), 400, "bad_request"),
    (django_errors.BadRequest("Bad."), 400, "bad_request"),
    (services.EmailTaken(), 409, "email_taken"),
    (tokens.ExpiredToken(), 401, "token_expired"),
    (OperationalError("could not connect to host secret.example"), 503, "database_unavailable"),
    (psycopg.OperationalError("the connection is lost"), 503, "database_unavailable"),
]


@pytest.mark.parametrize(("error", "status", "code"), FORESEEN, ids=lambda value: type(value).__name__)
@pytest.mark.parametrize("address", ["/raise/", "/open/"])
def test_a_problem_is_alike_inside_and_outside_of_rest_views(
    web: Client,
    raising: Callable[[BaseException], str],
    address: str,
    error: BaseException,
    status: int,
    code: str,
) -> None:
    problem_of(web.post(address + raising(error), data="{}", content_type="application/json"), status, code)


def test_the_table_finds_the_row_of_the_nearest_class() -> None:
    class Stolen(tokens.ExpiredToken):
        pass

    nearest = problem_for(Stolen())
    assert nearest is not None
    assert nearest.code == "token_expired"
    assert problem_for(KeyError("x")) is None


def test_an_unforeseen_error_is_told_to_nobody_but_the_log(
    web: Client, raising: Callable[[BaseException], str], caplog: pytest.LogCaptureFixture
) -> None:
    for address in ("/raise/", "/open/"):
        caplog.clear()
        answer = web.post(
            address + raising(RuntimeError("the vault is under the stairs")), content_type="application/json"
        )
        body = problem_of(answer, 500, "internal_error")
        assert "stairs" not in json.dumps(body)
        assert any(record.exc_info for record in caplog.records if record.name == "django.request")


def test_a_problem_does_not_leak_what_a_driver_says(web: Client, raising: Callable[[BaseException], str]) -> None:
    answer = web.get("/raise/" + raising(OperationalError("password authentication failed for host db.internal")))
    assert "internal" not in problem_of(answer, 503, "database_unavailable")["detail"]


@pytest.mark.parametrize("kind", [kind for kind in PROBLEMS if issubclass(kind, django_errors.ObjectDoesNotExist)])
def test_a_problem_does_not_leak_what_the_orm_says(
    web: Client, raising: Callable[[BaseException], str], kind: type[BaseException]
) -> None:
    answer = web.get("/raise/" + raising(kind("Wallet matching query does not exist.")))
    body = problem_of(answer, 404, PROBLEMS[kind].code)
    assert body["detail"] == (PROBLEMS[kind].detail or f"{body['title']}.")
    assert b"matching query" not in answer.content


def test_a_problem_says_what_a_plain_exception_carries(web: Client, raising: Callable[[BaseException], str]) -> None:
    error = services.LoginLocked("Wait.", retry_after=1)
    vars(error).update(field="email", retry_after=0.2, extra={"tries": 3, "status": 200})
    answer = web.get("/raise/" + raising(error))
    body = problem_of(answer, 429, "login_locked")
    assert answer.headers["Retry-After"] == "1"
    assert body["tries"] == 3
    assert body["errors"] == [{"field": "email", "code": "login_locked", "detail": body["detail"]}]


def test_a_problem_takes_the_docstring_when_an_exception_says_nothing(
    web: Client, raising: Callable[[BaseException], str]
) -> None:
    answer = web.get("/raise/" + raising(services.EmailTaken()))
    first_line = (services.EmailTaken.__doc__ or "").partition("\n")[0]
    assert problem_of(answer, 409, "email_taken")["detail"] in (first_line, str(services.EmailTaken()))


def test_every_401_has_a_challenge(web: Client, raising: Callable[[BaseException], str]) -> None:
    for answer in (
        web.get("/closed"),
        web.post("/open/" + raising(services.InvalidCredentials()), content_type="application/json"),
    ):
        assert answer.status_code == 401
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")


@pytest.mark.parametrize("error", [drf_errors.Throttled(0.3), drf_errors.Throttled(None), OperationalError("away")])
def test_a_problem_says_in_whole_seconds_when_to_come_back(
    web: Client, raising: Callable[[BaseException], str], error: BaseException
) -> None:
    assert int(web.get("/raise/" + raising(error)).headers["Retry-After"]) >= 1


# --- shapes ---
def test_a_problem_names_nested_fields_with_dots(web: Client) -> None:
    order = '{"items": [{"amount": 1}, {"amount": 1.234}, {}], "note": "long"}'
    body = problem_of(web.post("/orders", order, content_type="application/json"), 400, "invalid_request")
    assert [(item["field"], item["code"]) for item in body["errors"]] == [
        ("items.1.amount", "max_decimal_places"),
        ("items.2.amount", "required"),
        ("note", "max_length"),
    ]
    assert body["detail"].startswith("items.1.amount: ")


def test_a_problem_uses_null_for_an_error_about_the_whole_request(web: Client) -> None:
    body = problem_of(
        web.post("/orders", '{"items": [], "note": "x"}', content_type="application/json"),
        400,
        "invalid_request",
    )
    assert body["errors"] == [{"field": None, "code": "hopeless", "detail": "Nothing is right."}]
    assert body["detail"] == "Nothing is right."


def test_a_problem_flattens_lists_of_lists() -> None:
    detail = {"a": [{}, {"b": {"c": ["x", "y"]}}], "non_field_errors": ["z"]}
    assert [item["field"] for item in field_errors(detail)] == ["a.1.b.c", "a.1.b.c", None]


def test_a_405_comes_with_allow(web: Client) -> None:
    for address, allowed in (("/open", "POST"), ("/safe", "GET")):
        answer = web.delete(address)
        problem_of(answer, 405, "method_not_allowed")
        assert allowed in answer.headers["Allow"]


def test_a_406_is_a_problem_too(web: Client) -> None:
    problem_of(
        web.post("/open", "{}", content_type="application/json", headers={"Accept": "image/png"}),
        406,
        "not_acceptable",
    )


# --- before any view ---
@pytest.mark.parametrize("address", ["/nowhere", "/api/v1/nowhere", "/%ff%fe", "/api/v1/%zz", "/docs/", "/a//b"])
def test_an_address_that_does_not_exist_is_a_problem(web: Client, address: str) -> None:
    problem_of(web.get(address), 404, "not_found")


@pytest.mark.parametrize("address", ["/safe?a=%00", "/%00", "/api/v1/users/me?x=a%00b"])
def test_a_nul_in_the_address_is_refused(web: Client, address: str) -> None:
    problem_of(web.get(address), 400, "unreadable_text")


def test_a_query_that_is_not_unicode_is_survived(web: Client) -> None:
    assert web.get("/safe?a=%ff&%ff=%zz").status_code == 200


def test_a_foreign_host_is_refused(web: Client) -> None:
    problem_of(web.get("/safe", headers={"Host": "evil.example"}), 400, "bad_request")


@override_settings(DATA_UPLOAD_MAX_MEMORY_SIZE=10)
def test_a_large_body_is_refused_by_its_announced_length(web: Client) -> None:
    problem_of(web.post("/open", '{"a": "123456"}', content_type="application/json"), 413, "body_too_large")


@pytest.mark.parametrize("length", ["-1", "x", "1e3", "٣", "9" * 30])
def test_a_length_that_is_no_number_is_refused(web: Client, length: str) -> None:
    problem_of(web.generic("POST", "/open", b"", CONTENT_LENGTH=length), 400, "bad_request")


def test_a_missing_csrf_token_is_a_problem() -> None:
    strict = Client(enforce_csrf_checks=True)
    problem_of(strict.post("/raise/x"), 403, "csrf_failed")


# --- the staff site keeps its pages ---
def test_the_staff_site_answers_html(web: Client, raising: Callable[[BaseException], str]) -> None:
    for error, status in (
        (Http404(), 404),
        (django_errors.PermissionDenied(), 403),
        (RuntimeError("stairs"), 500),
    ):
        answer = web.get("/admin/raise/" + raising(error))
        assert answer.status_code == status
        assert answer.headers["Content-Type"].startswith("text/html")
        assert b"stairs" not in answer.content


def test_the_staff_site_says_503_when_the_database_is_lost(
    web: Client, raising: Callable[[BaseException], str]
) -> None:
    answer = web.get("/admin/raise/" + raising(OperationalError("away")))
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
    assert b"The database cannot be reached" in answer.content


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (django_errors.SuspiciousOperation(), 400),
        (OperationalError("away"), 503),
        (services.OwnAccount("Not you."), 409),
    ],
)
def test_a_browser_on_the_staff_site_is_answered_with_a_page(
    web: Client, raising: Callable[[BaseException], str], error: Exception, status: int
) -> None:
    answer = web.get("/admin/raise/" + raising(error))
    assert (answer.status_code, answer.headers["Content-Type"]) == (status, "text/html; charset=utf-8")
    assert b"<h1>" in answer.content
    assert web.post("/admin/raise/x", b"", content_type="text/plain", CONTENT_LENGTH="x").content.startswith(b"<!DOC")


# --- the page ---
def test_the_docs_explain_every_code(web: Client) -> None:
    page = web.get("/docs/errors").content.decode()
    for problem in every_problem():
        assert f'id="{problem.code}"' in page


def test_one_code_has_one_meaning() -> None:
    rows = every_problem()
    assert len({problem.code for problem in rows}) == len(rows)
    assert set(PROBLEMS.values()) <= set(rows)


#: Words of the code that nobody outside knows, and "account" where a user is meant.
INNER_WORDS = re.compile(r"\b(?:postings?|movements?|deeds?|verdicts?|strict JSON|accounts?)\b", re.IGNORECASE)


def test_no_title_or_detail_speaks_in_inner_words() -> None:
    texts = [(problem.code, text) for problem in every_problem() for text in (problem.title, problem.detail)]
    ours = ("accounts.", "catalog.", "config.", "payments.")
    for error, problem in PROBLEMS.items():
        if error.__module__.startswith(ours) and not problem.detail:  # then the first line is what a client reads
            texts.append((problem.code, (error.__doc__ or "").partition("\n")[0]))
    assert len(texts) > 200
    assert [(code, text) for code, text in texts if INNER_WORDS.search(text)] == []
