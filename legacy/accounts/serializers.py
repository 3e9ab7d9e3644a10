"""The shapes of accounts and payments, as their document prints them."""

from typing import Any

from rest_framework import serializers

from accounts.models import User
from accounts.serializers import AddressField
from api.timestamps import timestamp
from legacy.numbers import NumberField, number
from legacy.requests import EMAIL_ALIASES, NAME_ALIASES, LegacyRequest, NameField, NewPasswordField
from payments.ledger.models import Posting, Transaction, Wallet


class AccountsRegistration(LegacyRequest):
    """A new user, whose email is an address."""

    aliases = {"full_name": NAME_ALIASES}

    email = AddressField()
    password = NewPasswordField()
    full_name = NameField(default="")


class AccountsUserChange(LegacyRequest):
    """What an admin changes of a user; what is left out stays."""

    aliases = {"email": EMAIL_ALIASES, "full_name": NAME_ALIASES}

    email = AddressField(required=False)
    password = NewPasswordField(required=False, help_text="Ends all tokens of the user.")
    full_name = NameField(required=False)


class AboutUser(serializers.Serializer[Any]):
    """Who somebody is."""

    id = serializers.IntegerField()
    email = serializers.CharField()
    full_name = serializers.CharField()


class AccountWithBalance(serializers.Serializer[Any]):
    """An account: a wallet, and what it holds."""

    id = serializers.IntegerField()
    balance = NumberField()
    currency = serializers.CharField()


class Payment(serializers.Serializer[Any]):
    """Money that came in."""

    id = serializers.IntegerField()
    transaction_id = serializers.CharField(help_text="The payment provider's own id, or what the deposit is called.")
    account_id = serializers.IntegerField()
    user_id = serializers.IntegerField()
    amount = NumberField()
    currency = serializers.CharField()
    created_at = serializers.DateTimeField()


class DoneMessage(serializers.Serializer[Any]):
    """That it is done."""

    message = serializers.CharField()


def about_answer(user: User) -> dict[str, Any]:
    return {"id": user.pk, "email": user.email, "full_name": user.full_name}


def own_account_answer(wallet: Wallet) -> dict[str, Any]:
    balance = number(wallet.balance, wallet.currency.decimal_places)
    return {"id": wallet.pk, "balance": balance, "currency": wallet.currency_id}


def external_id(reference: str) -> str:
    """Return what the payment provider called it, without the provider; of a deposit that a service paid, all."""
    provider, _, named = reference.partition(" ")
    return named if named and provider != "deposit" else reference


def payment_answer(payment: Transaction, credit: Posting, user: User) -> dict[str, Any]:
    return {
        "id": payment.pk,
        "transaction_id": external_id(payment.reference),
        "account_id": credit.destination_id,
        "user_id": user.pk,
        "amount": number(credit.amount, credit.currency.decimal_places),
        "currency": credit.currency_id,
        "created_at": timestamp(payment.created_at),
    }
