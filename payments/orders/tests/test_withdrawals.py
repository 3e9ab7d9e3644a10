"""POST and GET withdrawals: the money is held at once, and goes out or comes back by a verdict."""

from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone

from payments.ledger import booking
from payments.models import Currency, ExternalWallet, Transaction, Wallet, Withdrawal
from tests.support import recipes
from tests.support.ledger import book_transfer, clearing_wallet, postings, wallet_with
from tests.support.ledger_checks import assert_ledger_balances, nothing_changes
from tests.support.orders import (
    balance_and_held,
    make_rule,
    post_order,
    settle,
    stored_withdrawal,
    withdraw,
)
from tests.support.rest import API, ids, new_key, refused, signed_in

WITHDRAWALS = f"{API}/withdrawals"


@pytest.fixture
def wallet(alice: Any) -> Wallet:
    return wallet_with(alice, "USD", "100")


@pytest.fixture
def bank(alice: Any) -> ExternalWallet:
    return recipes.bank_account.make(owner=alice)


# --- asking ---
def test_a_withdrawal_holds_the_money_and_books_nothing(alice: Any, wallet: Wallet, bank: ExternalWallet) -> None:
    booked = Transaction.objects.count()
    order = withdraw(alice, wallet, bank, "60.00")
    assert order.pop("created_at").endswith("Z")
    assert order == {
        "id": Withdrawal.objects.get().pk, "user": alice.pk, "wallet": wallet.pk, "amount": "60.00", "currency": "USD",
        "commission": "0.00", "net": "60.00", "status": "pending", "reason": "", "bank_reference": "",
        "provider": None, "transaction": None,
        "reference": "", "metadata": {}, "settled_at": None, "external_wallet": bank.pk,
        "pay_to": {"label": "My bank", "kind": "bank", "details": bank.details},
        "owner_is_active": True,
    }  # fmt: skip
    assert balance_and_held(wallet) == ("100", "60")
    assert Transaction.objects.count() == booked
    body = signed_in(alice).get(f"{API}/wallets/{wallet.pk}").json()
    assert (body["balance"], body["held"], body["available"]) == ("100.00", "60.00", "40.00")
    assert_ledger_balances()


def test_held_money_cannot_be_spent_moved_or_withdrawn_again(
    alice: Any, bob: Any, wallet: Wallet, bank: ExternalWallet
) -> None:
    withdraw(alice, wallet, bank, "60.00")
    other = wallet_with(bob, "USD", "1")
    [status] = booking.book(
        [booking.NewTransaction("transfer", (booking.NewPosting(wallet.pk, other.pk, Decimal(41)),))]
    )
    assert isinstance(status, booking.Refused)
    refused(post_order(alice, "withdrawals", wallet, "40.01", external_wallet=bank.pk), 409, "insufficient_funds")
    withdraw(alice, wallet, bank, "40.00")
    assert balance_and_held(wallet) == ("100", "100")


def test_a_withdrawal_refuses_more_than_there_is(alice: Any, wallet: Wallet, bank: ExternalWallet) -> None:
    refused(post_order(alice, "withdrawals", wallet, "100.01", external_wallet=bank.pk), 409, "insufficient_funds")
    assert balance_and_held(wallet) == ("100", "0")
    assert not Withdrawal.objects.exists()


@pytest.mark.parametrize("amount", ["0", "-1", "1.001", "1000000000000000001"])
def test_a_withdrawal_refuses_what_breaks_a_rule_of_money(
    alice: Any, wallet: Wallet, bank: ExternalWallet, amount: str
) -> None:
    refused(post_order(alice, "withdrawals", wallet, amount, external_wallet=bank.pk), 422, "invalid_amount", "amount")


def test_a_withdrawal_wants_an_external_wallet_of_the_same_currency(alice: Any, wallet: Wallet) -> None:
    euros = recipes.bank_account.make(owner=alice, currency_id="EUR")
    answer = post_order(alice, "withdrawals", wallet, "1", external_wallet=euros.pk)
    body = refused(answer, 422, "currency_mismatch", "external_wallet")
    assert body["detail"] == "The external wallet is for EUR."
    assert balance_and_held(wallet) == ("100", "0")


def test_money_leaves_a_currency_that_was_taken_out_of_use(alice: Any, wallet: Wallet) -> None:
    Currency.objects.filter(pk="USD").update(is_active=False)
    withdraw(alice, wallet, recipes.bank_account.make(owner=alice), "100")
    assert balance_and_held(wallet) == ("100", "100")


