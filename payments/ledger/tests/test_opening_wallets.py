"""What a new user begins with, what he opens himself, and the currencies that staff open."""

from typing import Any

import pytest
from django.contrib.admin.models import LogEntry

from accounts import services
from accounts.models import Role, User
from payments.ledger.services.currencies import change_currency
from payments.models import Currency, Wallet
from tests.support import recipes
from tests.support.admin_forms import loaded
from tests.support.admin_pages import staff_client
from tests.support.ledger import clearing_wallet
from tests.support.notices import credit
from tests.support.rest import signed_in

URL, CURRENCIES = "/api/v1/wallets", "/api/v1/currencies"
EVERY = ["BTC", "EUR", "GBP", "JPY", "USD"]


def new_user(**fields: Any) -> User:
    return services.create_user(email="new@example.com", password="a good long password", **fields)


def held_by(user: User) -> list[str]:
    return list(Wallet.objects.filter(owner=user).order_by("currency").values_list("currency", flat=True))


# --- registration -------------------------------------------------------------------------------------------


def test_a_new_user_has_a_wallet_in_every_currency_in_use(db: None) -> None:
    Currency.objects.filter(pk="GBP").update(is_active=False)
    assert held_by(new_user()) == ["BTC", "EUR", "JPY", "USD"]


@pytest.mark.parametrize(("setting", "expected"), [("all", EVERY), ("default", ["EUR"]), ("none", [])])
def test_a_setting_says_which(db: None, settings: Any, setting: str, expected: list[str]) -> None:
    settings.TILL_REGISTRATION_WALLETS, settings.TILL_DEFAULT_CURRENCY = setting, "EUR"
    assert held_by(new_user()) == expected


def test_who_registers_finds_them_after_activation(client: Any, db: None) -> None:
    data = {"email": "new@example.com", "password": "a good long password"}
    registered = client.post("/api/v1/auth/register", data, "application/json").json()
    assert client.post(registered["activation_url"]).status_code == 200
    token = client.post("/api/v1/auth/login", data, "application/json").json()["access"]
    wallets = client.get(URL, headers={"authorization": f"Bearer {token}"}).json()["results"]
    assert sorted(wallet["currency"] for wallet in wallets) == EVERY
    assert {(wallet["balance"], wallet["id"] >= 10**15) for wallet in wallets} >= {("0.00", True)}


def test_a_service_has_none(db: None) -> None:
    assert held_by(new_user(role=Role.SERVICE)) == []


# --- opening ------------------------------------------------------------------------------------------------


def test_one_opens_another(alice: Any) -> None:
    answer = signed_in(alice).post(URL, {"currency": "EUR"})
    assert answer.status_code == 201
    body = answer.json()
    assert (body["currency"], body["balance"], body["available"]) == ("EUR", "0.00", "0.00")
    assert signed_in(alice).get(f"{URL}/{body['id']}").json() == body
    assert signed_in(alice).post(URL, {"currency": "EUR"}).json()["id"] != body["id"]


def test_nothing_but_the_currency_can_be_asked_for(alice: Any, bob: Any) -> None:
    plants = {"id": 5, "balance": "100", "held": "1", "owner": bob.pk, "may_overdraw": True}
    before = Wallet.objects.count()
    answer = signed_in(alice).post(URL, {"currency": "EUR", **plants})
    assert answer.status_code == 400
    assert [error["field"] for error in answer.json()["errors"]] == list(plants)
    assert Wallet.objects.count() == before


@pytest.mark.parametrize(
    ("currency", "status"), [("XXX", 422), ("usd", 422), ("GBP", 422), ("", 400), (None, 400), (5, 400)]
)
def test_only_a_currency_in_use(alice: Any, currency: Any, status: int) -> None:
    Currency.objects.filter(pk="GBP").update(is_active=False)
    answer = signed_in(alice).post(URL, {"currency": currency})
    assert answer.status_code == status
    assert answer.json()["errors"][0]["field"] == "currency"


def test_a_hundred_are_enough(alice: Any) -> None:
    recipes.wallet.make(owner=alice, _quantity=99, _bulk_create=True)
    credit(alice, 7)  # what a provider opens does not count
    assert signed_in(alice).post(URL, {"currency": "USD"}).status_code == 201
    answer = signed_in(alice).post(URL, {"currency": "USD"})
    assert (answer.status_code, answer.json()["code"]) == (409, "too_many_wallets")


# --- currencies ---------------------------------------------------------------------------------------------

KRONA = {"code": "SEK", "name": "Swedish krona", "decimal_places": 2}


def test_an_admin_opens_a_currency_with_the_houses_wallets(admin: Any, alice: Any) -> None:
    answer = signed_in(admin).post(CURRENCIES, KRONA)
    assert (answer.status_code, answer.json()) == (201, {**KRONA, "is_active": True})
    assert clearing_wallet("SEK") >= 9 * 10**15
    assert signed_in(alice).post(URL, {"currency": "SEK"}).status_code == 201
    assert LogEntry.objects.get(object_id="SEK").user_id == admin.pk
    again = signed_in(admin).post(CURRENCIES, {**KRONA, "name": "Another"})
    assert (again.status_code, again.json()["code"]) == (409, "currency_exists")


def test_an_admin_takes_a_currency_out_of_use(admin: Any, alice: Any) -> None:
    refused = signed_in(admin).patch(f"{CURRENCIES}/GBP", {"is_active": False, "decimal_places": 5})
    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (400, "decimal_places")
    changed = signed_in(admin).patch(f"{CURRENCIES}/GBP", {"is_active": False, "name": "Pound"})
    assert changed.json() == {"code": "GBP", "name": "Pound", "decimal_places": 2, "is_active": False}
    assert signed_in(alice).post(URL, {"currency": "GBP"}).status_code == 422


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("code", "se"), ("code", "sek"), ("code", "TOOLONGACODE"), ("code", 5), ("code", "SE\x00"), ("name", ""),
        ("name", "x" * 61), ("decimal_places", 11), ("decimal_places", -1), ("decimal_places", "2"),
        ("decimal_places", True), ("decimal_places", None),
    ],
)  # fmt: skip
def test_a_refused_currency_names_what_is_wrong(admin: Any, field: str, value: Any) -> None:
    answer = signed_in(admin).post(CURRENCIES, {**KRONA, field: value})
    assert answer.status_code == 400, answer.content
    assert [error["field"] for error in answer.json()["errors"]] == [field]
    assert not Currency.objects.filter(name=KRONA["name"]).exists()


def test_only_admins_may(alice: Any) -> None:
    assert signed_in(alice).post(CURRENCIES, KRONA).status_code == 403
    assert signed_in(alice).patch(f"{CURRENCIES}/USD", {"is_active": False}).status_code == 403
    assert signed_in(alice).get(f"{CURRENCIES}/USD").status_code == 200


def test_an_unknown_one_is_not_found(admin: Any) -> None:
    assert signed_in(admin).patch(f"{CURRENCIES}/XXX", {"is_active": False}).status_code == 404


def test_a_currency_keeps_its_decimals_whoever_asks(admin: Any) -> None:
    with pytest.raises(TypeError, match="decimal_places"):
        change_currency(code="GBP", staff=admin, decimal_places=5)  # type: ignore[arg-type]


def test_a_form_that_changes_nothing_of_a_currency_is_not_noted(admin: Any) -> None:
    site, page = staff_client(admin), "/admin/payments/currency/GBP/change/"
    saved = site.post(page, loaded(site, page))
    assert saved.status_code == 302
    assert not LogEntry.objects.filter(object_id="GBP").exists()
