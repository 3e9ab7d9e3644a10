"""The shapes of wallets. Amounts are text with at least their currency's decimals."""

from decimal import Decimal

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from api.amount_fields import AMOUNT_SCHEMA, AmountField
from api.decimals import format_amount
from api.fields import FlagField, PlainTextField
from api.serializers import RequestSerializer
from payments.ledger.models import Wallet


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
