"""Orders whose plans are decided in one batch: what one changes, the next one sees, and no decision asks PostgreSQL."""

from decimal import Decimal
from typing import Any

import pytest

from accounts.models import DELETED_ADDRESS_END
from payments.ledger import booking
from payments.ledger.services.wallets import open_wallet
from payments.models import Deposit, ExternalWallet, Transaction, Wallet, Withdrawal
from payments.money import InvalidAmount
from payments.operations.plan import UnitOfWork
from payments.orders.models import Order
from payments.orders.plans.requests import DepositRequest, WithdrawalRequest
from payments.orders.plans.settlement import AlreadySettled, DepositSettlement, WithdrawalSettlement
from payments.orders.serializers.orders import deposit_answer, withdrawal_answer
from payments.orders.services import TooManyPendingOrders
from payments.transfers.plan import TransferPlan
from tests.support import recipes
from tests.support.ledger import clearing_wallet, wallet_with
from tests.support.ledger_checks import assert_ledger_balances
from tests.support.orders import balance_and_held
from tests.support.plan_batches import in_a_running_loop, run_batch


@pytest.fixture
def wallet(alice: Any) -> Wallet:
    return open_wallet(owner_id=alice.pk, currency="USD")


def deposit_of(wallet: Wallet, amount: str = "5.00", **fields: Any) -> DepositRequest:
    assert wallet.owner_id is not None
    return DepositRequest(user_id=wallet.owner_id, wallet_id=wallet.pk, amount=Decimal(amount), **fields)


class Abandoned(DepositRequest):
    """Something fails after the decision, as storing its answer might."""

    def decide(self, work: UnitOfWork) -> Deposit:
        DepositRequest.decide(self, work)
        raise InterruptedError


def test_deposits_of_one_batch_are_stored_as_they_are_answered(alice: Any, wallet: Wallet) -> None:
    first, second = run_batch(deposit_of(wallet, provider="sha1_colon"), deposit_of(wallet, "7"))
    answers = in_a_running_loop(lambda: [deposit_answer(first), deposit_answer(second)])
    stored = Deposit.objects.order_by("pk")
    assert answers == [deposit_answer(deposit) for deposit in stored]
    assert [(row.amount, row.provider and row.provider.slug) for row in stored] == [(5, "sha1_colon"), (7, None)]


def test_orders_of_one_user_in_one_batch_share_the_limit(alice: Any, bob: Any, wallet: Wallet, settings: Any) -> None:
    settings.TILL_PENDING_ORDERS = 2
    bobs = open_wallet(owner_id=bob.pk, currency="USD")
    outcomes = run_batch(
        deposit_of(wallet),
        deposit_of(wallet, "0"),
        Abandoned(user_id=alice.pk, wallet_id=wallet.pk, amount=Decimal(5)),
        deposit_of(wallet),
        deposit_of(wallet),
        deposit_of(bobs),
    )
    expected = [Deposit, InvalidAmount, InterruptedError, Deposit, TooManyPendingOrders, Deposit]
    assert [type(outcome) for outcome in outcomes] == expected
    assert [*Deposit.objects.order_by("pk").values_list("user_id", flat=True)] == [alice.pk, alice.pk, bob.pk]


# --- withdrawals ---
@pytest.fixture
def full(alice: Any) -> Wallet:
    return wallet_with(alice, "USD", "100")


def withdrawal_of(wallet: Wallet, to: ExternalWallet, amount: str, **fields: Any) -> WithdrawalRequest:
    assert wallet.owner_id is not None
    return WithdrawalRequest(
        user_id=wallet.owner_id, wallet_id=wallet.pk, external_wallet_id=to.pk, amount=Decimal(amount), **fields
    )


def transfer_of(source: Wallet, destination: Wallet, amount: str) -> TransferPlan:
    assert source.owner_id is not None
    return TransferPlan(
        user_id=source.owner_id, source_id=source.pk, destination_id=destination.pk, amount=Decimal(amount)
    )


def test_withdrawals_of_one_batch_are_stored_as_they_are_answered(alice: Any, full: Wallet) -> None:
    bank = recipes.bank_account.make(owner=alice)
    plans = [withdrawal_of(full, bank, "5.00", provider="sha1_colon"), withdrawal_of(full, bank, "7")]
    outcomes = run_batch(*plans)
    answers = in_a_running_loop(lambda: [*map(withdrawal_answer, outcomes)])
    assert answers == [withdrawal_answer(stored) for stored in Withdrawal.objects.order_by("pk")]
    assert balance_and_held(full) == ("100", "12")


def test_what_one_plan_holds_the_next_ones_cannot_have(alice: Any, bob: Any, full: Wallet) -> None:
    bank, bobs = recipes.bank_account.make(owner=alice), wallet_with(bob, "USD", "1")
    outcomes = run_batch(
        withdrawal_of(full, bank, "60"),
        withdrawal_of(full, bank, "40.01"),
        transfer_of(full, bobs, "40.01"),
        transfer_of(full, bobs, "30"),
        withdrawal_of(full, bank, "10"),
    )
    refusal = booking.InsufficientFunds
    assert [outcome for outcome in map(type, outcomes) if outcome is refusal] == [type(outcomes[1]), type(outcomes[2])]
    assert (balance_and_held(full), balance_and_held(bobs)) == (("70", "70"), ("31", "0"))
    assert_ledger_balances()


def test_money_that_came_in_this_batch_can_be_held(alice: Any, bob: Any, full: Wallet) -> None:
    bobs = wallet_with(bob, "USD", "500")
    run_batch(transfer_of(bobs, full, "400"), withdrawal_of(full, recipes.bank_account.make(owner=alice), "450"))
    assert balance_and_held(full) == ("500", "450")
    assert_ledger_balances()


