"""The demo's products."""

from decimal import Decimal

from django.db import transaction

from catalog.models import Product
from catalog.services.products import ProductFields, create_product

_LISTED: tuple[tuple[str, str, str, str, int | None], ...] = (
    ("Espresso", "A short one.", "2.50", "USD", None),
    ("Cappuccino", "With oat milk if you like.", "4.20", "USD", None),
    ("Notebook", "160 dotted pages, A5.", "14.90", "USD", 250),
    ("Desk lamp", "Warm light, dimmable.", "59.00", "USD", 40),
    ("Fountain pen", "Steel nib, black ink.", "25.00", "EUR", 100),
    ("City map", "Folded, waterproof.", "7.95", "EUR", None),
    ("Signed print", "The last one.", "120.00", "EUR", 1),
)
DEMO_PRODUCTS: tuple[ProductFields, ...] = tuple(
    {"title": title, "description": description, "price": Decimal(price), "currency": currency, "stock": stock}
    for title, description, price, currency, stock in _LISTED
)


@transaction.atomic
def add_demo_products() -> int:
    """Add those that are missing, by title and currency; return how many. What exists stays as staff left it."""
    known = set(Product.objects.values_list("title", "currency_id"))
    missing = [fields for fields in DEMO_PRODUCTS if (fields["title"], fields["currency"]) not in known]
    for fields in missing:
        create_product(**fields)
    return len(missing)
