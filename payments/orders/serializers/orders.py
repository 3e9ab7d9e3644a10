"""The shapes of deposits, withdrawals, how they are settled, and what a service may settle."""

from typing import Any

from django.utils.translation import gettext as _
from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail, ValidationError

from api.amount_fields import AmountField, AmountInputField
from api.decimals import format_amount
from api.fields import FlagField, IdField, PlainTextField
from api.serializers import RequestSerializer
from api.timestamps import timestamp, timestamp_or_none
from payments.metadata.members import attached_answer
from payments.metadata.serializers import AttachingSerializer, MetadataAnswerField
from payments.orders.models import (
    BANK_REFERENCE_MAX_LENGTH,
    Deposit,
    ExternalWallet,
    OrderStatus,
    SettlementScope,
    Withdrawal,
)
from payments.orders.serializers.external_wallets import DetailsSchema

SLUG_MAX_LENGTH, REASON_MAX_LENGTH = 50, 200


def deposit_answer(order: Deposit | Withdrawal) -> dict[str, Any]:
    """Return a deposit, or what a withdrawal has in common with it."""
    places, provider = order.currency.decimal_places, order.provider
    return {
        "id": order.pk,
        "user": order.user_id,
        "wallet": order.wallet_id,
        "amount": format_amount(order.amount, places),
        "currency": order.currency_id,
        "commission": format_amount(order.commission, places),
        "net": format_amount(order.net, places),
        "status": str(order.status),
        "reason": order.reason,
        "bank_reference": order.bank_reference,
        "provider": None if provider is None else provider.slug,
        **attached_answer(order),
        "transaction": order.transaction_id,
        "created_at": timestamp(order.created_at),
        "settled_at": timestamp_or_none(order.settled_at),
    }


def withdrawal_answer(order: Withdrawal) -> dict[str, Any]:
    external = order.external_wallet
    return {
        **deposit_answer(order),
        "external_wallet": order.external_wallet_id,
        "pay_to": {"label": external.label, "kind": str(external.kind), "details": external.details},
        "owner_is_active": order.user.is_active,
    }


class DepositSerializer(serializers.ModelSerializer[Any]):
    user = serializers.IntegerField(source="user_id", read_only=True, help_text="Who asked for it.")
    wallet = serializers.IntegerField(source="wallet_id", read_only=True)
    amount = AmountField()
    currency = serializers.CharField(source="currency_id", read_only=True)
    commission = AmountField(help_text="Part of the amount; decided when the order was made.")
    net = AmountField(help_text="`amount` less `commission`: what arrives.")
    status = serializers.ChoiceField(
        choices=OrderStatus.choices, read_only=True, help_text="All but `pending` are for ever."
    )
    reason = serializers.CharField(read_only=True, help_text="Why it was rejected; `expired` when nobody settled it.")
    bank_reference = serializers.CharField(
        read_only=True, help_text="The bank's own reference of the payment, if whoever settled it wrote one down."
    )
    provider = serializers.CharField(
        source="provider.slug", default=None, read_only=True, allow_null=True, help_text="Who is to settle it."
    )
    metadata = MetadataAnswerField(read_only=True)
    transaction = serializers.IntegerField(
        source="transaction_id", read_only=True, allow_null=True, help_text="What was booked; null until it is paid."
    )

    class Meta:
        model = Deposit
        fields: tuple[str, ...] = (
            "id", "user", "wallet", "amount", "currency", "commission", "net", "status", "reason",
            "bank_reference", "provider", "reference", "metadata", "transaction", "created_at", "settled_at",
        )  # fmt: skip
        read_only_fields = fields

    def to_representation(self, instance: Any) -> dict[str, Any]:
        return deposit_answer(instance)


class PayToSerializer(serializers.ModelSerializer[ExternalWallet]):
    details = DetailsSchema(read_only=True)

    class Meta:
        model = ExternalWallet
        fields = ("label", "kind", "details")
        read_only_fields = fields


class WithdrawalSerializer(DepositSerializer):
    external_wallet = serializers.IntegerField(source="external_wallet_id", read_only=True)
    pay_to = PayToSerializer(source="external_wallet", read_only=True, help_text="Where the money goes.")

    owner_is_active = serializers.BooleanField(
        source="user.is_active",
        read_only=True,
        help_text="false: the owner was disabled. It can be settled all the same.",
    )

    class Meta(DepositSerializer.Meta):
        model = Withdrawal  # type: ignore[assignment]  # the other kind of order, of the same shape
        fields = (*DepositSerializer.Meta.fields, "external_wallet", "pay_to", "owner_is_active")
        read_only_fields = fields

    def to_representation(self, instance: Any) -> dict[str, Any]:
        return withdrawal_answer(instance)


class DepositWriteSerializer(AttachingSerializer):
    wallet = IdField(source="wallet_id", help_text="One of your own.")
    amount = AmountInputField(help_text="The commission is part of it.")
    provider = PlainTextField(max_length=SLUG_MAX_LENGTH, required=False, help_text="The slug of who is to settle it.")


class WithdrawalWriteSerializer(DepositWriteSerializer):
    external_wallet = IdField(source="external_wallet_id", help_text="One of your own, in the wallet's currency.")


class SettlementSerializer(RequestSerializer):
    status = serializers.ChoiceField(choices=[OrderStatus.PAID.value, OrderStatus.REJECTED.value])
    reason = PlainTextField(
        max_length=REASON_MAX_LENGTH,
        allow_blank=True,
        default="",
        help_text="Shown to the owner; only with `rejected`.",
    )
    bank_reference = PlainTextField(
        max_length=BANK_REFERENCE_MAX_LENGTH,
        allow_blank=True,
        default="",
        help_text="The bank's own reference of the payment. Shown to the owner; the first one stays.",
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if attrs["reason"] and attrs["status"] == OrderStatus.PAID:
            raise ValidationError({"reason": ErrorDetail(_("What is paid needs no reason."), code="invalid")})
        return attrs


class ScopeSerializer(serializers.ModelSerializer[SettlementScope]):
    service = serializers.IntegerField(source="service_id", read_only=True)
    currency = serializers.CharField(source="currency_id", read_only=True, allow_null=True)
    provider = serializers.CharField(source="provider.slug", default=None, read_only=True, allow_null=True)
    max_amount = AmountField(allow_null=True, help_text="The most that one order may be of; null: no limit.")

    class Meta:
        model = SettlementScope
        fields = ("id", "service", "currency", "provider", "everything", "max_amount")
        read_only_fields = fields


class ScopeWriteSerializer(RequestSerializer):
    service = IdField(source="service_id", help_text="A user with the role service.")
    currency = PlainTextField(max_length=10, required=False)
    provider = PlainTextField(max_length=SLUG_MAX_LENGTH, required=False, help_text="A provider's slug.")
    everything = FlagField(default=False, help_text="Orders of every currency and every provider.")
    max_amount = AmountInputField(
        required=False, help_text="The most that one order may be of, in the scope's currency; without: no limit."
    )