def test_deposits_and_withdrawals_of_one_user_share_the_limit(alice: Any, full: Wallet, settings: Any) -> None:
    settings.TILL_PENDING_ORDERS = 2
    bank = recipes.bank_account.make(owner=alice)
    outcomes = run_batch(
        deposit_of(full), withdrawal_of(full, bank, "101"), withdrawal_of(full, bank, "1"), deposit_of(full)
    )
    expected = [Deposit, booking.InsufficientFunds, Withdrawal, TooManyPendingOrders]
    assert [type(outcome) for outcome in outcomes] == expected
    assert balance_and_held(full) == ("100", "1")


# --- settlements ---
def paid(order: Order, by: Any, **fields: Any) -> Any:
    kind = DepositSettlement if isinstance(order, Deposit) else WithdrawalSettlement
    return kind(order_id=order.pk, settlement="paid", by=by, **fields)


def rejected(order: Order, by: Any, reason: str = "No.") -> Any:
    kind = DepositSettlement if isinstance(order, Deposit) else WithdrawalSettlement
    return kind(order_id=order.pk, settlement="rejected", by=by, reason=reason)


@pytest.fixture
def orders(alice: Any, full: Wallet) -> list[Order]:
    """A deposit of 5, and withdrawals of 60 and 30 to one account, all of them pending."""
    bank = recipes.bank_account.make(owner=alice)
    return run_batch(deposit_of(full), withdrawal_of(full, bank, "60"), withdrawal_of(full, bank, "30"))


def test_settlements_of_one_batch_are_stored_as_they_are_answered(
    service: Any, full: Wallet, orders: list[Order]
) -> None:
    deposit, first, second = run_batch(paid(orders[0], service), paid(orders[1], service), rejected(orders[2], service))
    answers = in_a_running_loop(lambda: [deposit_answer(deposit), withdrawal_answer(first), withdrawal_answer(second)])
    withdrawals = Withdrawal.objects.order_by("pk")
    assert answers == [deposit_answer(Deposit.objects.get()), *map(withdrawal_answer, withdrawals)]
    assert [(row.status, row.reason, row.settled_by) for row in withdrawals] == [
        ("paid", "", service), ("rejected", "No.", service)
    ]  # fmt: skip
    assert balance_and_held(full) == ("45", "0")
    assert_ledger_balances()


@pytest.mark.parametrize("number", [0, 1])
def test_the_second_settlement_of_an_order_sees_the_first(
    service: Any, full: Wallet, orders: list[Order], number: int
) -> None:
    order = orders[number]
    first, again, otherwise = run_batch(paid(order, service), paid(order, service), rejected(order, service))
    assert type(otherwise) is AlreadySettled
    answer = deposit_answer if number == 0 else withdrawal_answer
    assert answer(first) == answer(again)
    assert Transaction.objects.filter(reference=f"{order._meta.model_name} {order.pk}").count() == 1
    assert balance_and_held(full) == (("105", "90") if number == 0 else ("40", "30"))
    assert_ledger_balances()


def test_a_settlement_that_is_refused_leaves_the_order_to_the_next(
    service: Any, full: Wallet, orders: list[Order]
) -> None:
    """A reversal has taken the money: it cannot be paid out, but what is held can be given back."""
    Wallet.objects.filter(pk=full.pk).update(may_overdraw=True)
    taken = booking.NewPosting(full.pk, clearing_wallet(), Decimal(100))
    booking.book_one(booking.NewTransaction("reversal", (taken,), overdraws=True))
    refusal, given_back = run_batch(paid(orders[1], service), rejected(orders[1], service))
    assert type(refusal) is booking.InsufficientFunds
    assert given_back.status == "rejected"
    assert balance_and_held(full) == ("0", "30")


def test_what_a_deposit_brings_can_be_spent_in_its_batch(
    service: Any, bob: Any, full: Wallet, orders: list[Order]
) -> None:
    bobs = wallet_with(bob, "USD", "1")
    run_batch(paid(orders[0], service), rejected(orders[1], service), transfer_of(full, bobs, "75"))
    assert (balance_and_held(full), balance_and_held(bobs)) == (("30", "30"), ("76", "0"))
    assert_ledger_balances()


def test_each_settles_only_what_its_scopes_name(service: Any, full: Wallet, orders: list[Order]) -> None:
    other, unknown = recipes.service.make(), Deposit(pk=2**62)
    recipes.settlement_scope.make(service=other, everything=False, currency_id="USD", max_amount=Decimal(4))
    outcomes = run_batch(paid(orders[0], other), paid(unknown, service), paid(orders[0], service))
    assert [*map(type, outcomes)] == [Deposit.DoesNotExist, Deposit.DoesNotExist, Deposit]
    assert balance_and_held(full) == ("105", "90")


def test_the_account_of_a_deleted_owner_is_forgotten_with_the_last_withdrawal(
    alice: Any, service: Any, orders: list[Order]
) -> None:
    type(alice).objects.filter(pk=alice.pk).update(email=f"{alice.pk}{DELETED_ADDRESS_END}", is_active=False)
    first, last, again = run_batch(paid(orders[1], service), paid(orders[2], service), paid(orders[1], service))
    account = ExternalWallet.objects.get()
    assert (account.label, account.details, account.deleted_at is not None) == ("deleted", {}, True)
    assert first.external_wallet.label == "My bank"
    for withdrawal in (last, again):
        assert (withdrawal.external_wallet.label, withdrawal.external_wallet.details) == ("deleted", {})
        assert withdrawal_answer(withdrawal)["owner_is_active"] is False
