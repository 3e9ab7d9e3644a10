"""Deposits and withdrawals: made by their owner, and settled once by a service or cancelled by the owner.

Lock order, written down once: the Idempotency-Key; then, to make an order, its owner, the external wallet and the
commission rule, to settle or cancel one, its row and its owner's external wallets; then the wallets, through the
ledger. So nobody here waits in a circle.
"""

from payments.services.orders.cancellation import cancel_deposit, cancel_withdrawal
from payments.services.orders.expiry import expire_orders
from payments.services.orders.making import (
    ProviderUnavailable,
    TooManyPendingOrders,
    request_deposit,
    request_withdrawal,
)
from payments.services.orders.scopes import (
    InvalidScope,
    NotAService,
    add_scope,
    covers,
    give_first_scopes,
    remove_scope,
)
from payments.services.orders.settling import AlreadySettled, settle_deposit, settle_withdrawal

__all__ = [
    "AlreadySettled",
    "InvalidScope",
    "NotAService",
    "ProviderUnavailable",
    "TooManyPendingOrders",
    "add_scope",
    "cancel_deposit",
    "cancel_withdrawal",
    "covers",
    "expire_orders",
    "give_first_scopes",
    "remove_scope",
    "request_deposit",
    "request_withdrawal",
    "settle_deposit",
    "settle_withdrawal",
]
