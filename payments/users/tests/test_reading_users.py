"""GET users and users/me: admins see everybody with their wallets; everybody sees himself with his own."""

import json
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from accounts.models import Role
from payments.ledger.services.wallets import open_wallet
from payments.users import queries as users
from payments.webhooks import receiving
from tests.support import recipes
from tests.support.ledger import book_transfer, clearing_wallet, wallet_with
from tests.support.notices import ALICES, BOBS, credit, many_credits, notice
from tests.support.rest import signed_in

URL = "/api/v1/users"
ME = "/api/v1/users/me"


def emails(answer: Any) -> list[str]:
    assert answer.status_code == 200, answer.content
    return [user["email"] for user in answer.json()["results"]]


def refused_field(answer: Any) -> str:
    assert answer.status_code == 400, answer.content
    [error] = answer.json()["errors"]
    return str(error["field"])


def many_wallets(owner: Any, number: int) -> None:
    """Let a provider open them."""
    receiving.credit([notice(user_id=owner.pk, account=10_000 + account) for account in range(number)])


# --- users/me -------------------------------------------------------------------------------------------------


def test_users_me_shows_the_caller_without_more_unless_asked(alice: Any) -> None:
    credit(alice, ALICES)
    assert signed_in(alice).get(ME).json() == {
        "id": alice.pk, "email": "alice@example.com", "full_name": "Alice", "role": "user", "is_active": True,
    }  # fmt: skip


def test_users_me_includes_wallets_and_transactions_as_their_lists_show_them(alice: Any, bob: Any) -> None:
    credit(alice, ALICES, "25")
    credit(bob, BOBS, "10")
    book_transfer((ALICES, BOBS, "5"))
    client = signed_in(alice)
    body = client.get(ME, {"include": "wallets,transactions"}).json()
    assert client.get(f"{ME}?include=transactions&include=wallets").json() == body
    assert body["wallets"] == client.get("/api/v1/wallets").json()["results"]
    assert body["transactions"] == client.get("/api/v1/transactions").json()["results"]
    assert [wallet["balance"] for wallet in body["wallets"]] == ["20.00"]
    assert [transaction["kind"] for transaction in body["transactions"]] == ["transfer", "deposit"]


@pytest.mark.parametrize("name", ["wallets", "transactions"])
def test_users_me_includes_only_what_is_asked_for(name: str, alice: Any) -> None:
    credit(alice, ALICES)
    body = signed_in(alice).get(ME, {"include": name}).json()
    assert body[name]
    assert not body.keys() & ({"wallets", "transactions"} - {name})


def test_users_me_includes_nothing_of_others_even_for_an_admin(admin: Any, alice: Any) -> None:
    credit(alice, ALICES)
    credit(admin, BOBS, "3")
    body = signed_in(admin).get(ME, {"include": "transactions,wallets"}).json()
    assert [wallet["id"] for wallet in body["wallets"]] == [BOBS]
    assert [line["destination"] for one in body["transactions"] for line in one["postings"]] == [BOBS]


def test_users_me_shows_a_service_itself_and_no_money(bob: Any) -> None:
    credit(bob, BOBS)
    bob.take_role(Role.SERVICE)
    bob.save()
    body = signed_in(bob).get(ME, {"include": "transactions,wallets"}).json()
    assert (body["role"], body["wallets"], body["transactions"]) == ("service", [], [])


def test_what_it_includes_is_bounded(alice: Any, django_assert_max_num_queries: Any) -> None:
    many_wallets(alice, users.MAX_WALLETS + 5)
    many_credits(alice, ALICES, users.NEWEST_TRANSACTIONS + 5)
    with django_assert_max_num_queries(8):
        body = signed_in(alice).get(ME, {"include": "wallets,transactions"}).json()
    assert len(body["wallets"]) == users.MAX_WALLETS
    newest = signed_in(alice).get("/api/v1/transactions", {"limit": users.NEWEST_TRANSACTIONS}).json()["results"]
    assert body["transactions"] == newest


