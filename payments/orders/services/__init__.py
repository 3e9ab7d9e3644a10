"""Deposits and withdrawals: requested by their owner, and settled once by a service or cancelled by the owner.

Lock order, written down once, so that nobody waits in a circle:

1. the Idempotency-Key;
2. to request an order: its owner, the external wallet, the commission rule;
   to settle or cancel one: its row, then its owner's external wallets;
3. the wallets, through the ledger.
"""

from payments.orders.plans.requests import ProviderUnavailable, TooManyPendingOrders
from payments.orders.plans.settlement import AlreadySettled
from payments.orders.services.cancellation import cancel_deposit, cancel_withdrawal
from payments.orders.services.expiry import expire_orders
from payments.orders.services.requests import request_deposit, request_withdrawal
from payments.orders.services.settlement import settle_deposit, settle_withdrawal
from payments.orders.services.settlement_scopes import (
    InvalidScope,
    NotAService,
    add_scope,
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
    "expire_orders",
    "give_first_scopes",
    "remove_scope",
    "request_deposit",
    "request_withdrawal",
    "settle_deposit",
    "settle_withdrawal",
]
