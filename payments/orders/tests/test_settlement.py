"""PUT deposits/{id}/status and its like: one verdict for ever, given by those who may, however many speak at once."""

from typing import Any

import pytest
from django.contrib.admin.models import LogEntry

from accounts.models import User
from payments.ledger.services.wallets import open_wallet
from payments.models import Deposit, SettlementScope, Transaction, Wallet, Withdrawal
from payments.orders.queries import visible_to
from tests.support import recipes
from tests.support.ledger import wallet_with
from tests.support.ledger_checks import assert_ledger_balances
from tests.support.notices import credit
from tests.support.orders import balance_and_held, deposit, settle, stored_deposit, withdraw
from tests.support.rest import API, ids, refused, signed_in

SCOPES = f"{API}/settlement-scopes"


@pytest.fixture
def wallet(alice: Any) -> Wallet:
    return wallet_with(alice, "USD", "1000")


# --- one verdict ---
def test_the_same_verdict_again_moves_nothing(alice: Any, service: Any, wallet: Wallet) -> None:
    order = deposit(alice, wallet)
    first, again = (settle(service, "deposits", order) for _ in range(2))
    assert first.content == again.content
    body = refused(settle(service, "deposits", order, "rejected", reason="Late"), 409, "already_settled", "status")
    assert body["settled"] == "paid"
    assert balance_and_held(wallet) == ("1100", "0")


def test_the_banks_reference_is_kept_with_the_first_verdict_and_its_owner_reads_it(
    alice: Any, service: Any, wallet: Wallet
) -> None:
    order = deposit(alice, wallet)
    assert order["bank_reference"] == ""
    for reference in ("NTRF 0042", "another"):
        assert settle(service, "deposits", order, bank_reference=reference).json()["bank_reference"] == "NTRF 0042"
    assert signed_in(alice).get(f"{API}/deposits/{order['id']}").json()["bank_reference"] == "NTRF 0042"


def test_a_rejected_deposit_says_why_and_moves_nothing(alice: Any, service: Any, wallet: Wallet) -> None:
    order = deposit(alice, wallet)
    for reason in ("Declined.", "Another reason."):
        body = settle(service, "deposits", order, "rejected", reason=reason).json()
        assert (body["status"], body["reason"], body["transaction"]) == ("rejected", "Declined.", None)
    refused(settle(service, "deposits", order), 409, "already_settled")
    row = stored_deposit(order)
    assert row.settled_by == service
    assert row.settled_at is not None
    assert balance_and_held(wallet) == ("1000", "0")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"status": "pending"}, "status"),
        ({"status": "PAID"}, "status"),
        ({"status": None}, "status"),
        ({}, "status"),
        ({"status": "paid", "reason": "because"}, "reason"),
        ({"status": "rejected", "reason": "x" * 201}, "reason"),
        ({"status": "rejected", "reason": "a\nb"}, "reason"),
        ({"status": "paid", "bank_reference": "x" * 141}, "bank_reference"),
        ({"status": "paid", "bank_reference": "a\nb"}, "bank_reference"),
        ({"status": "paid", "bank_reference": 7}, "bank_reference"),
    ],
)
def test_what_is_no_settlement_is_refused(alice: Any, service: Any, wallet: Wallet, body: Any, field: str) -> None:
    order = deposit(alice, wallet)
    answer = signed_in(service).put(f"{API}/deposits/{order['id']}/status", body)
    refused(answer, 400, "invalid_request", field)
    assert stored_deposit(order).status == "pending"


def test_the_transaction_names_the_order(alice: Any, service: Any, wallet: Wallet) -> None:
    order = settle(service, "deposits", deposit(alice, wallet)).json()
    booked = Transaction.objects.get(pk=order["transaction"])
    assert (booked.kind, booked.reference) == ("deposit", f"deposit {order['id']}")


# --- who may ---
@pytest.mark.parametrize("name", ["deposits", "withdrawals"])
def test_people_settle_nothing(alice: Any, mallory: Any, wallet: Wallet, name: str) -> None:
    order = (
        deposit(alice, wallet)
        if name == "deposits"
        else withdraw(alice, wallet, recipes.bank_account.make(owner=alice))
    )
    for user in (alice, mallory):
        refused(settle(user, name, order), 403, "permission_denied")
    assert {*Deposit.objects.values_list("status"), *Withdrawal.objects.values_list("status")} == {("pending",)}


