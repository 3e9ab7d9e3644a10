"""What the shop's lists can be asked."""

from decimal import Decimal
from typing import Any

from django import forms
from django.db.models import QuerySet
from django.utils.translation import gettext as _
from django_filters import rest_framework as filters
from drf_spectacular.utils import extend_schema_field

from api.decimals import parse_decimal
from api.filters import UP_TO, CurrencyFilter, Filter, FilterSet, IdFilter, MomentFilter
from catalog.models import Product
from catalog.queries import products
from payments.metadata.filters import MetadataFilters
from payments.money import DECIMAL_PLACES, MAX_DIGITS

SEARCH_MAX_LENGTH = 100
_MAX_PRICE = Decimal(10) ** (MAX_DIGITS - DECIMAL_PLACES)


class PriceField(forms.Field):
    def to_python(self, value: str | None) -> Decimal | None:
        if not value:
            return None
        price = parse_decimal(value)
        if price is None or not 0 <= price < _MAX_PRICE:
            raise forms.ValidationError(_("A price such as 25.00."), "invalid")
        return price


@extend_schema_field({"type": "string", "format": "decimal", "example": "25.00"})
class PriceFilter(Filter):
    field_class = PriceField


class ProductFilters(FilterSet):
    search = filters.CharFilter(
        method="with_text",
        max_length=SEARCH_MAX_LENGTH,
        label="Only products whose title or description holds this text.",
    )
    currency = CurrencyFilter(field_name="currency_id", label="Only prices in this currency.")
    price_min = PriceFilter(field_name="price", lookup_expr="gte", label="Only prices from this one on.")
    price_max = PriceFilter(field_name="price", lookup_expr="lte", label="Only prices up to this one.")
    ordering = filters.ChoiceFilter(
        choices=[(name, name) for name in products.ORDERINGS],
        method="as_it_is",
        label="Default `-id`, the newest first. Equal ones follow each other by id.",
    )

    def with_text(self, queryset: QuerySet[Product], name: str, value: str) -> QuerySet[Product]:  # noqa: ARG002
        return products.with_text(queryset, value)

    def as_it_is(self, queryset: QuerySet[Product], name: str, value: str) -> QuerySet[Product]:  # noqa: ARG002
        """The list itself sorts: its cursor has to know by what."""
        return queryset


class StaffProductFilters(ProductFilters):
    is_active = filters.ChoiceFilter(
        choices=[("true", "on sale"), ("false", "archived")],
        method="on_sale",
        label="Only what is on sale, or not (admin).",
    )

    def on_sale(self, queryset: QuerySet[Product], name: str, value: str) -> QuerySet[Product]:  # noqa: ARG002
        return queryset.filter(is_active=value == "true")


class PurchaseFilters(MetadataFilters):
    product = IdFilter(field_name="product_id", label="Only purchases of this product.")
    wallet = IdFilter(field_name="wallet_id", label="Only purchases paid with this wallet.")
    locals()["from"] = MomentFilter(
        field_name="created_at", lookup_expr="gte", label="Only from this time on (RFC 3339)."
    )
    to = MomentFilter(
        field_name="created_at",
        lookup_expr="lt",
        label=UP_TO,
        is_end=True,
    )


class StaffPurchaseFilters(PurchaseFilters):
    user = IdFilter(field_name="user_id", label="Only this user's purchases (admin).")


def requested_ordering(parameters: Any) -> str:
    """Return the ordering that the request names. The filters refuse a wrong one."""
    ordering = parameters.get("ordering", products.DEFAULT_ORDERING)
    return ordering if ordering in products.ORDERINGS else products.DEFAULT_ORDERING
