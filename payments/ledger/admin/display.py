"""Amounts and wallets as the admin writes them."""

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.core.paginator import Paginator

from payments.ledger.models import Currency, Wallet
from staff.formats import NOTHING, amount_text

if TYPE_CHECKING:  # Django's own classes take no type argument at run time.
    TabularInline = admin.TabularInline[Any, Any]
    PaginatorBase = Paginator[Any]
else:
    TabularInline = admin.TabularInline
    PaginatorBase = Paginator


def money(amount: Decimal | None, currency: Currency) -> str:
    return NOTHING if amount is None else f"{amount_text(amount, currency.decimal_places)} {currency.code}"


def wallet_name(wallet: Wallet) -> str:
    """Name the wallet as staff speak of it: by its owner, or as the house's with its currency."""
    return f"{wallet.house} {wallet.currency_id}" if wallet.house else str(wallet.owner)


def wallet_label(wallet: Wallet) -> str:
    """Say whose wallet it is: a user is named by email."""
    return f"{wallet.pk} ({wallet.house or wallet.owner})"
