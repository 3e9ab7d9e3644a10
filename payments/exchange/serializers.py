"""The shapes of rates, quotes and exchanges."""

from decimal import Decimal
from typing import Any

from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail, ValidationError

from api.amount_fields import AmountField, AmountInputField
from api.decimals import format_amount
from api.fields import FlagField, IdField, PlainTextField
from api.serializers import RequestSerializer, refuse_unless_one_of
from api.timestamps import timestamp
from payments.exchange import services
from payments.exchange.models import Exchange, ExchangeRate, Quote
from payments.metadata.members import attached_answer
from payments.metadata.serializers import AttachingSerializer, MetadataAnswerField

ORIGIN_MAX_LENGTH = 60
_SOURCE, _TARGET = {"currency": "source_currency"}, {"currency": "target_currency"}


def rate_text(rate: Decimal) -> str:
    return f"{rate:.10f}"


def quote_answer(quote: Quote) -> dict[str, Any]:
    source_places = quote.source_currency.decimal_places
    return {
        "id": quote.pk,
        "source_currency": quote.source_currency_id,
        "target_currency": quote.target_currency_id,
        "rate": rate_text(quote.rate),
        "amount": format_amount(quote.amount, source_places),
        "proceeds": format_amount(quote.proceeds, quote.target_currency.decimal_places),
        "commission": format_amount(quote.commission, source_places),
        "created_at": timestamp(quote.created_at),
        "expires_at": timestamp(quote.expires_at),
    }


def exchange_answer(exchange: Exchange) -> dict[str, Any]:
    source_places, target_places = exchange.source_currency.decimal_places, exchange.target_currency.decimal_places
    return {
        "id": exchange.pk,
        "user": exchange.user_id,
        "source": exchange.source_id,
        "destination": exchange.destination_id,
        "source_currency": exchange.source_currency_id,
        "target_currency": exchange.target_currency_id,
        "rate": rate_text(exchange.rate),
        "amount": format_amount(exchange.amount, source_places),
        "proceeds": format_amount(exchange.proceeds, target_places),
        "commission": format_amount(exchange.commission, source_places),
        "remainder": format_amount(exchange.remainder, target_places),
        "quote": exchange.quote_id,
        **attached_answer(exchange),
        "transaction": exchange.transaction_id,
        "created_at": timestamp(exchange.created_at),
    }


