"""A refusal for want of money says what is there and what is missing, to the wallet's owner and to nobody else."""

from decimal import Decimal
from typing import Any

import pytest

from payments.ledger import booking, shortfall
from payments.ledger.services.currencies import open_currency
from payments.ledger.services.wallets import open_wallet
from payments.models import Wallet
from tests.support import recipes
from tests.support.exchanges import post_exchange, post_transfer, store_rate
from tests.support.ledger import clearing_wallet, hold_for_withdrawal, wallet_with
from tests.support.orders import post_order, settle
from tests.support.purchases import a_product, buy
from tests.support.rest import refused, signed_in

pytestmark = pytest.mark.postgres
SENTENCE = "{available} USD are available in the wallet, {missing} are missing."


@pytest.fixture
def wallet(alice: Any) -> Wallet:
    return wallet_with(alice, "USD", "10")


def lacking(answer: Any, available: str, missing: str, code: str = "insufficient_funds") -> None:
    body = refused(answer, 409, code)
    assert (body["available"], body["missing"]) == (available, missing)
    assert body["detail"] == SENTENCE.format(available=available, missing=missing)


def without_sums(answer: Any) -> None:
    body = refused(answer, 409, "insufficient_funds")
    assert body.keys() == {"type", "title", "status", "code", "detail", "errors"}
    assert not any(character.isdigit() for character in body["detail"])


def test_a_buyer_reads_what_is_missing_and_what_is_held_is_not_available(alice: Any, wallet: Wallet) -> None:
    pen = a_product(price=Decimal(25))
    lacking(buy(alice, pen, wallet), "10.00", "15.00")
    hold_for_withdrawal(wallet.pk, "4")
    lacking(buy(alice, pen, wallet, quantity=2), "6.00", "44.00")


def test_a_withdrawal_says_what_is_missing(alice: Any, wallet: Wallet) -> None:
    bank = recipes.bank_account.make(owner=alice)
    lacking(post_order(alice, "withdrawals", wallet, "10.01", external_wallet=bank.pk), "10.00", "0.01")


def test_the_commission_of_a_transfer_is_missing_too(alice: Any, bob: Any, wallet: Wallet) -> None:
    recipes.commission_rule.make(operation="transfer", fixed=Decimal(1))
    bobs = open_wallet(owner_id=bob.pk, currency="USD")
    lacking(post_transfer(alice, wallet, "10", destination=bobs), "10.00", "1.00")
    lacking(post_transfer(alice, wallet, "12", destination=bobs), "10.00", "3.00")
    lacking(post_transfer(alice, wallet, "12", recipient="bob@example.com"), "10.00", "3.00")
    lacking(post_transfer(alice, wallet, "12", recipient="nobody@example.com"), "10.00", "3.00")


def test_an_exchange_says_what_is_missing_of_what_it_takes(alice: Any, wallet: Wallet) -> None:
    store_rate("USD", "EUR")
    recipes.commission_rule.make(operation="exchange", fixed=Decimal(1))
    euros = open_wallet(owner_id=alice.pk, currency="EUR")
    lacking(post_exchange(alice, wallet, euros, amount="9.5"), "10.00", "0.50")


def test_the_decimals_are_the_currencys(alice: Any) -> None:
    open_currency(code="JPY", name="Yen", decimal_places=0)
    wallet = wallet_with(alice, "JPY", "10")
    body = refused(buy(alice, a_product(price=Decimal(25), currency_id="JPY"), wallet), 409, "insufficient_funds")
    assert (body["available"], body["missing"]) == ("10", "15")


def test_who_settles_reads_them_as_an_admin_and_not_as_a_service(alice: Any, admin: Any, wallet: Wallet) -> None:
    service = recipes.service.make()
    recipes.settlement_scope.make(service=service)
    bank = recipes.bank_account.make(owner=alice)
    order = post_order(alice, "withdrawals", wallet, "6", external_wallet=bank.pk).json()["id"]
    take_back(wallet, "9")
    without_sums(settle(service, "withdrawals", order))
    lacking(settle(admin, "withdrawals", order), "1.00", "5.00")


def take_back(wallet: Wallet, amount: str) -> None:
    """Let a reversal take more than is available."""
    Wallet.objects.filter(pk=wallet.pk).update(may_overdraw=True)
    line = booking.NewPosting(wallet.pk, clearing_wallet(), Decimal(amount))
    [result] = booking.book([booking.NewTransaction("reversal", (line,), overdraws=True)])
    assert isinstance(result, booking.Booked)


def test_staff_read_what_a_reversal_and_a_limit_lack(alice: Any, bob: Any, admin: Any, wallet: Wallet) -> None:
    bobs = open_wallet(owner_id=bob.pk, currency="USD")
    sent = post_transfer(alice, wallet, "10", destination=bobs).json()["transaction"]
    pen = a_product(price=Decimal(7))
    assert buy(bob, pen, bobs).status_code == 201
    lacking(signed_in(admin).post(f"/api/v1/transactions/{sent}/reverse", {"reason": "x"}), "3.00", "7.00")
    take_back(bobs, "5")
    page = f"/api/v1/wallets/{bobs.pk}"
    lacking(signed_in(admin).patch(page, {"may_overdraw": False}), "-2.00", "2.00", "wallet_overdrawn")


def test_the_wallet_of_a_transaction_that_lacks_money_is_the_one_that_may_not_be_overdrawn(
    alice: Any, bob: Any, wallet: Wallet
) -> None:
    bobs = wallet_with(bob, "USD", "1")
    Wallet.objects.filter(pk=wallet.pk).update(may_overdraw=True)
    lines = (booking.NewPosting(wallet.pk, clearing_wallet(), Decimal(99)),
             booking.NewPosting(bobs.pk, clearing_wallet(), Decimal(3)))  # fmt: skip
    [result] = booking.book([booking.NewTransaction("reversal", lines, overdraws=True)])
    assert isinstance(result, booking.Refused)
    assert isinstance(result.error, booking.InsufficientFunds)
    assert (result.error.available, result.error.missing) == (1, 2)


def test_a_transaction_that_gives_first_needs_less(alice: Any, wallet: Wallet) -> None:
    house = clearing_wallet()
    lines = (booking.NewPosting(house, wallet.pk, Decimal(5)), booking.NewPosting(wallet.pk, house, Decimal(17)))
    [result] = booking.book([booking.NewTransaction("deposit", lines)])
    assert isinstance(result, booking.Refused)
    assert isinstance(result.error, booking.InsufficientFunds)
    assert (result.error.available, result.error.missing) == (10, 2)


def test_a_shortfall_that_nobody_measured_shows_no_sums() -> None:
    error = booking.InsufficientFunds()
    shortfall.show(error, 2)
    assert error.extra is None
