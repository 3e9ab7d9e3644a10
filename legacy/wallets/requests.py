"""What requests to the wallet service hold. Its document prints no names, so the usual ones are all known."""

from typing import Any

from django.utils.translation import gettext as _
from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail, ValidationError

from api.amount_fields import AmountInputField
from api.fields import PlainTextField
from legacy.requests import LegacyRequest, LooseIdField
from payments.orders.models import ExternalWallet
from payments.orders.serializers.external_wallets import DetailsField
from payments.orders.serializers.orders import REASON_MAX_LENGTH

CURRENCY_MAX_LENGTH, LABEL_MAX_LENGTH, DETAIL_MAX_LENGTH = 10, 100, 500
#: What the old service called a rejection.
REJECT = "reject"
_WALLET = ("wallet", "account_id", "account", "bill_id")
_SOURCE = (
    *("from_wallet", "source_wallet_id", "source_id", "source", "sender_wallet_id", "wallet_from"),
    *("wallet_id", *_WALLET),
)
_TARGET = (
    *("to_wallet", "target_wallet_id", "target_id", "target", "destination_wallet_id", "destination_id", "destination"),
    *("recipient_wallet_id", "receiver_wallet_id", "wallet_to"),
)
_CURRENCY = ("currency_code",)
_WHICH_WALLET = "Or `wallet`, `account_id`, `id`. Left out: the first one in `currency`."
_DETAILS = ("iban", "last4", "address", "description")


def currency_field(**kwargs: Any) -> PlainTextField:
    return PlainTextField(max_length=CURRENCY_MAX_LENGTH, required=False, **kwargs)


class WalletChoice(LegacyRequest):
    """One of one's own wallets: by id, or the first in a currency, the default one unless another is named."""

    aliases = {"wallet_id": ("id", *_WALLET), "currency": _CURRENCY}

    wallet_id = LooseIdField(required=False, help_text=_WHICH_WALLET)
    currency = currency_field()


class WalletDeposit(WalletChoice):
    """Money to come in."""

    amount = AmountInputField(help_text="The commission is part of it.")


class WalletWithdrawal(WalletDeposit):
    """Money to go out."""

    aliases = {**WalletChoice.aliases, "external_wallet_id": ("external_wallet", "external_id")}

    external_wallet_id = LooseIdField(
        required=False, help_text="Left out: the newest of your external wallets in the wallet's currency."
    )


class WalletTransfer(LegacyRequest):
    """Money for another wallet of the same currency."""

    aliases = {"from_wallet_id": _SOURCE, "to_wallet_id": _TARGET, "currency": _CURRENCY}

    from_wallet_id = LooseIdField(
        required=False, help_text="Or `source`, `wallet_id`. Left out: your first one in `currency`."
    )
    to_wallet_id = LooseIdField(help_text="Or `destination`, `recipient_wallet_id`. Your own or another user's.")
    currency = currency_field(help_text="Left out: the default currency.")
    amount = AmountInputField(help_text="What arrives; a commission comes on top.")


class WalletExchange(LegacyRequest):
    """Money of one currency for another's: each side by a wallet's id or by its currency."""

    aliases = {
        "from_wallet_id": _SOURCE,
        "to_wallet_id": _TARGET,
        "from_currency": ("source_currency", "currency_from", "currency"),
        "to_currency": ("target_currency", "destination_currency", "currency_to"),
    }

    from_wallet_id = LooseIdField(required=False, help_text="Or `source`, `wallet_id`.")
    from_currency = currency_field(help_text="In the place of `from_wallet_id`: your first wallet in it.")
    to_wallet_id = LooseIdField(required=False, help_text="Or `destination`.")
    to_currency = currency_field(help_text="In the place of `to_wallet_id`: your first wallet in it.")
    amount = AmountInputField(help_text="Of the currency that is given.")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if "to_wallet_id" not in attrs and "to_currency" not in attrs:
            detail = _("Either `to_wallet_id` or `to_currency`.")
            raise ValidationError(
                {name: ErrorDetail(detail, code="exactly_one") for name in ("to_wallet_id", "to_currency")}
            )
        return attrs


class NewExternalWallet(LegacyRequest):
    """An account elsewhere, for withdrawals. All members may be left out."""

    aliases = {"label": ("name", "title"), "currency": _CURRENCY, "kind": ("type",)}

    label = PlainTextField(max_length=LABEL_MAX_LENGTH, default="External wallet")  # type: ignore[assignment]
    currency = currency_field(help_text="The default currency unless another is named.")
    kind = serializers.ChoiceField(
        choices=ExternalWallet.Kind.choices, required=False, help_text="Left out: as the details say."
    )
    details = DetailsField(required=False, help_text="As in `POST /api/v1/external-wallets`.")
    iban = PlainTextField(max_length=DETAIL_MAX_LENGTH, required=False, help_text="Of a bank account.")
    last4 = PlainTextField(max_length=DETAIL_MAX_LENGTH, required=False, help_text="Of a card; never the number.")
    address = PlainTextField(max_length=DETAIL_MAX_LENGTH, required=False, help_text="Of a blockchain.")
    description = PlainTextField(max_length=DETAIL_MAX_LENGTH, required=False, help_text="Of anything else.")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Put the details together. The kind follows from them where it is not given."""
        given = {name: attrs.pop(name) for name in _DETAILS if name in attrs}
        details = attrs.get("details", given or {"description": attrs["label"]})
        named = details.keys() if isinstance(details, dict) else ()
        kinds = {"iban": "bank", "last4": "card", "masked": "card", "address": "crypto"}
        kind = next((kinds[name] for name in named if name in kinds), "other")
        return {"kind": kind, **attrs, "details": details}


class TransactionSettlement(LegacyRequest):
    """What became of a pending transaction."""

    aliases = {
        "transaction_id": ("id", "transaction", "deposit_id", "withdraw_id", "withdrawal_id", "order_id"),
    }

    transaction_id = LooseIdField(help_text="Or `id`: what `POST /wallet/deposit` or `/wallet/withdraw` answered.")
    status = serializers.ChoiceField(choices=["paid", REJECT, "rejected"], help_text="`reject` and `rejected` are one.")
    reason = PlainTextField(max_length=REASON_MAX_LENGTH, allow_blank=True, default="", help_text="Of a rejection.")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if attrs["reason"] and attrs["status"] == "paid":
            raise ValidationError({"reason": ErrorDetail(_("What is paid needs no reason."), code="invalid")})
        return attrs
