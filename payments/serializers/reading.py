"""The shapes of what is read back. Amounts are text with at least their currency's decimals."""

from decimal import Decimal
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.fields import get_attribute

from accounts.serializers import PlainTextField, RequestSerializer
from payments.models import Currency, Posting, Reversal, Transaction, Wallet, WebhookEvent
from payments.money import DECIMAL_PLACES, format_amount
from payments.serializers.writing import FlagField, WholeNumberField

AMOUNT_SCHEMA = {"type": "string", "format": "decimal", "example": "25.00"}


@extend_schema_field(AMOUNT_SCHEMA)
class AmountField(serializers.Field[Decimal, Any, str, Any]):
    """An amount as text. `currency` is the way from the object to its currency."""

    def __init__(self, *, currency: str = "currency", **kwargs: Any) -> None:
        super().__init__(read_only=True, **kwargs)
        self.currency = currency.split(".")

    def get_attribute(self, instance: Any) -> Any:
        amount = super().get_attribute(instance)
        if amount is None:
            return None
        return format_amount(amount, get_attribute(instance, self.currency).decimal_places)

    def to_representation(self, value: Any) -> str:
        return str(value)


class WalletSerializer(serializers.ModelSerializer[Wallet]):
    """`context["derived_balances"]` holds the balances of the house's wallets by id."""

    currency = serializers.CharField(source="currency_id", read_only=True)
    balance = serializers.SerializerMethodField()
    held = AmountField(help_text="Reserved for pending withdrawals.")
    available = serializers.SerializerMethodField(help_text="`balance` less `held`.")

    class Meta:
        model = Wallet
        fields: tuple[str, ...] = ("id", "currency", "balance", "held", "available", "created_at")
        read_only_fields = fields

    @extend_schema_field(AMOUNT_SCHEMA)
    def get_balance(self, wallet: Wallet) -> str:
        return format_amount(self._balance(wallet), wallet.currency.decimal_places)

    @extend_schema_field(AMOUNT_SCHEMA)
    def get_available(self, wallet: Wallet) -> str:
        return format_amount(self._balance(wallet) - wallet.held, wallet.currency.decimal_places)

    def _balance(self, wallet: Wallet) -> Decimal:
        derived: dict[int, Decimal] = self.context.get("derived_balances", {})
        stored: Decimal = wallet.balance
        return derived.get(wallet.pk, stored)


class StaffWalletSerializer(WalletSerializer):
    """What admins see besides."""

    owner = serializers.IntegerField(
        source="owner_id",
        read_only=True,
        allow_null=True,
        help_text="The user's id; null for the house's. Admins only.",
    )
    house = serializers.ChoiceField(
        choices=Wallet.House.choices,
        read_only=True,
        allow_null=True,
        help_text="The house's purpose. Admins only.",
    )

    class Meta(WalletSerializer.Meta):
        fields = (*WalletSerializer.Meta.fields, "owner", "house", "may_overdraw")
        read_only_fields = fields


class NewWalletSerializer(RequestSerializer):
    currency = PlainTextField(max_length=10, help_text="A currency's code, such as USD.")


class OverdraftSerializer(RequestSerializer):
    may_overdraw = FlagField()


class PostingSerializer(serializers.ModelSerializer[Posting]):
    source = serializers.IntegerField(  # type: ignore[assignment]  # the stubs mean Field.source
        source="source_id", read_only=True, help_text="The wallet that gave."
    )
    destination = serializers.IntegerField(
        source="destination_id", read_only=True, help_text="The wallet that received."
    )
    currency = serializers.CharField(source="currency_id", read_only=True)
    amount = AmountField(help_text="Always positive.")
    source_balance = AmountField(
        source="seen_source_balance",
        allow_null=True,
        help_text="The source's balance right after; null where the wallet is not yours.",
    )
    destination_balance = AmountField(
        source="seen_destination_balance",
        allow_null=True,
        help_text="The destination's balance right after; null where the wallet is not yours.",
    )

    class Meta:
        model = Posting
        fields = ("source", "destination", "currency", "amount", "source_balance", "destination_balance")
        read_only_fields = fields


class TransactionSerializer(serializers.ModelSerializer[Transaction]):
    reverses = serializers.SerializerMethodField(help_text="The transaction that this one takes back.")
    reversed_by = serializers.SerializerMethodField(help_text="The transaction that took this one back.")
    status = serializers.SerializerMethodField(help_text="Always `booked`: what is listed here has happened.")
    postings = PostingSerializer(
        source="seen_postings", many=True, read_only=True, help_text="Those on your wallets, in their order."
    )

    class Meta:
        model = Transaction
        fields = ("id", "kind", "status", "reference", "reverses", "reversed_by", "postings", "created_at")
        read_only_fields = fields

    def get_reverses(self, transaction: Transaction) -> int | None:
        made: Reversal | None = getattr(transaction, "reverses", None)
        return made.original_id if made else None

    def get_reversed_by(self, transaction: Transaction) -> int | None:
        made: Reversal | None = getattr(transaction, "reversal", None)
        return made.transaction_id if made else None

    @extend_schema_field({"type": "string", "enum": ["booked"]})
    def get_status(self, transaction: Transaction) -> str:  # noqa: ARG002
        return "booked"


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


class ReverseSerializer(RequestSerializer):
    reason = PlainTextField(max_length=200)


class WebhookEventSerializer(serializers.ModelSerializer[WebhookEvent]):
    provider = serializers.CharField(source="provider.slug", read_only=True)
    transaction_id = serializers.CharField(
        source="external_id", read_only=True, help_text="The provider's own id of the notice."
    )
    amount = AmountField(currency="provider.currency")
    transaction = serializers.IntegerField(
        source="transaction_id",
        read_only=True,
        allow_null=True,
        help_text="What was booked; null if nothing was.",
    )

    class Meta:
        model = WebhookEvent
        fields = (
            "id", "provider", "transaction_id", "user_id", "account_id", "amount", "verdict", "reason",
            "transaction", "received_at",
        )  # fmt: skip
        read_only_fields = fields
