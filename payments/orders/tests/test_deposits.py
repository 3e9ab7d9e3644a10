"""POST and GET deposits: nothing moves until a service says that it was paid."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.models import Role
from payments.commission import rules as commission_rules
from payments.ledger import booking
from payments.ledger.services.wallets import open_wallet
from payments.models import Currency, Deposit, Provider, Transaction, Wallet
from payments.orders import services as orders
from tests.support.ledger import clearing_wallet, house_balance, postings, wallet_with
from tests.support.ledger_checks import assert_ledger_balances, nothing_changes
from tests.support.orders import balance_and_held, deposit, make_rule, post_order, settle, stored_deposit
from tests.support.rest import API, ids, new_key, refused, signed_in

DEPOSITS = f"{API}/deposits"


@pytest.fixture
def wallet(alice: Any) -> Wallet:
    return open_wallet(owner_id=alice.pk, currency="USD")


# --- asking ---
def test_a_new_deposit_is_pending_and_moves_nothing(alice: Any, wallet: Wallet) -> None:
    order = deposit(alice, wallet, "100.00")
    assert order.pop("created_at").endswith("Z")
    assert order == {
        "id": Deposit.objects.get().pk, "user": alice.pk, "wallet": wallet.pk, "amount": "100.00", "currency": "USD",
        "commission": "0.00", "net": "100.00", "status": "pending", "reason": "", "bank_reference": "",
        "provider": None, "reference": "", "metadata": {}, "transaction": None, "settled_at": None,
    }  # fmt: skip
    assert balance_and_held(wallet) == ("0", "0")
    assert not Transaction.objects.exists()


def test_a_deposit_names_who_is_to_settle_it(alice: Any, wallet: Wallet) -> None:
    assert deposit(alice, wallet, provider="sha1_colon")["provider"] == "sha1_colon"


@pytest.mark.parametrize("slug", ["nobody", "SHA1_COLON"])
def test_a_deposit_knows_only_providers_in_use(alice: Any, wallet: Wallet, slug: str) -> None:
    refused(post_order(alice, "deposits", wallet, "1", provider=slug), 422, "provider_unavailable", "provider")
    Provider.objects.filter(slug="sha1_colon").update(is_active=False)
    refused(post_order(alice, "deposits", wallet, "1", provider="sha1_colon"), 422, "provider_unavailable", "provider")


def test_a_deposit_wants_a_provider_of_the_wallets_currency(alice: Any) -> None:
    euros = open_wallet(owner_id=alice.pk, currency="EUR")
    body = refused(
        post_order(alice, "deposits", euros, "1", provider="sha1_colon"), 422, "currency_mismatch", "provider"
    )
    assert body["detail"] == "The provider's currency is USD."


@pytest.mark.parametrize(
    ("amount", "code"),
    [
        ("0", "amount_not_positive"),
        ("0.00", "amount_not_positive"),
        ("-1", "amount_not_positive"),
        ("1.001", "too_many_decimals"),
        ("1.000", "too_many_decimals"),
        ("1000000000000000001", "amount_too_large"),
    ],
)
def test_a_deposit_refuses_what_breaks_a_rule_of_money(alice: Any, wallet: Wallet, amount: str, code: str) -> None:
    body = refused(post_order(alice, "deposits", wallet, amount), 422, "invalid_amount", "amount")
    assert body["errors"][0]["code"] == code


@pytest.mark.parametrize("amount", ["1e2", "+1", " 1", "1_000", "\u0661\u0660\u0660", None, True, [], {}, "", "NaN"])
def test_a_deposit_refuses_what_is_no_amount(alice: Any, wallet: Wallet, amount: Any) -> None:
    refused(post_order(alice, "deposits", wallet, amount), 400, "invalid_request", "amount")


def test_a_deposit_takes_the_largest_amount(alice: Any, wallet: Wallet, admin: Any) -> None:
    order = deposit(alice, wallet, "1000000000000000000")
    assert settle(admin, "deposits", order).status_code == 200
    assert balance_and_held(wallet) == ("1000000000000000000", "0")


def test_a_deposit_has_no_decimals_where_the_currency_has_none(alice: Any) -> None:
    yen = open_wallet(owner_id=alice.pk, currency="JPY")
    refused(post_order(alice, "deposits", yen, "100.0"), 422, "invalid_amount", "amount")
    assert deposit(alice, yen, "100")["net"] == "100"


def test_a_deposit_refuses_a_currency_that_is_not_in_use(alice: Any, wallet: Wallet) -> None:
    Currency.objects.filter(pk="USD").update(is_active=False)
    refused(post_order(alice, "deposits", wallet, "1"), 422, "currency_unavailable", "currency")


def test_mallory_cannot_name_alices_wallet_nor_the_houses(alice: Any, mallory: Any, admin: Any, wallet: Wallet) -> None:
    named = (wallet, 2**62, clearing_wallet())
    for user in (mallory, admin):
        bodies = [refused(post_order(user, "deposits", w, "1"), 404, "wallet_not_found", "wallet") for w in named]
        assert bodies[0] == bodies[1] == bodies[2]


def test_a_service_makes_none(service: Any, wallet: Wallet) -> None:
    refused(post_order(service, "deposits", wallet, "1"), 403, "permission_denied")
    refused(APIClient().post(DEPOSITS, {}), 401, "not_authenticated")


# --- Idempotency-Key ---
def test_a_deposit_requires_a_key(alice: Any, wallet: Wallet) -> None:
    answer = signed_in(alice).post(DEPOSITS, {"wallet": wallet.pk, "amount": "1"})
    refused(answer, 400, "idempotency_key_required")


def test_a_deposit_is_made_once_for_a_key(alice: Any, wallet: Wallet) -> None:
    key, data = new_key(), {"wallet": wallet.pk, "amount": "1.00"}
    first, again = (signed_in(alice).post(DEPOSITS, data, headers=key) for _ in range(2))
    assert first.content == again.content
    assert again.headers["Idempotent-Replayed"] == "true"
    refused(signed_in(alice).post(DEPOSITS, data | {"amount": "2"}, headers=key), 422, "idempotency_key_reused")
    assert Deposit.objects.count() == 1


# --- commission ---
def test_a_deposit_shows_the_commission_and_books_it_apart(
    alice: Any, wallet: Wallet, admin: Any, service: Any
) -> None:
    make_rule(admin, percent="1.5", fixed="0.30")
    earned = house_balance("commission")
    order = deposit(alice, wallet, "100.00")
    assert (order["commission"], order["net"]) == ("1.80", "98.20")
    paid = settle(service, "deposits", order).json()
    assert (paid["commission"], paid["net"]) == ("1.80", "98.20")
    till = booking.house_wallet("commission", "USD")
    assert postings(stored_deposit(order).transaction_id) == [
        (clearing_wallet(), wallet.pk, "100"),
        (wallet.pk, till, "1.8"),
    ]
    assert balance_and_held(wallet) == ("98.2", "0")
    assert house_balance("commission") - earned == Decimal("1.8")
    assert_ledger_balances()


def test_the_rule_that_held_when_it_was_made_applies(alice: Any, wallet: Wallet, admin: Any, service: Any) -> None:
    rule = make_rule(admin, percent="10")
    order = deposit(alice, wallet, "100.00")
    commission_rules.end_rule(rule_id=rule.pk, valid_until=timezone.now(), staff=admin)
    free = deposit(alice, wallet, "100.00")
    make_rule(admin, percent="50")
    assert (order["commission"], free["commission"]) == ("10.00", "0.00")
    for row in (order, free):
        settle(service, "deposits", row)
    assert balance_and_held(wallet) == ("190", "0")
    assert stored_deposit(order).rule == rule
    assert stored_deposit(free).rule is None


def test_a_commission_as_large_as_the_amount_leaves_nothing(alice: Any, wallet: Wallet, admin: Any) -> None:
    make_rule(admin, minimum="5")
    order = deposit(alice, wallet, "3.00")
    assert (order["commission"], order["net"]) == ("3.00", "0.00")
    assert settle(admin, "deposits", order).json()["status"] == "paid"
    assert balance_and_held(wallet) == ("0", "0")
    assert_ledger_balances()


@pytest.mark.parametrize(
    ("currency", "amount", "expected"),
    [
        ("USD", "0.50", "0.01"),
        ("USD", "1.00", "0.01"),
        ("USD", "2.50", "0.03"),
        ("JPY", "50", "1"),
        ("JPY", "201", "3"),
    ],
)
def test_the_commission_is_rounded_up(alice: Any, admin: Any, currency: str, amount: str, expected: str) -> None:
    make_rule(admin, currency=currency, percent="1")
    wallet = open_wallet(owner_id=alice.pk, currency=currency)
    assert deposit(alice, wallet, amount)["commission"] == expected


# --- dry_run ---
def test_a_dry_run_tells_the_price_and_changes_nothing(alice: Any, wallet: Wallet, admin: Any) -> None:
    make_rule(admin, percent="2")
    data = {"wallet": wallet.pk, "amount": "100.00"}
    with nothing_changes():
        answer = signed_in(alice).post(f"{DEPOSITS}?dry_run=true", data)
    assert answer.status_code == 200
    preview = answer.json()
    assert (preview["id"], preview["commission"], preview["net"]) == (None, "2.00", "98.00")
    assert {name: preview[name] for name in ("commission", "net", "status")} == {
        name: deposit(alice, wallet)[name] for name in ("commission", "net", "status")
    }


def test_a_dry_run_refuses_what_the_request_would(alice: Any, mallory: Any, wallet: Wallet) -> None:
    refused(post_order(alice, "deposits", wallet, "0", "?dry_run=true"), 422, "invalid_amount")
    refused(post_order(mallory, "deposits", wallet, "1", "?dry_run=true"), 404, "wallet_not_found")
    refused(post_order(alice, "deposits", wallet, "1", "?dry_run=yes"), 400, "invalid_request", "dry_run")


@pytest.mark.parametrize("query", ["?dryrun=true", "?dry_run=true&dry_run=true", "?dry-run=true"])
def test_a_misspelt_dry_run_does_nothing(alice: Any, service: Any, wallet: Wallet, query: str) -> None:
    with nothing_changes():
        refused(post_order(alice, "deposits", wallet, "1", query), 400, "invalid_request")
    order = deposit(alice, wallet)["id"]
    answer = signed_in(service).put(f"{DEPOSITS}/{order}/status{query}", {"status": "paid"})
    refused(answer, 400, "invalid_request")


# --- reading ---
def test_a_user_lists_own_deposits_newest_first(alice: Any, wallet: Wallet) -> None:
    order = [deposit(alice, wallet)["id"] for _ in range(3)]
    first = signed_in(alice).get(DEPOSITS, {"limit": 2}).json()
    assert [row["id"] for row in first["results"]] == order[:0:-1]
    assert ids(signed_in(alice).get(first["next"])) == order[:1]


def test_the_deposit_list_filters(alice: Any, wallet: Wallet, admin: Any) -> None:
    euros = open_wallet(owner_id=alice.pk, currency="EUR")
    one, two = deposit(alice, wallet, provider="sha1_colon")["id"], deposit(alice, euros)["id"]
    settle(admin, "deposits", one, "rejected")
    client, moment = signed_in(alice), Deposit.objects.get(pk=two).created_at.isoformat()
    for query, expected in (
        ({"status": "rejected"}, [one]), ({"status": "pending"}, [two]), ({"wallet": euros.pk}, [two]),
        ({"currency": "USD"}, [one]), ({"from": moment}, [two]), ({"to": moment}, [one]),
        ({"provider": "sha1_colon"}, [one]), ({"from": (timezone.now() + timedelta(days=1)).isoformat()}, []),
    ):  # fmt: skip
        assert ids(client.get(DEPOSITS, query)) == expected, query


@pytest.mark.parametrize(("name", "value"), [("user", "1"), ("status", "open"), ("wallet", "x"), ("amount", "1")])
def test_the_deposit_list_refuses_what_it_does_not_understand(alice: Any, name: str, value: str) -> None:
    refused(signed_in(alice).get(DEPOSITS, {name: value}), 400, "invalid_request", name)


def test_strangers_see_no_deposit_of_alices(alice: Any, bob: Any, mallory: Any, wallet: Wallet) -> None:
    order = deposit(alice, wallet)["id"]
    for user in (bob, mallory):
        assert ids(signed_in(user).get(DEPOSITS)) == []
        assert ids(signed_in(user).get(DEPOSITS, {"wallet": wallet.pk})) == []
        assert signed_in(user).get(f"{DEPOSITS}/{order}").status_code == 404
    for address in (DEPOSITS, f"{DEPOSITS}/{order}"):
        refused(APIClient().get(address), 401, "not_authenticated")


def test_admins_see_everybodys_deposits(alice: Any, bob: Any, admin: Any, wallet: Wallet) -> None:
    hers = deposit(alice, wallet)["id"]
    his = deposit(bob, wallet_with(bob, "USD", "1"))["id"]
    assert ids(signed_in(admin).get(DEPOSITS)) == [his, hers]
    assert ids(signed_in(admin).get(DEPOSITS, {"user": alice.pk})) == [hers]


@pytest.mark.parametrize("method", ["put", "patch", "delete"])
def test_nobody_changes_one(alice: Any, admin: Any, wallet: Wallet, method: str) -> None:
    order = deposit(alice, wallet)["id"]
    for user in (alice, admin):
        refused(getattr(signed_in(user), method)(f"{DEPOSITS}/{order}", {}), 405, "method_not_allowed")


@pytest.mark.parametrize("count", [1, 4])
def test_the_deposit_list_takes_one_query(
    alice: Any, wallet: Wallet, django_assert_num_queries: Any, count: int
) -> None:
    for _ in range(count):
        deposit(alice, wallet)
    client = signed_in(alice)
    with django_assert_num_queries(1):
        client.get(DEPOSITS)


# --- what is settled, whatever has become of its owner and his wallet ---
def test_a_disabled_owner_is_paid_all_the_same(alice: Any, wallet: Wallet, service: Any) -> None:
    order = deposit(alice, wallet)
    type(alice).objects.filter(pk=alice.pk).update(is_active=False, disabled_at=timezone.now())
    assert settle(service, "deposits", order).status_code == 200
    assert balance_and_held(wallet) == ("100", "0")


def test_a_currency_that_went_out_of_use_is_still_settled(alice: Any, wallet: Wallet, service: Any) -> None:
    order = deposit(alice, wallet)
    Currency.objects.filter(pk="USD").update(is_active=False)
    assert settle(service, "deposits", order).status_code == 200


def test_what_does_not_fit_the_balance_stays_pending(alice: Any, service: Any) -> None:
    largest = "9" * 28
    full = wallet_with(alice, "USD", largest)
    order = deposit(alice, full, "1")
    refused(settle(service, "deposits", order), 422, "balance_too_large")
    assert stored_deposit(order).status == "pending"
    assert settle(service, "deposits", order, "rejected").status_code == 200
    assert balance_and_held(full) == (largest, "0")


def test_the_commission_comes_out_of_the_deposit_even_where_the_balance_is_below_zero(
    alice: Any, wallet: Wallet, admin: Any, service: Any
) -> None:
    Wallet.objects.filter(pk=wallet.pk).update(may_overdraw=True)
    booking.book(
        [
            booking.NewTransaction(
                "reversal", (booking.NewPosting(wallet.pk, clearing_wallet(), Decimal(500)),), overdraws=True
            )
        ]
    )
    make_rule(admin, percent="10")
    assert settle(service, "deposits", deposit(alice, wallet)).status_code == 200
    assert balance_and_held(wallet) == ("-410", "0")


def test_the_service_call_is_checked_by_itself(alice: Any, wallet: Wallet) -> None:
    order = deposit(alice, wallet)
    with pytest.raises(Deposit.DoesNotExist):
        orders.settle_deposit(deposit_id=order["id"], settlement="paid", by=alice)
    assert alice.role == Role.USER
