"""The shapes of the shop: products, purchases, bills and their history."""

from typing import Any

from rest_framework import serializers

from api.amount_fields import AmountInputField
from api.fields import PlainTextField, WholeNumberField
from api.timestamps import timestamp
from catalog.models import Product, Purchase
from catalog.models.products import MAX_STOCK, TITLE_MAX_LENGTH
from catalog.models.purchases import MAX_QUANTITY
from catalog.serializers.products import LinesField
from legacy.history import OwnPosting
from legacy.numbers import NumberField, number
from legacy.requests import LegacyRequest, LooseFlagField, LooseIdField
from legacy.users import LegacyAccount, ListedUser

CURRENCY_MAX_LENGTH = 10


class LegacyProduct(serializers.Serializer[Any]):
    """A product as the old shop shows it."""

    id = serializers.IntegerField()
    title = serializers.CharField()
    description = serializers.CharField()
    price = NumberField()
    currency = serializers.CharField()
    stock = serializers.IntegerField(allow_null=True, help_text="Pieces left; null is unlimited.")
    is_active = serializers.BooleanField()


class LegacyProductChange(LegacyRequest):
    """What is left out stays."""

    aliases = {"title": ("name", "header"), "is_active": ("active",)}

    title = PlainTextField(max_length=TITLE_MAX_LENGTH, required=False)
    description = LinesField(required=False)
    price = AmountInputField(required=False)
    currency = PlainTextField(max_length=CURRENCY_MAX_LENGTH, required=False)
    stock = WholeNumberField(min_value=0, max_value=MAX_STOCK, allow_null=True, required=False)
    is_active = LooseFlagField(required=False)


class NewLegacyProduct(LegacyProductChange):
    """A new product, in the default currency unless another is named."""

    title = PlainTextField(max_length=TITLE_MAX_LENGTH)
    price = AmountInputField()


class LegacyPurchaseRequest(LegacyRequest):
    """What is bought, and from which bill it is paid."""

    aliases = {
        "product_id": ("product", "id", "pk", "product_pk"),
        "bill_id": ("bill", "account_id", "account", "wallet_id", "wallet"),
        "quantity": ("count",),
    }

    product_id = LooseIdField(help_text="Or `product`, `id`, `pk`.")
    bill_id = LooseIdField(
        required=False,
        help_text="Or `account_id`, `wallet_id`. Left out: the first of your bills that has enough of the currency.",
    )
    quantity = WholeNumberField(min_value=1, max_value=MAX_QUANTITY, default=1)


class LegacyPurchase(serializers.Serializer[Any]):
    """What was bought."""

    id = serializers.IntegerField()
    product_id = serializers.IntegerField()
    title = serializers.CharField()
    bill_id = serializers.IntegerField(help_text="The bill that paid.")
    quantity = serializers.IntegerField()
    price = NumberField(help_text="Of one piece.")
    amount = NumberField()
    currency = serializers.CharField()
    transaction_id = serializers.IntegerField()
    created_at = serializers.DateTimeField()


class BillLine(serializers.Serializer[Any]):
    """What one transaction did to one bill."""

    id = serializers.IntegerField()
    bill_id = serializers.IntegerField()
    amount = NumberField(help_text="Below zero where money went.")
    currency = serializers.CharField()
    kind = serializers.CharField()
    reference = serializers.CharField(help_text="Such as the payment provider, and its own transaction id.")
    created_at = serializers.DateTimeField()


class ShopMe(ListedUser):
    """Who I am, with all bills and the newest transactions."""

    login = serializers.CharField()
    bills = LegacyAccount(many=True, help_text="The same as `accounts`.")
    transactions = BillLine(many=True)


class UserSwitch(LegacyRequest):
    """Whether a user may act."""

    aliases = {"is_active": ("active", "enabled", "is_enabled")}

    is_active = LooseFlagField(help_text="Or `active`, or `enabled`.")


class ProductDeleted(serializers.Serializer[Any]):
    """That it is gone."""

    message = serializers.CharField()


def legacy_product_answer(product: Product) -> dict[str, Any]:
    return {
        "id": product.pk,
        "title": product.title,
        "description": product.description,
        "price": number(product.price, product.currency.decimal_places),
        "currency": product.currency_id,
        "stock": product.stock,
        "is_active": product.is_active,
    }


def legacy_purchase_answer(purchase: Purchase) -> dict[str, Any]:
    places = purchase.currency.decimal_places
    return {
        "id": purchase.pk,
        "product_id": purchase.product_id,
        "title": purchase.title,
        "bill_id": purchase.wallet_id,
        "quantity": purchase.quantity,
        "price": number(purchase.unit_price, places),
        "amount": number(purchase.amount, places),
        "currency": purchase.currency_id,
        "transaction_id": purchase.transaction_id,
        "created_at": timestamp(purchase.created_at),
    }


def bill_line_answer(one: OwnPosting) -> dict[str, Any]:
    amount = number(one.posting.amount, one.posting.currency.decimal_places)
    return {
        "id": one.transaction.pk,
        "bill_id": one.wallet_id,
        "amount": amount if one.comes_in else -amount,
        "currency": one.posting.currency_id,
        "kind": str(one.transaction.kind),
        "reference": one.transaction.reference,
        "created_at": timestamp(one.transaction.created_at),
    }
