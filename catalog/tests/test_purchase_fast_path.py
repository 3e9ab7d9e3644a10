"""What the event loop takes of purchases: what the serializer would take, as it would read it."""

from decimal import Decimal
from itertools import product as combinations
from typing import Any

import pytest

from catalog.fast_path import BUY
from catalog.models import Product
from catalog.plans.purchases import PurchasePlan
from catalog.serializers.purchases import BuySerializer, PurchaseSerializer
from payments.models import Wallet
from tests.support.plan_batches import run_batch

ABSENT = object()
IDS = [1, 2**63 - 1, 2**63, 0, -1, True, "1", 1.0, Decimal(1), None, [1], ABSENT]
QUANTITIES = [1, 1000, 1001, 0, -1, True, "2", Decimal(2), None, ABSENT]
PRICES = ["25.00", "0", "-1", 25, Decimal("25.0"), "1e2", " 25", "025", "", True, None, [], "9" * 201, ABSENT]


def bodies() -> list[dict[str, Any]]:
    fields = ("product", "wallet", "quantity", "expected_price")
    rows = [
        *((one, 7, 2, "5") for one in IDS),
        *((7, one, 2, "5") for one in IDS),
        *((7, 8, quantity, price) for quantity, price in combinations(QUANTITIES, PRICES)),
    ]
    return [{name: value for name, value in zip(fields, row, strict=True) if value is not ABSENT} for row in rows]


def test_it_takes_what_the_serializer_takes_and_reads_the_same() -> None:
    taken = 0
    for body in bodies():
        serializer, plan = BuySerializer(data=body), BUY.plan(5, body, None)
        assert serializer.is_valid() == (plan is not None), body
        if isinstance(plan, PurchasePlan):
            taken += 1
            names = ("product_id", "wallet_id", "quantity", "expected_price", "attached")
            values = {name: getattr(plan, name) for name in names}
            assert values == {"expected_price": None, **serializer.validated_data}
            assert plan.user_id == 5
    assert taken > 15


@pytest.mark.parametrize("more", [{"user": 1}, {"Quantity": 1}, {"": None}])
def test_the_view_looks_at_a_member_that_nobody_knows(more: dict[str, Any]) -> None:
    assert BUY.plan(5, {"product": 1, "wallet": 1} | more, None) is None


def test_its_answer_is_the_views(alice: Any, pen: Product, wallet: Wallet) -> None:
    plan = BUY.plan(alice.pk, {"product": pen.pk, "wallet": wallet.pk}, None)
    assert plan is not None
    [purchase] = run_batch(plan)
    assert BUY.answer(alice, purchase) == PurchaseSerializer(purchase).data