def test_a_withdrawal_pays_only_from_my_wallets_to_my_external_wallets(
    alice: Any, mallory: Any, admin: Any, wallet: Wallet, bank: ExternalWallet
) -> None:
    hers = recipes.bank_account.make(owner=mallory)
    for user, source, external, code in (
        (mallory, wallet, hers, "wallet_not_found"),
        (mallory, clearing_wallet(), hers, "wallet_not_found"),
        (mallory, 2**62, hers, "wallet_not_found"),
        (alice, wallet, hers, "external_wallet_not_found"),
        (mallory, wallet, bank, "external_wallet_not_found"),
        (admin, wallet, bank, "external_wallet_not_found"),
    ):
        fields = ["wallet"] if code == "wallet_not_found" else []
        refused(post_order(user, "withdrawals", source, "1", external_wallet=external.pk), 404, code, *fields)
    refused(post_order(alice, "withdrawals", wallet, "1", external_wallet=2**62), 404, "external_wallet_not_found")
    assert balance_and_held(wallet) == ("100", "0")


def test_a_withdrawal_does_not_pay_to_a_deleted_external_wallet(
    alice: Any, wallet: Wallet, bank: ExternalWallet
) -> None:
    ExternalWallet.objects.filter(pk=bank.pk).update(deleted_at=timezone.now())
    refused(post_order(alice, "withdrawals", wallet, "1", external_wallet=bank.pk), 404, "external_wallet_not_found")


def test_a_service_makes_none(service: Any, wallet: Wallet, bank: ExternalWallet) -> None:
    refused(post_order(service, "withdrawals", wallet, "1", external_wallet=bank.pk), 403, "permission_denied")


def test_a_withdrawal_is_held_once_for_a_key(alice: Any, wallet: Wallet, bank: ExternalWallet) -> None:
    key, data = new_key(), {"wallet": wallet.pk, "amount": "60", "external_wallet": bank.pk}
    refused(signed_in(alice).post(WITHDRAWALS, data), 400, "idempotency_key_required")
    first, again = (signed_in(alice).post(WITHDRAWALS, data, headers=key) for _ in range(2))
    assert first.content == again.content
    assert again.headers["Idempotent-Replayed"] == "true"
    assert balance_and_held(wallet) == ("100", "60")


# --- dry_run ---
def test_a_dry_run_tells_the_price_and_changes_nothing(
    alice: Any, admin: Any, wallet: Wallet, bank: ExternalWallet
) -> None:
    make_rule(admin, "withdrawal", fixed="1.25")
    data = {"wallet": wallet.pk, "amount": "100.00", "external_wallet": bank.pk}
    with nothing_changes():
        answer = signed_in(alice).post(f"{WITHDRAWALS}?dry_run=true", data)
    assert answer.status_code == 200
    assert (answer.json()["id"], answer.json()["commission"], answer.json()["net"]) == (None, "1.25", "98.75")
    too_much = data | {"amount": "100.01"}
    refused(signed_in(alice).post(f"{WITHDRAWALS}?dry_run=true", too_much), 409, "insufficient_funds")


# --- the verdict ---
def test_paid_takes_it_out_less_the_commission(
    alice: Any, admin: Any, service: Any, wallet: Wallet, bank: ExternalWallet
) -> None:
    make_rule(admin, "withdrawal", percent="2", fixed="0.50")
    order = withdraw(alice, wallet, bank, "60.00")
    paid = settle(service, "withdrawals", order).json()
    assert (paid["status"], paid["commission"], paid["net"]) == ("paid", "1.70", "58.30")
    row = stored_withdrawal(order)
    assert paid["transaction"] == row.transaction_id
    till = booking.house_wallet("commission", "USD")
    assert postings(row.transaction_id) == [(wallet.pk, clearing_wallet(), "58.3"), (wallet.pk, till, "1.7")]
    assert row.transaction is not None
    assert (row.transaction.kind, row.transaction.reference) == ("withdrawal", f"withdrawal {row.pk}")
    assert balance_and_held(wallet) == ("40", "0")
    assert_ledger_balances()


def test_rejected_gives_it_back(alice: Any, service: Any, wallet: Wallet, bank: ExternalWallet) -> None:
    order = withdraw(alice, wallet, bank, "60.00")
    withdraw(alice, wallet, bank, "10.00")
    rejected = settle(service, "withdrawals", order, "rejected", reason="No such account.").json()
    assert (rejected["status"], rejected["reason"], rejected["transaction"]) == ("rejected", "No such account.", None)
    assert balance_and_held(wallet) == ("100", "10")
    assert_ledger_balances()


def test_a_withdrawal_is_settled_once(alice: Any, service: Any, wallet: Wallet, bank: ExternalWallet) -> None:
    order = withdraw(alice, wallet, bank, "60.00")
    first, again = (settle(service, "withdrawals", order) for _ in range(2))
    assert (first.status_code, again.status_code) == (200, 200)
    assert first.content == again.content
    refused(settle(service, "withdrawals", order, "rejected"), 409, "already_settled", "status")
    assert balance_and_held(wallet) == ("40", "0")