@pytest.mark.parametrize("name", ["deposits", "withdrawals"])
def test_nobody_settles_what_does_not_exist(service: Any, name: str) -> None:
    refused(settle(service, name, 2**62), 404, f"{name[:-1]}_not_found")


def test_an_admin_may_and_the_history_says_so(alice: Any, admin: Any, wallet: Wallet) -> None:
    order = deposit(alice, wallet)
    for _ in range(2):
        assert settle(admin, "deposits", order, "rejected", reason="Fraud.").status_code == 200
    [entry] = LogEntry.objects.filter(user=admin)
    assert (entry.object_id, entry.change_message) == (str(order["id"]), "Settled: rejected. Reason: Fraud.")


@pytest.mark.parametrize(
    "address", ["wallets", "transactions", "external-wallets", "commission-rules", "purchases", "settlement-scopes"]
)
def test_a_service_sees_nothing_else(service: Any, address: str) -> None:
    refused(signed_in(service).get(f"{API}/{address}"), 403, "permission_denied")


def test_a_service_sees_itself(service: Any) -> None:
    assert signed_in(service).get(f"{API}/users/me").json()["role"] == "service"


# --- scopes ---
ORDERS = [("USD", None), ("USD", "sha1_colon"), ("USD", "standard_webhooks"), ("EUR", None)]


@pytest.mark.parametrize(
    ("scopes", "seen"),
    [
        ([], []),
        ([{"everything": True}], [0, 1, 2, 3]),
        ([{"currency": "USD", "max_amount": "99.99"}], []),
        ([{"currency": "USD", "max_amount": "99.99"}, {"provider": "sha1_colon"}], [1]),
        ([{"currency": "USD", "max_amount": "100.00"}], [0, 1, 2]),
        ([{"currency": "USD"}], [0, 1, 2]),
        ([{"provider": "sha1_colon"}], [1]),
        ([{"currency": "EUR", "provider": "sha1_colon"}], []),
        ([{"currency": "EUR"}, {"provider": "sha1_colon"}], [1, 3]),
        ([{"currency": "JPY"}], []),
    ],
)
def test_a_service_sees_and_settles_what_its_scopes_name(
    alice: Any, admin: Any, service: Any, scopes: list[dict[str, str]], seen: list[int]
) -> None:
    SettlementScope.objects.all().delete()
    wallets = {currency: open_wallet(owner_id=alice.pk, currency=currency) for currency in ("USD", "EUR")}
    deposit_ids = [deposit(alice, wallets[c], **({"provider": p} if p else {}))["id"] for c, p in ORDERS]
    for scope in scopes:
        answer = signed_in(admin).post(SCOPES, {"service": service.pk, **scope})
        assert answer.status_code == 201, answer.content
    client = signed_in(service)
    assert ids(client.get(f"{API}/deposits")) == [deposit_ids[n] for n in reversed(seen)]
    for number, deposit_id in enumerate(deposit_ids):
        assert client.get(f"{API}/deposits/{deposit_id}").status_code == (200 if number in seen else 404)
        answer = settle(service, "deposits", deposit_id)
        assert answer.status_code == (200 if number in seen else 404), answer.content
    assert Transaction.objects.count() == len(seen)
    assert visible_to(service, Deposit).count() == len(seen)


def test_scopes_of_one_service_are_not_anothers(alice: Any, admin: Any, service: Any, wallet: Wallet) -> None:
    other = recipes.service.make()
    recipes.settlement_scope.make(service=other, everything=False, currency_id="EUR")
    order = deposit(alice, wallet)
    refused(settle(other, "deposits", order), 404, "deposit_not_found")
    assert settle(service, "deposits", order).status_code == 200


def test_staff_manage_scopes(alice: Any, admin: Any, service: Any) -> None:
    client, data = signed_in(admin), {"service": service.pk, "currency": "USD", "provider": "sha1_colon"}
    first, again = (client.post(SCOPES, data).json() for _ in range(2))
    assert (
        first
        == again
        == {"id": SettlementScope.objects.latest("pk").pk, **data, "everything": False, "max_amount": None}
    )
    assert client.get(f"{SCOPES}/{first['id']}").json() == first
    assert first["id"] in ids(client.get(SCOPES, {"service": service.pk}))
    assert ids(client.get(SCOPES, {"service": alice.pk})) == []
    assert client.delete(f"{SCOPES}/{first['id']}").status_code == 204
    refused(client.delete(f"{SCOPES}/{first['id']}"), 404, "not_found")
    assert LogEntry.objects.filter(user=admin, object_id=str(service.pk)).count() == 2


