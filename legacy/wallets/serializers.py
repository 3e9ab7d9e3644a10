"""The answers of the wallet service: wallets, and transactions of the kinds that its document names."""

from collections.abc import Iterator
from typing import Any

from rest_framework import serializers

from accounts.models import User
from api.timestamps import timestamp
from legacy.history import OwnPosting
from legacy.numbers import NumberField, number
from legacy.sign_in import Registered
from legacy.wallets.requests import REJECT
from payments.exchange.models import Exchange
from payments.ledger import booking
from payments.ledger.models import Wallet
from payments.orders.models import Deposit, ExternalWallet, OrderStatus, Withdrawal
from payments.transfers.models import Transfer

#: As the old document spells it.
COMMISSION = "comission"
DEPOSIT, WITHDRAW, TRANSFER, EXCHANGE = "deposit", "withdraw", "transfer", "exchange"
RATE_DECIMALS = 10


class WalletUserId(serializers.Serializer[Any]):
    """My id."""

    id = serializers.IntegerField()
    user_id = serializers.IntegerField(help_text="The same as `id`.")


class TokenUser(WalletUserId):
    """Whose token it is."""

    email = serializers.CharField()
    full_name = serializers.CharField()
    role = serializers.CharField()
    is_active = serializers.BooleanField()


class WalletWithBalance(serializers.Serializer[Any]):
    """A wallet."""

    id = serializers.IntegerField()
    wallet_id = serializers.IntegerField(help_text="The same as `id`.")
    currency = serializers.CharField()
    balance = NumberField()
    held = NumberField(help_text="Reserved for pending withdrawals.")
    available = NumberField()


class WalletRegistered(Registered):
    """Who registered, and the wallets that were opened."""

    wallets = WalletWithBalance(many=True)


class ServiceUser(TokenUser):
    """A new service."""


class ExternalWalletAnswer(serializers.Serializer[Any]):
    """Where withdrawals go."""

    id = serializers.IntegerField()
    external_wallet_id = serializers.IntegerField(help_text="The same as `id`.")
    label = serializers.CharField()  # type: ignore[assignment]  # the stubs mean Field.label
    currency = serializers.CharField()
    kind = serializers.CharField()
    details = serializers.DictField(child=serializers.CharField())


class WalletTransaction(serializers.Serializer[Any]):
    """A deposit or a withdrawal with its status; or one posting of what was booked. Unique by `kind` and `id`."""

    id = serializers.IntegerField()
    transaction_id = serializers.IntegerField(help_text="The same as `id`.")
    kind = serializers.CharField(help_text="deposit, withdraw, transfer, comission, exchange, and others.")
    type = serializers.CharField(help_text="The same as `kind`.")
    status = serializers.ChoiceField(choices=["pending", "paid", REJECT, "cancelled"])
    amount = NumberField(help_text="Always positive.")
    currency = serializers.CharField()
    wallet_id = serializers.IntegerField(help_text="The user's.")
    from_wallet_id = serializers.IntegerField(allow_null=True, help_text="What gives; null is the outside world.")
    to_wallet_id = serializers.IntegerField(allow_null=True, help_text="What receives; null is the outside world.")
    commission = NumberField(allow_null=True, help_text="Part of a deposit's or a withdrawal's amount; else null.")
    booked = serializers.IntegerField(allow_null=True, help_text="The id in `GET /api/v1/transactions/{id}`.")
    created_at = serializers.DateTimeField()


class SettledTransaction(WalletTransaction):
    """An order with what its settlement moved: the order, then `transfer` and `comission`."""

    transactions = WalletTransaction(many=True)


class WalletExchanged(serializers.Serializer[Any]):
    """An exchange, at a rate of ten decimals."""

    id = serializers.IntegerField()
    kind = serializers.CharField()
    status = serializers.CharField()
    from_wallet_id = serializers.IntegerField()
    to_wallet_id = serializers.IntegerField()
    from_currency = serializers.CharField()
    to_currency = serializers.CharField()
    rate = NumberField()
    amount = NumberField(help_text="What was given.")
    proceeds = NumberField(help_text="What was received: up to ten decimals, rounded down.")
    commission = NumberField(help_text="On top of the amount.")
    booked = serializers.IntegerField()
    created_at = serializers.DateTimeField()


def token_user_answer(user: User) -> dict[str, Any]:
    return {
        "id": user.pk,
        "user_id": user.pk,
        "email": user.email,
        "full_name": user.full_name,
        "role": str(user.role),
        "is_active": user.is_active,
    }


