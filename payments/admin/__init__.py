"""The staff site for money: look into anything, change nothing that is booked."""

from payments.admin import (
    books,
    commission,
    currencies,
    exchange,
    external_wallets,
    inbox,
    orders,
    people,
    providers,
    scopes,
    staff_log,
)

__all__ = [
    "books",
    "commission",
    "currencies",
    "exchange",
    "external_wallets",
    "inbox",
    "orders",
    "people",
    "providers",
    "scopes",
    "staff_log",
]
