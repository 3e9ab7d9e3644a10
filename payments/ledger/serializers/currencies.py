"""Currencies, as the API shows and takes them."""

from rest_framework import serializers

from api.fields import FlagField, PlainTextField, WholeNumberField
from api.serializers import RequestSerializer
from payments.ledger.models import Currency
from payments.money import DECIMAL_PLACES


class CurrencySerializer(serializers.ModelSerializer[Currency]):
    class Meta:
        model = Currency
        fields = ("code", "name", "decimal_places", "is_active")
        read_only_fields = fields


class NewCurrencySerializer(RequestSerializer):
    code = PlainTextField(max_length=10, help_text="A currency's code, such as USD.")
    name = PlainTextField(max_length=60)
    decimal_places = WholeNumberField(min_value=0, max_value=DECIMAL_PLACES)


class CurrencyChangeSerializer(RequestSerializer):
    name = PlainTextField(max_length=60, required=False)
    is_active = FlagField(required=False)