def legacy_wallet_answer(wallet: Wallet) -> dict[str, Any]:
    places = wallet.currency.decimal_places
    return {
        "id": wallet.pk,
        "wallet_id": wallet.pk,
        "currency": wallet.currency_id,
        "balance": number(wallet.balance, places),
        "held": number(wallet.held, places),
        "available": number(wallet.available, places),
    }


def external_wallet_answer(external: ExternalWallet) -> dict[str, Any]:
    return {
        "id": external.pk,
        "external_wallet_id": external.pk,
        "label": external.label,
        "currency": external.currency_id,
        "kind": str(external.kind),
        "details": external.details,
    }


def status_word(status: str) -> str:
    return REJECT if status == OrderStatus.REJECTED else str(status)


def order_line(order: Deposit | Withdrawal) -> dict[str, Any]:
    """Return the order as the transaction whose status it changes."""
    comes_in = isinstance(order, Deposit)
    places, kind = order.currency.decimal_places, DEPOSIT if comes_in else WITHDRAW
    return {
        "id": order.pk,
        "transaction_id": order.pk,
        "kind": kind,
        "type": kind,
        "status": status_word(order.status),
        "amount": number(order.amount, places),
        "currency": order.currency_id,
        "wallet_id": order.wallet_id,
        "from_wallet_id": None if comes_in else order.wallet_id,
        "to_wallet_id": order.wallet_id if comes_in else None,
        "commission": number(order.commission, places),
        "booked": order.transaction_id,
        "created_at": timestamp(order.created_at),
    }


def posting_lines(postings: Iterator[OwnPosting]) -> Iterator[dict[str, Any]]:
    """Yield a line for each posting, but for what leaves by a withdrawal: that is the withdrawal itself."""
    for one in postings:
        kind = _kind_of(one)
        if kind != "withdrawal":
            yield _posting_line(one, kind)


def _kind_of(one: OwnPosting) -> str:
    """What comes in by a deposit is a transfer from the house, which has the deposit; as the document says."""
    kind = str(one.transaction.kind)
    fees = booking.house_wallet(Wallet.House.COMMISSION, one.posting.currency_id)
    if one.posting.destination_id == fees:
        return COMMISSION
    return TRANSFER if kind == DEPOSIT else kind


def _posting_line(one: OwnPosting, kind: str) -> dict[str, Any]:
    posting = one.posting
    return {
        "id": posting.pk,
        "transaction_id": posting.pk,
        "kind": kind,
        "type": kind,
        "status": "paid",
        "amount": number(posting.amount, posting.currency.decimal_places),
        "currency": posting.currency_id,
        "wallet_id": one.wallet_id,
        "from_wallet_id": posting.source_id,
        "to_wallet_id": posting.destination_id,
        "commission": None,
        "booked": one.transaction.pk,
        "created_at": timestamp(one.transaction.created_at),
    }


def legacy_transfer_answer(transfer: Transfer) -> dict[str, Any]:
    places = transfer.currency.decimal_places
    return {
        "id": transfer.pk,
        "transaction_id": transfer.pk,
        "kind": TRANSFER,
        "type": TRANSFER,
        "status": "paid",
        "amount": number(transfer.amount, places),
        "currency": transfer.currency_id,
        "wallet_id": transfer.source_id,
        "from_wallet_id": transfer.source_id,
        "to_wallet_id": transfer.destination_id,
        "commission": number(transfer.commission, places),
        "booked": transfer.transaction_id,
        "created_at": timestamp(transfer.created_at),
    }


def legacy_exchange_answer(exchange: Exchange) -> dict[str, Any]:
    source_places, target_places = exchange.source_currency.decimal_places, exchange.target_currency.decimal_places
    return {
        "id": exchange.pk,
        "kind": EXCHANGE,
        "status": "paid",
        "from_wallet_id": exchange.source_id,
        "to_wallet_id": exchange.destination_id,
        "from_currency": exchange.source_currency_id,
        "to_currency": exchange.target_currency_id,
        "rate": number(exchange.rate, RATE_DECIMALS),
        "amount": number(exchange.amount, source_places),
        "proceeds": number(exchange.proceeds, target_places),
        "commission": number(exchange.commission, source_places),
        "booked": exchange.transaction_id,
        "created_at": timestamp(exchange.created_at),
    }
