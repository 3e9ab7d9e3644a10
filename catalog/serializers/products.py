"""The shapes of products."""

from typing import Any

from rest_framework import serializers

from api.amount_fields import AmountField, AmountInputField
from api.decimals import format_amount
from api.fields import FlagField, PlainTextField, WholeNumberField
from api.serializers import RequestSerializer
from api.timestamps import timestamp
from catalog.models import Product
from catalog.models.products import DESCRIPTION_MAX_LENGTH, MAX_STOCK, TITLE_MAX_LENGTH, validate_lines


def product_answer(product: Product) -> dict[str, Any]:
    return {
        "id": product.pk,
        "title": product.title,
        "description": product.description,
        "price": format_amount(product.price, product.currency.decimal_places),
        "currency": product.currency_id,
        "is_active": product.is_active,
        "stock": product.stock,
        "created_at": timestamp(product.created_at),
    }


class ProductSerializer(serializers.ModelSerializer[Product]):
    price = AmountField(help_text="For one piece.")
    currency = serializers.CharField(source="currency_id", read_only=True)
    stock = serializers.IntegerField(read_only=True, allow_null=True, help_text="Pieces left; null is unlimited.")

    class Meta:
        model = Product
        fields = ("id", "title", "description", "price", "currency", "is_active", "stock", "created_at")
        read_only_fields = fields

    def to_representation(self, instance: Product) -> dict[str, Any]:
        return product_answer(instance)


class LinesField(serializers.CharField):
    """Text of several lines that was sent as text."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_length=DESCRIPTION_MAX_LENGTH, allow_blank=True, **kwargs)
        self.validators.append(validate_lines)

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            self.fail("invalid")
        return super().to_internal_value(data)


class ProductWriteSerializer(RequestSerializer):
    """A whole product: what is left out takes its default, but a product that exists keeps its currency."""

    title = PlainTextField(max_length=TITLE_MAX_LENGTH)
    description = LinesField(default="")
    price = AmountInputField(help_text="For one piece. Must fit the currency's decimals; nothing is rounded.")
    currency = PlainTextField(
        max_length=10,
        required=False,
        help_text="A currency's code; a new product has the default one without it. Fixed once the product was sold.",
    )
    is_active = FlagField(default=True, help_text="On sale; false hides it from everybody but admins.")
    stock = WholeNumberField(
        min_value=0, max_value=MAX_STOCK, allow_null=True, default=None, help_text="Pieces left; null is unlimited."
    )
