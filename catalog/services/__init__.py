"""Everything that changes the shop. Views, the staff site and commands call these and nothing below them.

Lock order, written down once: the product's row or the purchase's row, never both; then the buyer's wallet, through
the ledger. A change of a product takes only its row. So nobody here waits in a circle.
"""

from catalog.services.products import (
    CurrencyFixed,
    ProductFields,
    change_product,
    create_product,
    delete_product,
)
from catalog.services.purchases import OutOfStock, PriceChanged, buy
from catalog.services.refunds import RefundedMeanwhile, RefundExceedsPurchase, refund

__all__ = [
    "CurrencyFixed",
    "OutOfStock",
    "PriceChanged",
    "ProductFields",
    "RefundExceedsPurchase",
    "RefundedMeanwhile",
    "buy",
    "change_product",
    "create_product",
    "delete_product",
    "refund",
]
