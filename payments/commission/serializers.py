"""The shapes of commission rules."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail

from api.amount_fields import AmountField, AmountInputField
from api.fields import PlainTextField
from api.moment_fields import MomentInputField
from api.serializers import RequestSerializer, unknown_members
from payments.commission.models import CommissionRule, Operation


@extend_schema_field({"type": "string", "format": "decimal", "example": "1.5"})
class PercentField(serializers.Field[Decimal, Any, str, Any]):
    def to_representation(self, value: Decimal) -> str:
        return f"{value.normalize():f}"


class CommissionRuleSerializer(serializers.ModelSerializer[CommissionRule]):
    operation = serializers.ChoiceField(choices=Operation.choices, read_only=True)
    currency = serializers.CharField(source="currency_id", read_only=True)
    percent = PercentField(read_only=True, help_text="Of the amount: 1.5 is one and a half percent.")
    fixed = AmountField(help_text="Added to the percentage.")
    minimum = AmountField(help_text="At least this, but never more than the amount.")
    maximum = AmountField(allow_null=True, help_text="At most this; null for no limit.")

    class Meta:
        model = CommissionRule
        fields = (
            "id", "operation", "currency", "percent", "fixed", "minimum", "maximum", "valid_from", "valid_until",
            "created_at",
        )  # fmt: skip
        read_only_fields = fields


class CommissionRuleWriteSerializer(RequestSerializer):
    operation = serializers.ChoiceField(choices=Operation.choices)
    currency = PlainTextField(max_length=10)
    percent = AmountInputField(default=Decimal(0), help_text="0 to 100, at most ten decimals.")
    fixed = AmountInputField(default=Decimal(0), help_text="Must fit the currency's decimals, as the next two.")
    minimum = AmountInputField(default=Decimal(0))
    maximum = AmountInputField(default=None, allow_null=True)
    valid_from = MomentInputField(default=None, allow_null=True, help_text="Not in the past; now when it is missing.")
    valid_until = MomentInputField(default=None, allow_null=True, help_text="Without end when it is missing.")


class CommissionRuleEndSerializer(RequestSerializer):
    valid_until = MomentInputField(
        allow_null=True,
        help_text="The rule is in force up to before it. A time that passed less than a minute ago means now.",
    )

    def refused_members(self, data: Mapping[str, Any]) -> dict[str, ErrorDetail]:
        fixed = CommissionRuleWriteSerializer().fields.keys() - self.fields.keys()
        stays = {
            name: ErrorDetail(_("This stays as it was: end the rule and make another."), code="fixed")
            for name in sorted(fixed & data.keys())
        }
        return {**unknown_members(data, {*self.fields, *fixed}), **stays}
