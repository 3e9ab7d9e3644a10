"""What is written about a request, and what must never be."""

import json
import logging
import sys
from collections.abc import Iterator

import pytest
from django.contrib.auth.models import AnonymousUser
from django.test import Client, RequestFactory
from django.utils.functional import SimpleLazyObject
from rest_framework.test import APIClient

from accounts.models import User
from accounts.security_log import known_user_id
from config.server import request_log
from config.server.request_log import JsonFormatter, TextFormatter
from tests.support.log_records import record_of

TOKEN = "7-0f3c9a7d51b2e864.1vEabc.s1gnature"
API_KEY = f"till_k3Vb9TqLx0_{'s' * 43}"
JWT = "eyJhbGciOiJIUzI1NiJ9.eyJ1c2VyX2lkIjoxfQ.c2lnbmF0dXJl"


@pytest.fixture
def lines() -> Iterator[list[str]]:
    """Every line of every logger, as production would write it."""
    written: list[str] = []

    class Collector(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            written.append(self.format(record))

    collector = Collector()
    collector.setFormatter(JsonFormatter())
    logging.getLogger().addHandler(collector)
    yield written
    logging.getLogger().removeHandler(collector)


def test_the_request_log_writes_one_line_for_each_request(lines: list[str]) -> None:
    answer = Client().get("/nowhere?secret=1")
    assert len(lines) == 1
    line = json.loads(lines[0])
    assert (line["method"], line["path"], line["status"]) == ("GET", "/nowhere", 404)
    assert line["duration_ms"] >= 0
    assert line["request_id"] == answer.headers["X-Request-ID"]
    assert "secret" not in lines[0]


def test_the_request_log_keeps_a_sane_request_id_and_replaces_others() -> None:
    def given_back(offered: str) -> str:
        return Client().get("/health/live", headers={"X-Request-ID": offered}).headers["X-Request-ID"]

    assert given_back("abc-12345.x_y:z") == "abc-12345.x_y:z"
    for odd in ("short", "x" * 65, 'a"b\\cdefgh', "with space", "abcdefgh\u00e9", "${jndi:ldap}"):
        assert given_back(odd) != odd
        assert len(given_back(odd)) == 32


def test_the_request_log_forgets_the_request_id_afterwards() -> None:
    Client().get("/health/live")
    assert request_log.request_id.get() == ""


@pytest.mark.parametrize("address", ["/health/live", "/metrics", "/static/none.css"])
def test_the_request_log_is_silent_about_probes(lines: list[str], address: str) -> None:
    Client().get(address)
    assert lines == []


def test_the_request_log_is_silent_about_webhooks_that_did_not_break(lines: list[str]) -> None:
    for address in ("/payment/webhook", "/webhook/payment", "/api/v1/webhooks/nobody"):
        assert Client().put(address, data="{}", content_type="application/json").status_code < 500
    assert lines == []


@pytest.mark.django_db
@pytest.mark.parametrize("purpose", ["activate", "password/reset", "email"])
def test_the_request_log_never_writes_the_token_of_a_link(lines: list[str], purpose: str) -> None:
    for method in ("put", "delete"):
        getattr(Client(), method)(f"/api/v1/auth/{purpose}/{TOKEN}")
    assert lines
    assert not any(TOKEN in line or "s1gnature" in line for line in lines)
    assert all(f"/auth/{purpose}/***" in line for line in lines)


@pytest.mark.django_db
def test_the_request_log_hides_the_token_from_every_handler_of_the_access_log(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        Client().put(f"/api/v1/auth/activate/{TOKEN}")
    assert [record.name for record in caplog.records] == ["till.access"]
    assert TOKEN not in str(vars(caplog.records[0]))


@pytest.mark.django_db
def test_the_request_log_never_writes_a_body_or_a_header(lines: list[str]) -> None:
    Client().post(
        "/api/v1/auth/login",
        {"email": "alice@example.com", "password": "correct horse 42"},
        content_type="application/json",
        headers={"Authorization": f"Bearer {JWT}"},
    )
    assert lines
    assert not any("correct horse" in line or JWT in line for line in lines)


@pytest.mark.parametrize("formatter", [JsonFormatter(), TextFormatter()])
@pytest.mark.parametrize(
    ("message", "secret"),
    [
        (f"got Authorization: Bearer {JWT}", JWT),
        (f"a key {API_KEY} was typed", API_KEY.rpartition("_")[2]),
        (f"refresh {JWT} is unknown", JWT),
        (f"GET /api/v1/auth/activate/{TOKEN}?x=1", TOKEN),
        ("connecting to postgres://till:hunter2@db:5432/till", "hunter2"),
    ],
)
def test_the_request_log_masks_secrets_in_anybodys_line(
    formatter: logging.Formatter, message: str, secret: str
) -> None:
    line = formatter.format(record_of(message))
    assert secret not in line
    assert "***" in line


@pytest.mark.parametrize("formatter", [JsonFormatter(), TextFormatter()])
def test_the_request_log_masks_secrets_in_a_traceback(formatter: logging.Formatter) -> None:
    record = record_of("broken")
    try:
        raise ValueError(f"Bearer {JWT}")
    except ValueError:
        record.exc_info = sys.exc_info()
    line = formatter.format(record)
    assert "ValueError" in line
    assert JWT not in line


def test_the_request_log_masks_fields_by_their_name() -> None:
    line = json.loads(JsonFormatter().format(record_of("x", new_password="hunter2", secret_key="k", wallet=7)))
    assert (line["new_password"], line["secret_key"], line["wallet"]) == ("***", "***", 7)


@pytest.mark.parametrize("formatter", [JsonFormatter(), TextFormatter()])
def test_the_request_log_cannot_be_made_to_write_a_forged_line(formatter: logging.Formatter) -> None:
    line = formatter.format(record_of("a\r\nb\x1b[2J\u2028c\x85d\u202ee", path="x\ny"))
    text = str(json.loads(line)) if line.startswith("{") else line  # as somebody's viewer shows it
    assert not any(character in text for character in "\r\n\x1b\u2028\x85\u202e")


def test_the_request_log_writes_only_the_beginning_of_a_long_path(lines: list[str]) -> None:
    Client().get("/" + "a" * 2000)
    line = json.loads(lines[0])
    assert line["path"] == "/" + "a" * 499 + "…"
    assert line["message"] == f"GET {line['path']} 404"


def test_the_request_log_hides_what_the_cut_leaves_of_a_password(lines: list[str]) -> None:
    Client().get("/" + "a" * 470 + "/postgres://till:hunter2hunter2hunter2@db/")
    assert "hunter2" not in lines[0]


@pytest.mark.parametrize("formatter", [JsonFormatter(), TextFormatter()])
@pytest.mark.parametrize(
    ("message", "visible", "hidden"),
    [
        ("at eyJhbGciOi-_, then", "then", "hbGciOi"),
        ("a.b-c+d://till:hun:ter2@db", "@db", "ter2"),
        ("://:hunter2@db", "@db", "hunter2"),
        ("authorization: bearer \t hunter2 x", " x", "hunter2"),
        ("http://till/x:y z@w", "http://till/x:y z@w", "***"),
    ],
)
def test_the_request_log_masks_what_is_written_unusually(
    formatter: logging.Formatter, message: str, visible: str, hidden: str
) -> None:
    line = formatter.format(record_of(message))
    assert visible in line
    assert hidden not in line


@pytest.mark.parametrize("formatter", [JsonFormatter(), TextFormatter()])
def test_the_request_log_writes_no_control_characters_of_a_traceback(formatter: logging.Formatter) -> None:
    record = record_of("broken")
    try:
        raise ValueError("a\x1b[31mred\r\u202egnol")
    except ValueError:
        record.exc_info = sys.exc_info()
    line = formatter.format(record)
    line = json.loads(line)["traceback"] if line.startswith("{") else line
    assert not any(character in line for character in "\r\x1b\u202e")
    assert line.count("\n") > 2


def test_the_request_log_writes_a_forged_path_on_one_line(lines: list[str]) -> None:
    Client().get("/a%0d%0aINFO%20forged")
    assert len(lines) == 1
    assert "\n" not in lines[0]


def test_the_request_log_leaves_out_what_is_meant_for_a_terminal() -> None:
    line = json.loads(JsonFormatter().format(record_of("x", color_message="\x1b[36mx")))
    assert "color_message" not in line


def test_the_request_log_drops_what_is_no_plain_value() -> None:
    line = json.loads(JsonFormatter().format(record_of("x", thing=object(), count=2)))
    assert "thing" not in line
    assert line["count"] == 2


def test_the_request_log_names_the_user_only_when_already_known(rf: RequestFactory) -> None:
    def not_now() -> AnonymousUser:
        raise AssertionError("a log line asked the database")

    request = rf.get("/")
    assert known_user_id(request) is None
    request.user = SimpleLazyObject(not_now)  # type: ignore[assignment]  # as Django's middleware does
    assert known_user_id(request) is None
    request.user = AnonymousUser()
    assert known_user_id(request) is None


def test_the_request_log_names_the_user_who_asked(lines: list[str], alice: User, admin: User) -> None:
    api, staff = APIClient(), Client()
    api.force_authenticate(alice)
    api.get("/api/v1/users/me")
    staff.force_login(admin, backend="django.contrib.auth.backends.ModelBackend")
    staff.get("/admin/")
    records = [json.loads(line) for line in lines if "till.access" in line]
    assert [line["user_id"] for line in records] == [alice.pk, admin.pk]
