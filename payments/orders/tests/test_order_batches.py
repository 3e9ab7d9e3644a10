"""Orders whose plans are decided in one batch: what one changes, the next one sees, and no decision asks PostgreSQL."""

from decimal import Decimal
from typing import Any

import pytest

from payments.ledger.services.wallets import open_wallet
from payments.models import Deposit, Wallet
from payments.money import InvalidAmount
from payments.operations.plan import UnitOfWork
from payments.orders.plans.requests import DepositRequest
from payments.orders.serializers.orders import deposit_answer
from payments.orders.services import TooManyPendingOrders
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
