"""/admin: what is held, what is reversed, and which wallets a reversal may overdraw."""

from typing import Any

import pytest
from django.test import Client

from payments.models import ExternalWallet, Reversal, Transaction, Wallet, Withdrawal
from tests.support.admin_factories import TRANSACTIONS, WALLETS, WITHDRAWALS, address, do, notes, signed, text
from tests.support.factories import clearing, move, wallet_with
from tests.support.order_factories import a_bank, books_balance, money, stored_withdrawal, withdraw


@pytest.fixture
def site(admin: Any) -> Client:
    return signed(admin)


@pytest.fixture
def purse(alice: Any) -> Wallet:
    return wallet_with(alice, "USD", "1000")


@pytest.fixture
def bank(alice: Any) -> ExternalWallet:
    return a_bank(alice)


@pytest.fixture
def outgoing(alice: Any, purse: Wallet, bank: ExternalWallet) -> Withdrawal:
    """100 dollars are held."""
    return stored_withdrawal(withdraw(alice, purse, bank))


# --- what is held ---------------------------------------------------------------------------------------------


def test_a_wallet_names_the_withdrawals_that_hold_its_money(
    site: Client, alice: Any, outgoing: Withdrawal, bank: ExternalWallet, purse: Wallet, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = withdraw(alice, purse, bank, "5.00")["id"]
    page = text(site, f"{WALLETS}{purse.pk}/change/")
    for pk in (outgoing.pk, other):
        assert f"/admin/payments/withdrawal/{pk}/change/" in page
    monkeypatch.setattr("payments.ledger.admin.wallets.MAX_HOLDS", 1)
    page = text(site, f"{WALLETS}{purse.pk}/change/")
    assert f"/admin/payments/withdrawal/{other}/change/" not in page
    assert "and more" in page
    do(site, WITHDRAWALS, "reject", outgoing)
    page = text(site, f"{WALLETS}{purse.pk}/change/")
    assert f"/admin/payments/withdrawal/{outgoing.pk}/change/" not in page
    assert f"/admin/payments/withdrawal/{other}/change/" in page


# --- reversals and overdrafts ---------------------------------------------------------------------------------


def test_a_transaction_is_reversed_once_and_both_pages_say_so(site: Client, admin: Any, purse: Wallet) -> None:
    came_in = Transaction.objects.get(kind="deposit")
    page = text(site, address(TRANSACTIONS, "reverse", came_in))
    assert f"1000.00 USD back from wallet {purse.pk} to {clearing()}" in page
    for _ in range(2):
        do(site, TRANSACTIONS, "reverse", came_in, reason="stolen card")
    back = Reversal.objects.get()
    assert (back.reason, back.staff, money(purse)) == ("stolen card", admin, ("0", "0"))
    original, reversal = (text(site, f"{TRANSACTIONS}{pk}/change/") for pk in (back.original_id, back.transaction_id))
    assert f"/admin/payments/transaction/{back.transaction_id}/change/" in original
    assert f"/admin/payments/transaction/{back.original_id}/change/" in reversal
    for page in (original, reversal):
        assert "stolen card" in page
        assert "Reverse…" not in page
    assert "was reversed before" in do(site, TRANSACTIONS, "reverse", came_in)
    assert "what took something back stays" in do(site, TRANSACTIONS, "reverse", back.transaction)
    books_balance()


def test_what_is_spent_is_reversed_only_where_the_wallet_may_be_overdrawn(
    site: Client, bob: Any, purse: Wallet
) -> None:
    came_in = Transaction.objects.get(kind="deposit")
    move((purse.pk, wallet_with(bob, "USD", "1").pk, "1000"))
    assert "available balance does not cover" in do(site, TRANSACTIONS, "reverse", came_in)
    do(site, WALLETS, "allow-overdraft", purse, reason="card dispute")
    do(site, TRANSACTIONS, "reverse", came_in)
    assert money(purse)[0] == "-1000"
    assert "it has to be filled first" in do(site, WALLETS, "stop-overdraft", purse)
    move((clearing(), purse.pk, "1000"), kind="deposit")
    do(site, WALLETS, "stop-overdraft", purse, reason="paid up")
    assert notes(purse) == [
        "Reversals may overdraw this wallet. Reason: card dispute",
        "Reversals may not overdraw this wallet. Reason: paid up",
    ]
    purse.refresh_from_db()
    assert not purse.may_overdraw
    books_balance(by_hand=True)


def test_the_houses_wallets_have_no_overdraft(site: Client, purse: Wallet) -> None:
    house = Wallet.objects.get(pk=clearing())
    assert "overdraft…" not in text(site, f"{WALLETS}{house.pk}/change/").lower()
    assert "have no limit" in do(site, WALLETS, "allow-overdraft", house)
    assert not Wallet.objects.filter(may_overdraw=True).exists()


def test_what_a_reversal_has_taken_cannot_be_paid_out(
    site: Client, admin: Any, outgoing: Withdrawal, purse: Wallet
) -> None:
    came_in = Transaction.objects.get(kind="deposit")
    do(site, WALLETS, "allow-overdraft", purse, reason="card dispute")
    do(site, TRANSACTIONS, "reverse", came_in, reason="disputed")
    assert money(purse) == ("0", "100")
    assert "available balance does not cover" in do(site, WITHDRAWALS, "approve", outgoing)
    outgoing.refresh_from_db()
    assert outgoing.status == "pending"
    do(site, WITHDRAWALS, "reject", outgoing)
    assert money(purse) == ("0", "0")
    books_balance()
