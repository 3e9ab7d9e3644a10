"""GET wallets and currencies: owners see their own, admins see all, mallory sees nothing of alice's."""

import json
from typing import Any

import pytest

from accounts.models import Role
from payments.ledger.services.wallets import open_wallet
from payments.models import Wallet
from tests.support.ledger import book_transfer, clearing_wallet, wallet_with
from tests.support.notices import ALICES, BOBS, credit
from tests.support.rest import ids, signed_in

URL = "/api/v1/wallets"


def test_a_wallet_is_shown_to_its_owner(alice: Any) -> None:
    credit(alice, ALICES, "25")
    body = signed_in(alice).get(f"{URL}/{ALICES}").json()
    assert body.pop("created_at").endswith("Z")
    assert body == {
        "id": ALICES, "currency": "USD", "balance": "25.00", "held": "0.00", "available": "25.00",
    }  # fmt: skip


def test_amounts_have_the_decimals_of_their_currency(alice: Any) -> None:
    amounts = {"JPY": "1500", "USD": "0.5", "BTC": "0.1", "EUR": "1.2345678901"}
    wallets = {currency: wallet_with(alice, currency, amount).pk for currency, amount in amounts.items()}
    balances = {wallet["id"]: wallet["balance"] for wallet in signed_in(alice).get(URL).json()["results"]}
    assert {currency: balances[id_] for currency, id_ in wallets.items()} == {
        "JPY": "1500", "USD": "0.50", "BTC": "0.10000000", "EUR": "1.2345678901",
    }  # fmt: skip


def test_a_user_lists_only_own_wallets_oldest_first(alice: Any, bob: Any) -> None:
    credit(alice, ALICES)
    credit(bob, BOBS)
    own = open_wallet(owner_id=alice.pk, currency="EUR")
    assert ids(signed_in(alice).get(URL)) == [ALICES, own.pk]


def test_a_wallet_is_hidden_from_mallory(alice: Any, mallory: Any) -> None:
    credit(alice, ALICES)
    answers = [signed_in(mallory).get(f"{URL}/{id_}") for id_ in (ALICES, ALICES + 1, clearing_wallet())]
    assert [answer.status_code for answer in answers] == [404, 404, 404]
    assert answers[0].json() == answers[1].json()
    assert ids(signed_in(mallory).get(URL)) == []
    assert ids(signed_in(mallory).get(URL, {"currency": "USD"})) == []


@pytest.mark.parametrize("parameter", ["user", "house", "balance", "owner_id"])
def test_a_parameter_that_is_only_for_staff_or_unknown_is_refused(parameter: str, mallory: Any) -> None:
    answer = signed_in(mallory).get(URL, {parameter: "1"})
    assert answer.status_code == 400
    assert [error["field"] for error in answer.json()["errors"]] == [parameter]


def test_a_service_sees_no_wallets(alice: Any, mallory: Any) -> None:
    credit(alice, ALICES)
    credit(mallory, BOBS)
    mallory.take_role(Role.SERVICE)
    assert signed_in(mallory).get(URL).status_code == 403
    assert signed_in(mallory).get(f"{URL}/{BOBS}").status_code == 403


def test_reading_wallets_needs_a_token(db: None) -> None:
    for path in (URL, f"{URL}/1", "/api/v1/transactions", "/api/v1/currencies", "/api/v1/webhook-events"):
        answer = signed_in(None).get(path)
        assert (answer.status_code, answer.json()["code"]) == (401, "not_authenticated")


@pytest.mark.parametrize("id_", ["0", "-1", "abc", "01", "1.0", "9223372036854775808", "9" * 30, "%31%00"])
def test_a_wallet_whose_id_is_none_is_404(id_: str, admin: Any) -> None:
    assert signed_in(admin).get(f"{URL}/{id_}").status_code in (404, 400 if "%00" in id_ else 404)


# --- admins ---------------------------------------------------------------------------------------------------


def test_admins_see_the_wallets_of_users_with_their_owners(alice: Any, bob: Any, admin: Any) -> None:
    credit(alice, ALICES)
    credit(bob, BOBS)
    results = signed_in(admin).get(URL).json()["results"]
    assert [(wallet["id"], wallet["owner"], wallet["house"]) for wallet in results] == [
        (ALICES, alice.pk, None),
        (BOBS, bob.pk, None),
    ]