def test_a_commission_as_large_as_the_amount_pays_nothing_out(
    alice: Any, admin: Any, wallet: Wallet, bank: ExternalWallet
) -> None:
    make_rule(admin, "withdrawal", minimum="5")
    order = withdraw(alice, wallet, bank, "3.00")
    settle(admin, "withdrawals", order)
    assert postings(stored_withdrawal(order).transaction_id) == [
        (wallet.pk, booking.house_wallet("commission", "USD"), "3")
    ]
    assert_ledger_balances()


def test_a_withdrawal_is_not_paid_when_a_reversal_has_taken_the_money(
    alice: Any, service: Any, wallet: Wallet, bank: ExternalWallet
) -> None:
    order = withdraw(alice, wallet, bank, "60.00")
    Wallet.objects.filter(pk=wallet.pk).update(may_overdraw=True)
    line = booking.NewPosting(wallet.pk, clearing_wallet(), wallet.balance)
    booking.book([booking.NewTransaction("reversal", (line,), overdraws=True)])
    refused(settle(service, "withdrawals", order), 409, "insufficient_funds")
    assert balance_and_held(wallet) == ("0", "60")
    assert settle(service, "withdrawals", order, "rejected").status_code == 200
    assert balance_and_held(wallet) == ("0", "0")


def test_the_external_wallet_of_a_settled_one_may_go_and_is_still_shown(
    alice: Any, service: Any, wallet: Wallet, bank: ExternalWallet
) -> None:
    order = withdraw(alice, wallet, bank)
    settle(service, "withdrawals", order)
    assert signed_in(alice).delete(f"{API}/external-wallets/{bank.pk}").status_code == 204
    body = signed_in(alice).get(f"{WITHDRAWALS}/{order['id']}").json()
    assert body["pay_to"]["details"]["iban"].startswith("DE89")


# --- reading ---
def test_a_withdrawal_is_seen_by_its_owner_staff_and_services_alone(
    alice: Any, bob: Any, mallory: Any, admin: Any, service: Any, wallet: Wallet, bank: ExternalWallet
) -> None:
    order = withdraw(alice, wallet, bank)["id"]
    for user in (bob, mallory):
        assert ids(signed_in(user).get(WITHDRAWALS)) == []
        assert signed_in(user).get(f"{WITHDRAWALS}/{order}").status_code == 404
    for user in (alice, admin, service):
        assert ids(signed_in(user).get(WITHDRAWALS)) == [order]
        assert signed_in(user).get(f"{WITHDRAWALS}/{order}").json()["pay_to"]["kind"] == "bank"
    assert ids(signed_in(admin).get(WITHDRAWALS, {"user": bob.pk})) == []
    assert ids(signed_in(service).get(WITHDRAWALS, {"status": "pending"})) == [order]


@pytest.mark.parametrize("count", [1, 4])
def test_the_withdrawal_list_takes_one_query(
    alice: Any, wallet: Wallet, bank: ExternalWallet, django_assert_num_queries: Any, count: int
) -> None:
    for _ in range(count):
        withdraw(alice, wallet, bank, "1")
    client = signed_in(alice)
    with django_assert_num_queries(1):
        client.get(WITHDRAWALS)


def test_a_wallet_with_many_holds_adds_up(alice: Any, service: Any, wallet: Wallet, bank: ExternalWallet) -> None:
    withdrawals = [withdraw(alice, wallet, bank, "10") for _ in range(5)]
    for order, status in zip(withdrawals, ("paid", "rejected", "paid"), strict=False):
        settle(service, "withdrawals", order, status)
    assert balance_and_held(wallet) == ("80", "20")
    book_transfer((wallet.pk, clearing_wallet(), "60"))
    assert balance_and_held(wallet) == ("20", "20")
    assert_ledger_balances(by_hand=True)


def test_who_settles_a_disabled_users_withdrawal_is_told(alice: Any, admin: Any, service: Any, wallet: Wallet) -> None:
    order = withdraw(alice, wallet, recipes.bank_account.make(owner=alice), "40.00")
    assert order["owner_is_active"] is True
    disabled = signed_in(admin).post(f"/api/v1/users/{alice.pk}/disable").json()
    waiting = {"kind": "withdrawal", "currency": "USD", "count": 1, "amount": "40.00"}
    assert disabled["pending_orders"] == [waiting]
    assert signed_in(service).get(f"/api/v1/withdrawals/{order['id']}").json()["owner_is_active"] is False
    paid = settle(service, "withdrawals", order).json()
    assert (paid["status"], paid["owner_is_active"]) == ("paid", False)