@pytest.mark.parametrize(
    ("data", "status", "code", "fields"),
    [
        ({}, 400, "invalid_request", ["currency"]),
        ({"everything": False}, 400, "invalid_request", ["currency"]),
        ({"everything": True, "currency": "USD"}, 400, "invalid_request", ["everything"]),
        ({"everything": True, "max_amount": "5"}, 400, "invalid_request", ["currency"]),
        ({"provider": "sha1_colon", "max_amount": "5"}, 400, "invalid_request", ["currency"]),
        ({"currency": "USD", "max_amount": "5.001"}, 422, "invalid_amount", ["max_amount"]),
        ({"currency": "USD", "max_amount": "0"}, 422, "invalid_amount", ["max_amount"]),
        ({"currency": "XXX"}, 422, "currency_unavailable", ["currency"]),
        ({"provider": "nobody"}, 422, "provider_unavailable", ["provider"]),
        ({"currency": "USD", "service": 2**62}, 404, "user_not_found", []),
    ],
)
def test_a_scope_names_something_that_exists(
    admin: Any, service: Any, data: Any, status: int, code: str, fields: list[str]
) -> None:
    refused(signed_in(admin).post(SCOPES, {"service": service.pk} | data), status, code, *fields)


def test_a_scope_said_again_takes_the_new_limit(admin: Any, service: Any) -> None:
    data = {"service": service.pk, "currency": "USD"}
    for limit in ("500.00", "70.00", None):
        scope = signed_in(admin).post(SCOPES, data | ({"max_amount": limit} if limit else {})).json()
        assert scope["max_amount"] == limit
    notes = [entry.change_message for entry in LogEntry.objects.filter(user=admin).order_by("pk")]
    limits = (" up to 500, and no longer everything", " up to 70", "")
    assert notes == [f"May settle orders of: USD{limit}." for limit in limits]
    assert SettlementScope.objects.filter(service=service).count() == 1


def test_a_service_whose_last_scope_is_removed_settles_nothing(alice: Any, admin: Any, service: Any) -> None:
    order = deposit(alice, wallet_with(alice, "USD", "10"))
    scope = SettlementScope.objects.get(service=service)
    assert signed_in(admin).delete(f"{SCOPES}/{scope.pk}").status_code == 204
    refused(settle(service, "deposits", order), 404, "deposit_not_found")
    assert ids(signed_in(service).get(f"{API}/deposits")) == []


def test_a_new_service_settles_everything_until_a_scope_names_something(alice: Any, admin: Any) -> None:
    """However it became one; and taking away its last scope leaves nothing."""
    site = signed_in(admin)
    body = {"email": "bank@example.com", "password": "a-long-enough-secret", "role": "service"}
    new_service = User.objects.get(pk=site.post(f"{API}/users", body).json()["id"])
    promoted = recipes.user.make()
    site.patch(f"{API}/users/{promoted.pk}", {"role": "service"})
    for service in (new_service, promoted):
        [everything] = SettlementScope.objects.filter(service=service)
        assert everything.everything
        assert site.post(SCOPES, {"service": service.pk, "currency": "EUR"}).status_code == 201
        [scope] = SettlementScope.objects.filter(service=service)
        assert (scope.currency_id, scope.everything) == ("EUR", False)
        assert site.delete(f"{SCOPES}/{scope.pk}").status_code == 204
        assert not SettlementScope.objects.filter(service=service).exists()


def test_only_services_have_scopes_and_only_staff_manages_them(alice: Any, admin: Any, service: Any) -> None:
    refused(signed_in(admin).post(SCOPES, {"service": alice.pk, "currency": "USD"}), 422, "not_a_service", "service")
    for user in (alice, service):
        refused(signed_in(user).post(SCOPES, {"service": service.pk, "currency": "USD"}), 403, "permission_denied")
        refused(signed_in(user).get(SCOPES), 403, "permission_denied")


def test_a_credit_to_the_same_wallet_is_apart(alice: Any, service: Any, wallet: Wallet) -> None:
    order = deposit(alice, wallet, "5")
    credit(alice, wallet.pk, "7")
    settle(service, "deposits", order)
    assert balance_and_held(wallet) == ("1012", "0")
    assert_ledger_balances()
