"""Rates: everybody reads them, admins set them, and too old ones are marked."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.utils import timezone

from accounts.models import Role
from payments.models import Currency, ExchangeRate
from tests.support.exchanges import RATES, store_rate
from tests.support.rest import refused, signed_in, succeeded

USD_EUR = f"{RATES}/USD/EUR"


def put(user: Any, path: str = USD_EUR, **body: Any) -> Any:
    return signed_in(user).put(path, {"rate": "0.9", **body})


# --- reading ---
def test_the_rate_list_shows_each_direction_with_ten_decimals(alice: Any) -> None:
    store_rate("USD", "EUR", "0.9")
    store_rate("EUR", "USD", "1.1")
    rates = succeeded(signed_in(alice).get(RATES), 200)["results"]
    assert rates[0].pop("as_of").endswith("Z")
    assert rates[0] == {
        "source_currency": "USD", "target_currency": "EUR", "rate": "0.9000000000", "origin": "test",
        "is_stale": False,
    }  # fmt: skip
    assert (rates[1]["source_currency"], rates[1]["rate"]) == ("EUR", "1.1000000000")
    assert succeeded(signed_in(alice).get(USD_EUR), 200)["rate"] == "0.9000000000"


def test_filters_narrow_the_list_of_rates_and_it_has_pages(alice: Any) -> None:
    for source, target in (("USD", "EUR"), ("USD", "GBP"), ("EUR", "USD")):
        store_rate(source, target)
    client = signed_in(alice)

    def pairs(**query: Any) -> list[str]:
        rows = succeeded(client.get(RATES, query), 200)["results"]
        return [f"{row['source_currency']}-{row['target_currency']}" for row in rows]

    assert pairs(source_currency="USD") == ["USD-EUR", "USD-GBP"]
    assert pairs(target_currency="USD") == ["EUR-USD"]
    page = succeeded(client.get(RATES, {"limit": 2}), 200)
    assert len(page["results"]) == 2
    assert len(succeeded(client.get(page["next"]), 200)["results"]) == 1
    refused(client.get(RATES, {"source": "USD"}), 400, "invalid_request", "source")
    refused(client.get(USD_EUR, {"limit": "1"}), 400, "invalid_request", "limit")


@pytest.mark.parametrize(("hours", "stale"), [(95.9, False), (96.1, True)])
def test_the_rate_list_marks_what_is_too_old(alice: Any, hours: float, stale: bool) -> None:
    store_rate(hours_old=hours)
    assert succeeded(signed_in(alice).get(USD_EUR), 200)["is_stale"] is stale


def test_strangers_and_services_see_nothing(client: Any, alice: Any) -> None:
    assert client.get(RATES).status_code == 401
    alice.take_role(Role.SERVICE)
    assert [signed_in(alice).get(path).status_code for path in (RATES, USD_EUR)] == [403, 403]


def test_an_unknown_direction_is_not_found(alice: Any) -> None:
    refused(signed_in(alice).get(USD_EUR), 404, "rate_not_found")
    refused(signed_in(alice).get(f"{RATES}/usd/EUR"), 404, "not_found")


# --- setting ---
def test_an_admin_sets_and_replaces_a_rate(admin: Any) -> None:
    body = succeeded(put(admin, rate="0.87654321"), 200)
    assert (body["rate"], body["origin"], body["is_stale"], body["warnings"]) == ("0.8765432100", "staff", False, [])
    moment = timezone.now() - timedelta(hours=5)
    again = succeeded(put(admin, rate=Decimal("0.9"), origin="desk", as_of=moment.isoformat()), 200)
    assert (again["rate"], again["origin"]) == ("0.9000000000", "desk")
    rate = ExchangeRate.objects.get()
    assert (rate.rate, rate.as_of) == (Decimal("0.9"), moment)


def test_a_rate_notes_who_set_it(admin: Any) -> None:
    put(admin)
    put(admin, rate="0.95")
    signed_in(admin).delete(USD_EUR)
    messages = [entry.change_message for entry in LogEntry.objects.filter(user=admin).order_by("pk")]
    assert [message.split(",")[0] for message in messages] == ["Added: 0.9", "Set: 0.95", "Removed: was 0.9500000000"]


def test_a_way_there_and_back_that_gains_is_warned_of_and_set_all_the_same(admin: Any) -> None:
    store_rate("EUR", "USD", "1.15")
    [warning] = succeeded(put(admin, rate="0.9"), 200)["warnings"]
    assert "USD to EUR and back gains" in warning
    assert ExchangeRate.objects.get(source_currency="USD").rate == Decimal("0.9")
    assert succeeded(put(admin, rate="0.85"), 200)["warnings"] == []


@pytest.mark.parametrize("value", ["0", "-1", "0.00000000001", "0.90000000000", "1000000000000000000", "9" * 60])
def test_what_is_no_rate_is_refused(admin: Any, value: str) -> None:
    refused(put(admin, rate=value), 422, "invalid_rate", "rate")
    assert not ExchangeRate.objects.exists()


def test_a_refused_rate_says_how_much_ten_decimals_would_lose(admin: Any) -> None:
    problem = put(admin, f"{RATES}/JPY/BTC", rate="0.000000000375").json()
    assert "at most 10 decimal places; the rest would be 20.0000% of it" in problem["errors"][0]["detail"]


@pytest.mark.parametrize("value", ["NaN", "1e1", "", None, True, [], "0,9", "٩"])
def test_what_is_no_number_is_refused(admin: Any, value: Any) -> None:
    refused(put(admin, rate=value), 400, "invalid_request", "rate")


def test_a_time_to_come_is_refused(admin: Any) -> None:
    moment = timezone.now() + timedelta(hours=1)
    refused(put(admin, as_of=moment.isoformat()), 422, "invalid_rate", "as_of")


@pytest.mark.parametrize(("pair", "field"), [("XXX/EUR", "source"), ("USD/XXX", "target"), ("JPY/EUR", "source")])
def test_a_currency_that_is_not_in_use_is_refused(admin: Any, pair: str, field: str) -> None:
    Currency.objects.filter(pk="JPY").update(is_active=False)
    refused(put(admin, f"{RATES}/{pair}"), 422, "currency_unavailable", field)


def test_a_rate_from_a_currency_to_itself_is_refused(admin: Any) -> None:
    refused(put(admin, f"{RATES}/USD/USD"), 422, "invalid_rate", "target")


def test_an_admin_removes_a_rate(admin: Any) -> None:
    store_rate()
    assert signed_in(admin).delete(USD_EUR).status_code == 204
    refused(signed_in(admin).delete(USD_EUR), 404, "rate_not_found")


def test_mallory_sets_and_removes_nothing(mallory: Any) -> None:
    store_rate()
    refused(put(mallory, rate="100"), 403, "permission_denied")
    refused(signed_in(mallory).delete(USD_EUR), 403, "permission_denied")
    assert ExchangeRate.objects.get().rate == Decimal("0.9")


# --- a rate that moves far ---
def test_a_rate_that_moves_by_more_than_a_tenth_is_set_only_when_confirmed(admin: Any) -> None:
    store_rate("USD", "EUR", "0.9")
    for value in ("0.99", "0.891", "0.9"):
        assert succeeded(put(admin, rate=value), 200)["rate"] == f"{Decimal(value):.10f}"
    for value in ("0.9900000001", "0.8099999999", "1000000", "0.0000000001"):
        body = refused(put(admin, rate=value), 409, "confirm_required", "confirm")
        assert (body["last_rate"], Decimal(body["new_rate"])) == ("0.9000000000", Decimal(value))
        assert ExchangeRate.objects.get().rate == Decimal("0.9")
    assert succeeded(put(admin, rate="1000000", confirm=True), 200)["rate"] == "1000000.0000000000"
    assert "Was 0.9000000000; confirmed." in LogEntry.objects.latest("pk").change_message


def test_a_rate_of_a_new_direction_is_held_against_the_way_back(admin: Any) -> None:
    store_rate("EUR", "USD", "1.25")
    refused(put(admin, rate="0.9"), 409, "confirm_required", "confirm")
    assert succeeded(put(admin, rate="0.8"), 200)["rate"] == "0.8000000000"


def test_removing_a_rate_does_not_forget_what_it_was_where_the_way_back_stands(admin: Any) -> None:
    store_rate("EUR", "USD", "1.25")
    store_rate("USD", "EUR", "0.8")
    assert signed_in(admin).delete(USD_EUR).status_code == 204
    refused(put(admin, rate="1000000"), 409, "confirm_required", "confirm")
