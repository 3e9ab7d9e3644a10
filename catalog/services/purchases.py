"""Buying: one atomic block from the price to the money."""

from decimal import Decimal

from catalog.models import Purchase
from catalog.plans.purchases import AnyWalletPurchasePlan, OutOfStock, PriceChanged, PurchasePlan
from payments.metadata.members import NOTHING, Attached
from payments.operations.plan import carry_out

__all__ = ["OutOfStock", "PriceChanged", "buy"]


def buy(
    *,
    user_id: int,
    product_id: int,
    wallet_id: int | None,
    quantity: int = 1,
    expected_price: Decimal | None = None,
    attached: Attached = NOTHING,
) -> Purchase:
    """Buy with a wallet of the user's own, at the price that stands under the product's row lock. Not idempotent.

    Without a wallet, the first of them that holds enough of the product's currency pays.
    Locks the product, then the wallets. Raises what `PurchasePlan.decide` raises.
    """
    kind = AnyWalletPurchasePlan if wallet_id is None else PurchasePlan
    return carry_out(
        kind(
            user_id=user_id,
            product_id=product_id,
            wallet_id=wallet_id or 0,
            quantity=quantity,
            expected_price=expected_price,
            attached=attached,
        )
    )