@pytest.mark.parametrize("value", ["wallet", "wallets,wallet", "wallets,", ",", "Wallets", "wallets, transactions", ""])
def test_users_me_names_an_include_that_it_does_not_know(value: str, alice: Any) -> None:
    assert refused_field(signed_in(alice).get(ME, {"include": value})) == "include"
    assert refused_field(signed_in(alice).patch(f"{ME}?include={value}", {"full_name": "X"})) == "include"
    alice.refresh_from_db()
    assert alice.full_name == "Alice"


@pytest.mark.parametrize("parameter", ["expand", "limit", "cursor", "id", "role"])
def test_users_me_refuses_a_parameter_that_it_does_not_know(parameter: str, alice: Any) -> None:
    assert refused_field(signed_in(alice).get(ME, {parameter: "1"})) == parameter
    assert refused_field(signed_in(alice).patch(f"{ME}?{parameter}=1", {})) == parameter


def test_users_me_answers_a_changed_name_with_what_is_included(alice: Any) -> None:
    credit(alice, ALICES)
    body = signed_in(alice).patch(f"{ME}?include=wallets", {"full_name": "Alice B."}).json()
    assert (body["full_name"], [wallet["id"] for wallet in body["wallets"]]) == ("Alice B.", [ALICES])


# --- who may read ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["", "/{id}"])
def test_the_list_of_users_is_for_admins_only(path: str, alice: Any, mallory: Any) -> None:
    url = URL + path.format(id=alice.pk)
    service = recipes.service.make()
    answers = [client.get(url) for client in (APIClient(), signed_in(mallory), signed_in(service))]
    assert [answer.status_code for answer in answers] == [401, 403, 403]
    assert not any(b"alice" in answer.content for answer in answers)


def test_mallory_is_not_told_who_exists(alice: Any, mallory: Any) -> None:
    client = signed_in(mallory)
    known, unknown = client.get(f"{URL}/{alice.pk}"), client.get(f"{URL}/{2**40}")
    assert (known.status_code, known.json()) == (403, unknown.json())


# --- what it shows --------------------------------------------------------------------------------------------


def test_a_user_is_shown_with_the_wallets(alice: Any, bob: Any, admin: Any) -> None:
    credit(alice, ALICES, "25")
    credit(bob, BOBS)
    body = signed_in(admin).get(f"{URL}/{alice.pk}").json()
    assert body.pop("created_at").endswith("Z")
    wallets = body.pop("wallets")
    assert body == {
        "id": alice.pk, "email": "alice@example.com", "full_name": "Alice", "role": "user", "is_active": True,
        "pending_orders": [],
    }  # fmt: skip
    assert wallets == signed_in(alice).get("/api/v1/wallets").json()["results"]
    assert [wallet["balance"] for wallet in wallets] == ["25.00"]


def test_the_list_of_users_begins_with_the_newest_each_with_own_wallets(alice: Any, bob: Any, admin: Any) -> None:
    wallet_with(alice, "JPY", "1500")
    credit(alice, ALICES, "25")
    credit(bob, BOBS)
    results = signed_in(admin).get(URL).json()["results"]
    balances = [(user["email"], sorted(wallet["balance"] for wallet in user["wallets"])) for user in results]
    assert balances == [
        ("admin@example.com", []), ("bob@example.com", ["10.00"]), ("alice@example.com", ["1500", "25.00"]),
    ]  # fmt: skip


def test_users_are_shown_without_the_house_and_without_passwords(alice: Any, admin: Any) -> None:
    credit(alice, ALICES)
    text = signed_in(admin).get(URL).content.decode()
    assert str(clearing_wallet()) not in text
    assert not {word for word in ("password", "token", "is_staff", "argon2") if word in text}


def test_a_user_with_very_many_wallets_is_shown_with_some(alice: Any, bob: Any, admin: Any) -> None:
    many_wallets(alice, users.MAX_WALLETS + 3)
    credit(bob, BOBS)
    results = signed_in(admin).get(URL).json()["results"]
    assert {user["email"]: len(user["wallets"]) for user in results} == {
        "alice@example.com": users.MAX_WALLETS, "bob@example.com": 1, "admin@example.com": 0,
    }  # fmt: skip


