"""The staff site for the shop: products are changed by the services, purchases only refunded."""

from catalog.admin import products, purchases

__all__ = ["products", "purchases"]
