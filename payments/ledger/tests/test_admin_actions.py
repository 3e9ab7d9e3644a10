"""/admin: what is held, what is reversed, and which wallets a reversal may overdraw."""

from typing import Any

import pytest
from django.test import Client

from payments.models import ExternalWallet, Reversal, Transaction, Wallet, Withdrawal
from staff.formats import GROUP
from tests.support import recipes
from tests.support.admin_pages import (
    TRANSACTIONS,
    WALLETS,
    WITHDRAWALS,
    confirm,
    confirm_address,
    staff_client,
    staff_log_of,
    text,
)
from tests.support.ledger import book_transfer, clearing_wallet, wallet_with
from tests.support.ledger_checks import assert_ledger_balances
from tests.support.orders import balance_and_held, stored_withdrawal, withdraw


@pytest.fixture
def site(admin: Any) -> Client:
    return staff_client(admin)


@pytest.fixture
def wallet(alice: Any) -> Wallet:
    return wallet_with(alice, "USD", "1000")


@pytest.fixture
def bank(alice: Any) -> ExternalWallet:
    return recipes.bank_account.make(owner=alice)


@pytest.fixture
def outgoing(alice: Any, wallet: Wallet, bank: ExternalWallet) -> Withdrawal:
    """100 dollars are held."""
    return stored_withdrawal(withdraw(alice, wallet, bank))


# --- what is held ---------------------------------------------------------------------------------------------


def test_a_wallet_names_the_withdrawals_that_hold_its_money(
    site: Client,
    alice: Any,
    outgoing: Withdrawal,
    bank: ExternalWallet,
    wallet: Wallet,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    other = withdraw(alice, wallet, bank, "5.00")["id"]
    page = text(site, f"{WALLETS}{wallet.pk}/change/")
    for pk in (outgoing.pk, other):
        assert f"/admin/payments/withdrawal/{pk}/change/" in page
    monkeypatch.setattr("payments.ledger.admin.wallets.MAX_HOLDS", 1)
    page = text(site, f"{WALLETS}{wallet.pk}/change/")
    assert f"/admin/payments/withdrawal/{other}/change/" not in page
    assert "and more" in page
    confirm(site, WITHDRAWALS, "reject", outgoing)
    page = text(site, f"{WALLETS}{wallet.pk}/change/")
    assert f"/admin/payments/withdrawal/{outgoing.pk}/change/" not in page
    assert f"/admin/payments/withdrawal/{other}/change/" in page


# --- reversals and overdrafts ---------------------------------------------------------------------------------


def test_a_transaction_is_reversed_once_and_both_pages_say_so(site: Client, admin: Any, wallet: Wallet) -> None:
    came_in = Transaction.objects.get(kind="deposit")
    page = text(site, confirm_address(TRANSACTIONS, "reverse", came_in))
    assert f"1{GROUP}000.00 USD back from wallet {wallet.pk} to {clearing_wallet()}" in page
    for _ in range(2):
        confirm(site, TRANSACTIONS, "reverse", came_in, reason="stolen card")
    back = Reversal.objects.get()
    assert (back.reason, back.staff, balance_and_held(wallet)) == ("stolen card", admin, ("0", "0"))
    original, reversal = (text(site, f"{TRANSACTIONS}{pk}/change/") for pk in (back.original_id, back.transaction_id))
    assert f"/admin/payments/transaction/{back.transaction_id}/change/" in original
    assert f"/admin/payments/transaction/{back.original_id}/change/" in reversal
    for page in (original, reversal):
        assert "stolen card" in page
        assert "Reverse…" not in page
    assert "was reversed before" in confirm(site, TRANSACTIONS, "reverse", came_in)
    assert "what took something back stays" in confirm(site, TRANSACTIONS, "reverse", back.transaction)
    assert_ledger_balances()


def test_what_is_spent_is_reversed_only_where_the_wallet_may_be_overdrawn(
    site: Client, bob: Any, wallet: Wallet
) -> None:
    came_in = Transaction.objects.get(kind="deposit")
    book_transfer((wallet.pk, wallet_with(bob, "USD", "1").pk, "1000"))
    assert "are available in the wallet" in confirm(site, TRANSACTIONS, "reverse", came_in)
    confirm(site, WALLETS, "allow-overdraft", wallet, reason="card dispute")
    confirm(site, TRANSACTIONS, "reverse", came_in)
    assert balance_and_held(wallet)[0] == "-1000"
    assert "are missing" in confirm(site, WALLETS, "stop-overdraft", wallet)
    book_transfer((clearing_wallet(), wallet.pk, "1000"), kind="deposit")
    confirm(site, WALLETS, "stop-overdraft", wallet, reason="paid up")
    assert staff_log_of(wallet) == [
        "Reversals may overdraw this wallet. Reason: card dispute",
        "Reversals may not overdraw this wallet. Reason: paid up",
    ]
    wallet.refresh_from_db()
    assert not wallet.may_overdraw
    assert_ledger_balances(by_hand=True)


def test_the_houses_wallets_have_no_overdraft(site: Client, wallet: Wallet) -> None:
    clearing = Wallet.objects.get(pk=clearing_wallet())
    assert "overdraft…" not in text(site, f"{WALLETS}{clearing.pk}/change/").lower()
    assert "have no limit" in confirm(site, WALLETS, "allow-overdraft", clearing)
    assert not Wallet.objects.filter(may_overdraw=True).exists()


def test_what_a_reversal_has_taken_cannot_be_paid_out(
    site: Client, admin: Any, outgoing: Withdrawal, wallet: Wallet
) -> None:
    came_in = Transaction.objects.get(kind="deposit")
    confirm(site, WALLETS, "allow-overdraft", wallet, reason="card dispute")
    confirm(site, TRANSACTIONS, "reverse", came_in, reason="disputed")
    assert balance_and_held(wallet) == ("0", "100")
    assert "are available in the wallet" in confirm(site, WITHDRAWALS, "approve", outgoing)
    outgoing.refresh_from_db()
    assert outgoing.status == "pending"
    confirm(site, WITHDRAWALS, "reject", outgoing)
    assert balance_and_held(wallet) == ("0", "0")
    assert_ledger_balances()