def test_a_page_costs_the_same_however_many_people(admin: Any) -> None:
    def add_users(first: int, last: int) -> None:
        for number in range(first, last):
            user = recipes.user.make(email=f"load{number}@example.com")
            open_wallet(owner_id=user.pk, currency="USD")
            open_wallet(owner_id=user.pk, currency="EUR")

    def cost() -> tuple[int, int]:
        with CaptureQueriesContext(connection) as queries:
            users = signed_in(admin).get(URL).json()["results"]
        return len(users), len(queries)

    add_users(0, 1)
    few = cost()
    add_users(1, 60)
    assert (few, cost()) == ((2, 3), (50, 3))


def test_the_list_of_users_pages_without_a_gap(admin: Any) -> None:
    emails = [f"load{number}@example.com" for number in range(7)]
    recipes.user.make(email=iter(emails), _quantity=7)
    url, listed = f"{URL}?limit=3&search=load", []
    while url:
        body = signed_in(admin).get(url).json()
        listed += [user["email"] for user in body["results"]]
        url = body["next"]
    assert listed == emails[::-1]


@pytest.mark.parametrize("id_", ["0", "01", "-1", "x", "1.0", "9" * 19, "9" * 30, str(2**40)])
@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE"])
def test_a_user_of_an_odd_id_is_404(id_: str, method: str, admin: Any) -> None:
    body = {"email": "x@example.com", "role": "user", "is_active": True} if method in ("PUT", "PATCH") else {}
    answer = signed_in(admin).generic(method, f"{URL}/{id_}", json.dumps(body), content_type="application/json")
    assert answer.status_code == 404


# --- filters --------------------------------------------------------------------------------------------------


@pytest.fixture
def various_users(admin: Any) -> None:
    rows = [
        ("zoe@shop.example.com", "Zoe Ünal", Role.USER, True),
        ("yan_1@example.com", "100% Yan", Role.SERVICE, True),
        ("xen@example.com", "", Role.USER, False),
    ]
    for email, name, role, is_active in rows:
        recipes.user.make(email=email, full_name=name, role=role, is_active=is_active)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"role": "service"}, ["yan_1@example.com"]),
        ({"role": "admin"}, ["admin@example.com"]),
        ({"is_active": "false"}, ["xen@example.com"]),
        ({"is_active": "true", "role": "user"}, ["zoe@shop.example.com"]),
        ({"email": "XEN@Example.com"}, ["xen@example.com"]),
        ({"email": "xen@example"}, []),
        ({"email": "%"}, []),
        ({"search": "SHOP"}, ["zoe@shop.example.com"]),
        ({"search": "zoe ü"}, ["zoe@shop.example.com"]),
        ({"search": "ZOE ÜNAL"}, ["zoe@shop.example.com"]),
        ({"search": "%"}, ["yan_1@example.com"]),
        ({"search": "_"}, ["yan_1@example.com"]),
        ({"search": "\\"}, []),
        ({"search": "' OR 1=1 --"}, []),
    ],
)
@pytest.mark.usefixtures("various_users")
def test_the_list_of_users_filters(query: dict[str, str], expected: list[str], admin: Any) -> None:
    assert emails(signed_in(admin).get(URL, query)) == expected


@pytest.mark.parametrize(
    "query",
    [
        {"role": "root"}, {"role": ""}, {"is_active": "yes"}, {"is_active": "True"}, {"search": "x" * 151},
        {"email": "x" * 255}, {"is_staff": "1"}, {"ordering": "password"}, {"include": "wallets"},
        {"password__startswith": "a"}, {"limit": "0"},
    ],
)  # fmt: skip
def test_the_list_of_users_names_the_parameter_that_makes_no_sense(query: dict[str, str], admin: Any) -> None:
    assert refused_field(signed_in(admin).get(URL, query)) == next(iter(query))


def test_one_user_and_every_change_know_no_parameters(alice: Any, admin: Any) -> None:
    client, url = signed_in(admin), f"{URL}/{alice.pk}"
    for method in ("get", "put", "patch", "delete"):
        assert refused_field(getattr(client, method)(f"{url}?force=1", {})) == "force"
    assert refused_field(client.post(f"{url}/disable?force=1")) == "force"
    assert refused_field(client.post(f"{URL}?force=1", {"email": "dave@example.com"})) == "force"
    alice.refresh_from_db()
    assert alice.is_active


def test_a_nul_in_a_search_is_refused(admin: Any) -> None:
    assert signed_in(admin).get(f"{URL}?search=a%00b").status_code == 400
