"""Deposits and withdrawals: made by their owner, and settled once by a service or cancelled by the owner.

Lock order, written down once: the Idempotency-Key; then, to make an order, its owner, the external wallet and the
commission rule, to settle or cancel one, its row and its owner's external wallets; then the wallets, through the
ledger. So nobody here waits in a circle.
"""

from payments.orders.services.cancellation import cancel_deposit, cancel_withdrawal
from payments.orders.services.expiry import expire_orders
from payments.orders.services.requests import (
    ProviderUnavailable,
    TooManyPendingOrders,
    request_deposit,
    request_withdrawal,
)
from payments.orders.services.settlement import AlreadySettled, settle_deposit, settle_withdrawal
from payments.orders.services.settlement_scopes import (
    InvalidScope,
    NotAService,
    add_scope,
    covers,
    give_first_scopes,
    remove_scope,
)

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
