"""Purchases, as the event loop takes them."""

from collections.abc import Mapping
from typing import Any

from accounts.models import Role, User
from api.plain_members import are_known, plain_amount, plain_id
from catalog.models import Purchase
from catalog.models.purchases import MAX_QUANTITY
from catalog.plans.purchases import PurchasePlan
from catalog.serializers.purchases import purchase_answer
from payments.metadata.members import NAMES, plain_attached
from payments.operations.fast_operation import FastOperation


def _plan(user_id: int, data: Mapping[str, Any], _id: int | None) -> PurchasePlan | None:
    product_id, wallet_id, quantity = (
        plain_id(data.get("product")),
        plain_id(data.get("wallet")),
        data.get("quantity", 1),
    )
    expected_price, attached = plain_amount(data.get("expected_price")), plain_attached(data)
    if (
        not are_known(data, "product", "wallet", "quantity", "expected_price", *NAMES)
        or product_id is None
        or wallet_id is None
        or attached is None
        or plain_id(quantity) is None
        or quantity > MAX_QUANTITY
        or ("expected_price" in data and expected_price is None)
    ):
        return None
    return PurchasePlan(
        user_id=user_id,
        product_id=product_id,
        wallet_id=wallet_id,
        quantity=quantity,
        expected_price=expected_price,
        attached=attached,
    )


def _answer(_user: User, purchase: Purchase) -> dict[str, Any]:
    return purchase_answer(purchase)


BUY = FastOperation(role=Role.USER, status=201, plan=_plan, answer=_answer)
