"""Refunds that are decided in one batch: they share what is left of a purchase."""

from decimal import Decimal
from typing import Any

import pytest

from catalog.models import Product, Purchase, Refund
from catalog.plans.refunds import RefundedMeanwhile, RefundExceedsPurchase, RefundPlan
from payments.models import Wallet
from staff.separation_of_duties import OwnOrder
from tests.support.ledger import balance_of, wallet_with
from tests.support.plan_batches import run_batch
from tests.support.purchases import bought


@pytest.fixture
def purchase(alice: Any, pen: Product, wallet: Wallet) -> int:
    """Two of alice's pens: 50 of her 100 dollars."""
    return int(bought(alice, pen, wallet, quantity=2)["id"])


def plan(purchase: int, by: Any, amount: str | None = None, *, seen: str | None = None) -> RefundPlan:
    return RefundPlan(
        purchase=Purchase.objects.select_related("currency").get(pk=purchase),
        by=by,
        amount=None if amount is None else Decimal(amount),
        seen_refunded=None if seen is None else Decimal(seen),
    )


def test_refunds_of_one_purchase_never_pay_back_more_than_was_paid(admin: Any, purchase: int, wallet: Wallet) -> None:
    results = run_batch(*[plan(purchase, admin, amount) for amount in ("30", "30", "5.5", None, None)])
    assert [type(result) for result in results] == [
        Refund, RefundExceedsPurchase, Refund, Refund, RefundExceedsPurchase,
    ]  # fmt: skip
    assert [results[1].extra, results[4].extra] == [{"refundable": "20.00"}, {"refundable": "0.00"}]
    assert [*Refund.objects.order_by("pk").values_list("amount", flat=True)] == [30, Decimal("5.5"), Decimal("14.5")]
    assert (Purchase.objects.get(pk=purchase).refunded, balance_of(wallet)) == (50, 100)


def test_a_form_sent_twice_in_one_batch_pays_back_once(admin: Any, purchase: int) -> None:
    results = run_batch(*[plan(purchase, admin, "10", seen=seen) for seen in ("0", "0", "10")])
    assert [type(result) for result in results] == [Refund, RefundedMeanwhile, Refund]
    assert Purchase.objects.get(pk=purchase).refunded == 20


def test_refunds_of_several_purchases_keep_apart(admin: Any, bob: Any, pen: Product, purchase: int) -> None:
    his = bought(bob, pen, wallet_with(bob, "USD", "25"))["id"]
    results = run_batch(plan(purchase, admin, "1"), plan(his, bob), plan(his, admin), plan(purchase, admin, "2"))
    assert [type(result) for result in results] == [Refund, OwnOrder, Refund, Refund]
    stored = Refund.objects.values_list("pk", "purchase", "amount", "transaction", "created_at")
    assert {*stored} == {
        (one.pk, one.purchase_id, one.amount, one.transaction_id, one.created_at)
        for one in (results[0], results[2], results[3])
    }
    assert [Purchase.objects.get(pk=pk).refunded for pk in (purchase, his)] == [3, 25]