def test_admins_ask_for_one_user_and_one_currency(alice: Any, bob: Any, admin: Any) -> None:
    credit(alice, ALICES)
    credit(bob, BOBS)
    euros = open_wallet(owner_id=alice.pk, currency="EUR")
    client = signed_in(admin)
    assert ids(client.get(URL, {"user": alice.pk})) == [ALICES, euros.pk]
    assert ids(client.get(URL, {"user": alice.pk, "currency": "EUR"})) == [euros.pk]
    assert ids(client.get(URL, {"currency": "USD"})) == [ALICES, BOBS]
    assert ids(client.get(URL, {"user": 2**62})) == []


def test_admins_see_the_derived_balances_of_the_house(alice: Any, admin: Any) -> None:
    credit(alice, ALICES, "25")
    book_transfer((ALICES, Wallet.objects.get(house="sales", currency="USD").pk, "5"), kind="purchase")
    client = signed_in(admin)
    assert client.get(f"{URL}/{clearing_wallet()}").json()["balance"] == "-25.00"
    sales = client.get(URL, {"house": "sales", "currency": "USD"}).json()["results"]
    assert [(wallet["house"], wallet["owner"], wallet["balance"], wallet["available"]) for wallet in sales] == [
        ("sales", None, "5.00", "5.00")
    ]


@pytest.mark.parametrize(
    "query",
    [{"user": "0"}, {"user": "x"}, {"user": "1.0"}, {"user": "9" * 19}, {"house": "cellar"}, {"currency": "usd"}],
)
def test_a_parameter_that_makes_no_sense_is_named(query: dict[str, str], admin: Any) -> None:
    answer = signed_in(admin).get(URL, query)
    assert answer.status_code == 400
    assert [error["field"] for error in answer.json()["errors"]] == list(query)


# --- pages and costs ------------------------------------------------------------------------------------------


def test_pages_of_wallets_have_no_gap(alice: Any) -> None:
    expected = [open_wallet(owner_id=alice.pk, currency="USD").pk for _ in range(7)]
    wallet_ids: list[int] = []
    url = f"{URL}?limit=3"
    while url:
        body = signed_in(alice).get(url).json()
        wallet_ids += [wallet["id"] for wallet in body["results"]]
        url = body["next"]
    assert wallet_ids == expected


@pytest.mark.parametrize("number", [3, 30])
def test_a_page_costs_one_query_and_three_with_the_house(
    number: int,
    alice: Any,
    admin: Any,
    django_assert_num_queries: Any,
    django_assert_max_num_queries: Any,
) -> None:
    for _ in range(number):
        open_wallet(owner_id=alice.pk, currency="USD")
    with django_assert_num_queries(1):
        assert len(ids(signed_in(alice).get(URL))) == number
    with django_assert_num_queries(1):
        signed_in(admin).get(URL)
    with django_assert_max_num_queries(3):  # the page, and the house's balances for all of it
        signed_in(admin).get(URL, {"house": "clearing"})


# --- currencies -----------------------------------------------------------------------------------------------


def test_currencies_are_listed_by_code(mallory: Any, django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(1):
        results = signed_in(mallory).get("/api/v1/currencies").json()["results"]
    assert [currency["code"] for currency in results] == ["BTC", "EUR", "GBP", "JPY", "USD"]
    assert results[0] == {"code": "BTC", "name": "Bitcoin", "decimal_places": 8, "is_active": True}


def test_one_currency_is_shown(mallory: Any) -> None:
    client = signed_in(mallory)
    assert client.get("/api/v1/currencies/USD").json()["decimal_places"] == 2
    assert client.get("/api/v1/currencies/XXX").status_code == 404
    assert client.get("/api/v1/currencies/usd").status_code == 404


def test_what_csv_is_not_for_is_answered_in_json_all_the_same(alice: Any) -> None:
    credit(alice, ALICES)
    answer = signed_in(alice).options(f"{URL}/{ALICES}/statement", headers={"Accept": "text/csv"})
    assert answer.status_code == 200
    assert "text/csv" in json.loads(answer.content)["renders"]
