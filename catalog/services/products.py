"""What staff do to products. With `by` it is noted in the product's history, with what was and what is."""

from collections.abc import Collection
from copy import copy
from decimal import Decimal
from typing import TypedDict, Unpack

from django.conf import settings
from django.db import transaction

from accounts.models import User
from api.decimals import format_amount
from api.versions import refuse_stale
from catalog.models import Product
from catalog.models.products import folded
from payments.ledger.services.currencies import active_currency
from payments.money import InvalidAmount, check_amount
from staff.history import describe_changes, record


class CurrencyFixed(Exception):
    """The product was sold, so its currency stays: make a new product."""

    field = "currency"


class ProductFields(TypedDict, total=False):
    """What staff may set; `currency` is a code, `stock` None is unlimited."""

    title: str
    description: str
    price: Decimal
    currency: str
    stock: int | None
    is_active: bool


_COLUMNS = {"currency": "currency_id"}


@transaction.atomic
def create_product(*, by: User | None = None, **fields: Unpack[ProductFields]) -> Product:
    """Add a product, in TILL_DEFAULT_CURRENCY unless another is given; not idempotent.

    Raises InvalidAmount for a price that its currency cannot hold (nothing is rounded), CurrencyUnavailable, or
    Django's ValidationError.
    """
    product = Product(currency_id=settings.TILL_DEFAULT_CURRENCY)
    _set(product, fields)
    _check_currency(product)
    _check_price(product, fields)
    _save(product)
    if by:
        price = format_amount(product.price, product.currency.decimal_places)
        record(about=product, staff=by, text=f"Added: {price} {product.currency_id}, stock {_stock(product)}.")
    return product


@transaction.atomic
def change_product(
    *,
    product_id: int,
    if_version: Collection[str] | None = None,
    by: User | None = None,
    **fields: Unpack[ProductFields],
) -> Product:
    """Change the fields that are given, under the product's row lock; same values again change nothing.

    Raises Product.DoesNotExist; StaleVersion when the version is none of `if_version`; CurrencyFixed; and what
    create_product raises.
    """
    product = _locked(product_id, if_version)
    before = copy(product)
    changed = _set(product, fields)
    if "currency" in changed:
        if product.purchases.exists():
            raise CurrencyFixed
        _check_currency(product)
    if changed or "price" in fields:
        _check_price(product, fields)
    if changed:
        product.version += 1
        _save(product)
        if by:
            columns = [_COLUMNS.get(name, name) for name in ProductFields.__annotations__]
            record(about=product, staff=by, text=f"Changed: {describe_changes(before, product, columns)}.")
    return product


@transaction.atomic
def delete_product(*, product_id: int, if_version: Collection[str] | None = None, by: User | None = None) -> None:
    """Destroy a product that was never sold; archive one that was, which is safe to repeat.

    Purchases hold the product's row lock until they commit, so none can slip in between.
    Raises Product.DoesNotExist, StaleVersion.
    """
    product = _locked(product_id, if_version)
    if not product.purchases.exists():
        if by:
            record(about=product, staff=by, text="Deleted.")
        product.delete()
    elif product.is_active:
        product.is_active = False
        product.version += 1
        product.save(update_fields=["is_active", "version"])
        if by:
            record(about=product, staff=by, text="Archived: it was sold, so it stays.")


def _stock(product: Product) -> str:
    return "unlimited" if product.stock is None else str(product.stock)


def _locked(product_id: int, if_version: Collection[str] | None) -> Product:
    product = Product.objects.select_for_update(no_key=True).get(pk=product_id)
    refuse_stale(str(product.version), if_version)
    return product


def _set(product: Product, fields: ProductFields) -> set[str]:
    """Set the fields and return the names of those that had other values."""
    if unknown := fields.keys() - ProductFields.__annotations__.keys():
        raise TypeError(f"staff do not set {sorted(unknown)}")
    changed = set()
    for name, value in fields.items():
        column = _COLUMNS.get(name, name)
        if getattr(product, column) != value:
            setattr(product, column, value)
            changed.add(name)
    return changed


def _check_currency(product: Product) -> None:
    currency = active_currency(product.currency_id)
    product.currency = currency


def _check_price(product: Product, fields: ProductFields) -> None:
    """Check the price as it was written, or as it is kept when the currency is another."""
    price = fields.get("price", Decimal(format_amount(product.price, 0)))
    maximum = Decimal(settings.TILL_MAX_AMOUNT)
    try:
        check_amount(price, decimal_places=product.currency.decimal_places, maximum=maximum)
    except InvalidAmount as error:
        raise InvalidAmount(error.code, str(error), field="price") from error


def _save(product: Product) -> None:
    product.search_text = f"{folded(product.title)}\n{folded(product.description)}"
    product.clean_fields(exclude=["currency"])
    product.save()
