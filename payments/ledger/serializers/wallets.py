"""The shapes of wallets. Amounts are text with at least their currency's decimals."""

from datetime import datetime
from decimal import Decimal
from typing import Any

from rest_framework import serializers

from api.amount_fields import AmountField
from api.decimals import format_amount
from api.fields import FlagField, PlainTextField
from api.serializers import RequestSerializer
from api.timestamps import timestamp
from payments.ledger.models import Wallet
from payments.money import EXACT


def wallet_members(
    id_: int, currency: str, places: int, balance: Decimal, held: Decimal, created_at: datetime
) -> dict[str, Any]:
    """Return a wallet as its owner sees it."""
    return {
        "id": id_,
        "currency": currency,
        "balance": format_amount(balance, places),
        "held": format_amount(held, places),
        "available": format_amount(EXACT.subtract(balance, held), places),
        "created_at": timestamp(created_at),
    }


def wallet_answer(wallet: Wallet, derived: Decimal | None = None) -> dict[str, Any]:
    """Return a wallet as its owner sees it. `derived` is the balance of a house wallet, whose row holds none."""
    return wallet_members(
        wallet.pk,
        wallet.currency_id,
        wallet.currency.decimal_places,
        wallet.balance if derived is None else derived,
        wallet.held,
        wallet.created_at,
    )


def staff_wallet_answer(wallet: Wallet, derived: Decimal | None = None) -> dict[str, Any]:
    house = wallet.house
    return {
        **wallet_answer(wallet, derived),
        "owner": wallet.owner_id,
        "house": None if house is None else str(house),
        "may_overdraw": wallet.may_overdraw,
    }


class WalletSerializer(serializers.ModelSerializer[Wallet]):
    """`context["derived_balances"]` holds the balances of the house's wallets by id."""

    currency = serializers.CharField(source="currency_id", read_only=True)
    balance = AmountField()
    held = AmountField(help_text="Reserved for pending withdrawals.")
    available = AmountField(help_text="`balance` less `held`.")

    class Meta:
        model = Wallet
        fields: tuple[str, ...] = ("id", "currency", "balance", "held", "available", "created_at")
        read_only_fields = fields

    def to_representation(self, instance: Wallet) -> dict[str, Any]:
        return wallet_answer(instance, self.derived_balance(instance))

    def derived_balance(self, wallet: Wallet) -> Decimal | None:
        derived: dict[int, Decimal] = self.context.get("derived_balances", {})
        return derived.get(wallet.pk)


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

    def to_representation(self, instance: Wallet) -> dict[str, Any]:
        return staff_wallet_answer(instance, self.derived_balance(instance))


class NewWalletSerializer(RequestSerializer):
    currency = PlainTextField(max_length=10, help_text="A currency's code, such as USD.")


class OverdraftSerializer(RequestSerializer):
    may_overdraw = FlagField()
