"""Orders whose plans are decided in one batch: what one changes, the next one sees, and no decision asks PostgreSQL."""

from decimal import Decimal
from typing import Any

import pytest

from payments.ledger import booking
from payments.ledger.services.wallets import open_wallet
from payments.models import Deposit, ExternalWallet, Wallet, Withdrawal
from payments.money import InvalidAmount
from payments.operations.plan import UnitOfWork
from payments.orders.plans.requests import DepositRequest, WithdrawalRequest
from payments.orders.serializers.orders import deposit_answer, withdrawal_answer
from payments.orders.services import TooManyPendingOrders
from payments.transfers.plan import TransferPlan
from tests.support import recipes
from tests.support.ledger import wallet_with
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
