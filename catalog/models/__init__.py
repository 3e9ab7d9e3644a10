from catalog.models.products import Product
from catalog.models.purchases import Purchase, Refund

__all__ = ["Product", "Purchase", "Refund"]