@extend_schema_field({"type": "string", "format": "decimal", "example": "0.8602150537"})
class RateField(serializers.Field[Decimal, Any, str, Any]):
    """What one unit of the source's currency buys of the target's: text with ten decimals."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(read_only=True, help_text="What one unit of the source buys of the target.", **kwargs)

    def to_representation(self, value: Decimal) -> str:
        return rate_text(value)


class RateSerializer(serializers.ModelSerializer[ExchangeRate]):
    source_currency = serializers.CharField(source="source_currency_id", read_only=True)
    target_currency = serializers.CharField(source="target_currency_id", read_only=True)
    rate = RateField()
    is_stale = serializers.SerializerMethodField(help_text="Too old: nothing is exchanged at it.")

    class Meta:
        model = ExchangeRate
        fields: tuple[str, ...] = ("source_currency", "target_currency", "rate", "origin", "as_of", "is_stale")
        read_only_fields = fields

    def get_is_stale(self, rate: ExchangeRate) -> bool:
        return services.is_stale(rate)


class RateSetSerializer(RateSerializer):
    """A rate that was just set."""

    warnings = serializers.SerializerMethodField(help_text="What staff should look at; the rate is set all the same.")

    class Meta(RateSerializer.Meta):
        fields = (*RateSerializer.Meta.fields, "warnings")
        read_only_fields = fields

    @extend_schema_field({"type": "array", "items": {"type": "string"}})
    def get_warnings(self, rate: ExchangeRate) -> list[str]:
        back = services.gaining_back(rate)
        if back is None:
            return []
        there = f"{rate.source_currency_id} to {rate.target_currency_id}"
        return [f"{there} and back gains, at the house's cost: the way back is {back.rate:f}."]


class RateWriteSerializer(RequestSerializer):
    rate = AmountInputField(help_text="More than 0, at most ten decimals; nothing is rounded.")
    origin = PlainTextField(max_length=ORIGIN_MAX_LENGTH, default="staff", help_text="Who says so.")
    as_of = serializers.DateTimeField(required=False, help_text="When it was said; now when it is missing.")
    confirm = FlagField(default=False, help_text="Set it although it moves by more than 10 % against the last one.")


class QuoteSerializer(serializers.ModelSerializer[Quote]):
    source_currency = serializers.CharField(source="source_currency_id", read_only=True)
    target_currency = serializers.CharField(source="target_currency_id", read_only=True)
    rate = RateField()
    amount = AmountField(**_SOURCE, help_text="Of the source's currency.")
    proceeds = AmountField(**_TARGET, help_text="Of the target's currency: up to ten decimals, rounded down.")
    commission = AmountField(**_SOURCE, help_text="Of the source's currency, on top of `amount`.")

    class Meta:
        model = Quote
        fields: tuple[str, ...] = (
            "id", "source_currency", "target_currency", "rate", "amount", "proceeds", "commission", "created_at",
            "expires_at",
        )  # fmt: skip
        read_only_fields = fields

    def to_representation(self, instance: Quote) -> dict[str, Any]:
        return quote_answer(instance)


class QuoteWriteSerializer(RequestSerializer):
    source_currency = PlainTextField(max_length=10, help_text="What is given, such as USD.")
    target_currency = PlainTextField(max_length=10, help_text="What is received.")
    amount = AmountInputField(help_text="Of the source's currency; at most ten decimals.")


class ExchangeSerializer(serializers.ModelSerializer[Exchange]):
    user = serializers.IntegerField(source="user_id", read_only=True, help_text="Whose wallets they are.")
    source = serializers.IntegerField(  # type: ignore[assignment]  # the stubs mean Field.source
        source="source_id", read_only=True, help_text="The wallet that gave."
    )
    destination = serializers.IntegerField(
        source="destination_id", read_only=True, help_text="The wallet that received."
    )
    source_currency = serializers.CharField(source="source_currency_id", read_only=True)
    target_currency = serializers.CharField(source="target_currency_id", read_only=True)
    rate = RateField()
    amount = AmountField(**_SOURCE, help_text="What the source gave, without the commission.")
    proceeds = AmountField(**_TARGET, help_text="What the destination received: up to ten decimals, rounded down.")
    commission = AmountField(**_SOURCE, help_text="Taken from the source, on top of `amount`.")
    remainder = AmountField(
        **_TARGET, help_text="What rounding left with the house: `proceeds` + `remainder` = `amount` x `rate`, exactly."
    )
    quote = serializers.IntegerField(source="quote_id", read_only=True, allow_null=True)
    metadata = MetadataAnswerField(read_only=True)
    transaction = serializers.IntegerField(source="transaction_id", read_only=True)

    class Meta:
        model = Exchange
        fields = (
            "id", "user", "source", "destination", "source_currency", "target_currency", "rate", "amount", "proceeds",
            "commission", "remainder", "quote", "reference", "metadata", "transaction", "created_at",
        )  # fmt: skip
        read_only_fields = fields

    def to_representation(self, instance: Exchange) -> dict[str, Any]:
        return exchange_answer(instance)


class PercentInputField(AmountInputField):
    """From 0 to 100, as text or as a number."""

    def to_internal_value(self, data: Any) -> Decimal:
        percent = super().to_internal_value(data)
        if not 0 <= percent <= 100:
            raise ValidationError(_("From 0 to 100."), code="out_of_range")
        return percent


class PositiveField(AmountInputField):
    def to_internal_value(self, data: Any) -> Decimal:
        number = super().to_internal_value(data)
        if number <= 0:
            raise ValidationError(_("Greater than 0."), code="out_of_range")
        return number


class ExchangeWriteSerializer(AttachingSerializer):
    source = IdField(help_text="One of your own wallets.")  # type: ignore[assignment]  # the stubs mean Field.source
    destination = IdField(help_text="Another of your own, of another currency.")
    amount = AmountInputField(
        required=False, help_text="Of the source's currency, at the rate of this moment. Either this or `quote`."
    )
    quote = IdField(required=False, help_text="What was promised to you. Either this or `amount`.")
    expected_rate = PositiveField(required=False, help_text="The rate that you have seen; with `max_slippage`.")
    max_slippage = PercentInputField(
        required=False,
        help_text=(
            "By how many percent of `expected_rate` the rate may be worse, 0 to 100; 409 `rate_slipped` if it is worse"
            " still. Only with `amount`."
        ),
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        refuse_unless_one_of(attrs, "amount", "quote")
        _check_slippage(attrs)
        return attrs


def _check_slippage(attrs: dict[str, Any]) -> None:
    names = ("expected_rate", "max_slippage")
    given = [name for name in names if name in attrs]
    if given and "quote" in attrs:
        raise ValidationError(
            {name: ErrorDetail(_("A quote's rate does not slip."), code="not_with") for name in given}
        )
    if len(given) == 1:
        [missing] = set(names) - set(given)
        raise ValidationError({missing: ErrorDetail(_("Goes with `%(name)s`.") % {"name": given[0]}, code="required")})
