"""A request is answered in the language that it asks for, and only that request. Codes are the same in all."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from django.utils import translation
from django.utils.formats import date_format, localize_input, number_format

from accounts.models import User
from api.languages import language_of
from tests.support.ledger import wallet_of
from tests.support.rest import signed_in

BROWSERS = "ru-RU,ru;q=0.9,en;q=0.5"


def refused(client: Client, accepted: str | None = None, path: str = "/api/v1/wallets") -> Any:
    return client.get(path, headers={} if accepted is None else {"accept-language": accepted})


def is_russian(text: str) -> bool:
    return any("а" <= letter <= "я" for letter in text.lower())


@pytest.mark.parametrize(
    ("accepted", "language"),
    [
        ("", "en"),
        ("ru", "ru"),
        (BROWSERS, "ru"),
        ("en;q=0.5,ru-RU;q=0.9", "ru"),
        ("en-GB,en;q=0.9,ru;q=0.8", "en"),
        ("de,fr;q=0.9,ru;q=0.1", "ru"),
        ("de", "en"),
        ("*", "en"),
        ("*,ru;q=0.5", "ru"),
        ("ru;q=0", "en"),
        ("RU", "ru"),
        ("ru;q=2", "en"),
        ("ru,\x00", "en"),
        ("r" * 10_000, "en"),
        ("ru," + "x-y," * 2500, "ru"),
        ("../../etc/passwd", "en"),
        ("ру", "en"),
    ],
)
def test_the_best_of_tills_languages_is_taken(accepted: str, language: str) -> None:
    assert language_of(accepted) == language


@pytest.mark.parametrize("accepted", ["", "de", "*"])
def test_a_team_chooses_what_is_spoken_to_whoever_asks_for_nothing_else(settings: Any, accepted: str) -> None:
    settings.TILL_LANGUAGE = "ru"
    assert language_of(accepted) == "ru"
    assert language_of("en") == "en"


def test_a_problem_is_told_in_the_language_of_its_reader(client: Client, db: None) -> None:
    english, russian = refused(client), refused(client, BROWSERS)
    assert english.json()["code"] == russian.json()["code"] == "not_authenticated"
    assert not is_russian(english.content.decode())
    assert is_russian(russian.json()["detail"])
    assert (english.headers["Content-Language"], russian.headers["Content-Language"]) == ("en", "ru")
    assert "Accept-Language" in english.headers["Vary"]
    assert "Accept-Language" in russian.headers["Vary"]


@pytest.mark.parametrize("path", ["/api/v1/wallets", "/admin/login/", "/nothing", "/admin/nothing/"])
def test_a_language_ends_with_its_request(client: Client, db: None, path: str) -> None:
    assert refused(client, "ru", path).headers["Content-Language"] == "ru"
    assert translation.get_language() == "en"
    assert refused(client, None, path).headers["Content-Language"] == "en"


@pytest.mark.parametrize("path", ["/api/v1/schema", "/docs", "/redoc", "/docs/errors", "/metrics", "/health/live"])
def test_what_machines_read_is_the_same_in_every_language(client: Client, db: None, path: str) -> None:
    english, russian = refused(client, None, path), refused(client, "ru", path)
    assert "Content-Language" not in russian.headers
    assert english.headers.get("ETag") == russian.headers.get("ETag")
    if path != "/metrics":
        assert english.content == russian.content


@pytest.mark.parametrize("path", ["/payment/webhook", "/webhook/payment", "/api/v1/webhooks/acme"])
def test_a_provider_is_answered_in_english(client: Client, db: None, path: str) -> None:
    answer = client.post(path, "{}", "application/json", headers={"accept-language": "ru"})
    assert answer.status_code in (400, 401)
    assert not is_russian(answer.content.decode())


def test_staff_choose_another_language_than_their_browsers(client: Client, db: None) -> None:
    chosen = client.post("/admin/language/", {"language": "ru", "next": "/admin/login/"})
    assert (chosen.status_code, chosen.headers["Location"]) == (302, "/admin/login/")
    assert client.cookies["django_language"]["path"] == "/admin/"
    assert client.get("/admin/login/").headers["Content-Language"] == "ru"
    assert refused(client, "en", "/api/v1/wallets").headers["Content-Language"] == "en"
    client.cookies["django_language"] = "xx"
    assert refused(client, None, "/admin/login/").headers["Content-Language"] == "en"


def test_what_is_done_has_no_language(alice: User) -> None:
    wallet_of(alice, holding="1234.50")
    mine = signed_in(alice)
    english, russian = (mine.get("/api/v1/wallets", headers={"accept-language": kind}) for kind in ("en", "ru"))
    assert russian.status_code == 200
    assert english.content == russian.content
    assert "Content-Language" not in russian.headers


def test_a_russian_page_writes_amounts_and_times_as_an_english_one_does() -> None:
    at = datetime(2026, 12, 1, 4, 5, 6, tzinfo=UTC)
    with translation.override("ru"):
        assert [number_format(Decimal("1234.50")), str(localize_input(Decimal("1234.50")))] == ["1234.50"] * 2
        assert date_format(at, "DATETIME_FORMAT") == localize_input(at) == "2026-12-01 04:05:06"
        assert date_format(at, "DATE_FORMAT") == localize_input(at.date()) == "2026-12-01"
