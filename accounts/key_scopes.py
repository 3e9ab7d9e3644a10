"""What API keys may do: the closed list of scopes, and the one table of the operations that each of them opens.

An operation that is not in the table is closed to keys, whatever their scopes.
"""

from collections.abc import Mapping
from typing import Any, Final

from django.db import models


class Scope(models.TextChoices):
    """The labels are what staff read who make a key."""

    DEPOSITS_READ = "deposits:read", "deposits:read: deposits that the service may settle"
    DEPOSITS_SETTLE = "deposits:settle", "deposits:settle: settle them"
    WITHDRAWALS_READ = "withdrawals:read", "withdrawals:read: withdrawals that the service may settle"
    WITHDRAWALS_SETTLE = "withdrawals:settle", "withdrawals:settle: settle them"
    EVENTS_READ = "events:read", "events:read: the feed of everybody's events"
    WALLETS_READ = "wallets:read", "wallets:read: everybody's wallets, balances and statements"
    TRANSACTIONS_READ = "transactions:read", "transactions:read: everybody's transactions"
    WEBHOOK_ENDPOINTS_MANAGE = "webhook-endpoints:manage", "webhook-endpoints:manage: where events are sent"
    ME_READ = "me:read", "me:read: whose key it is"


#: What the role of a service does not allow. A key that admins give such a scope may there what admins may.
WIDENING: Final = frozenset(
    {Scope.EVENTS_READ, Scope.WALLETS_READ, Scope.TRANSACTIONS_READ, Scope.WEBHOOK_ENDPOINTS_MANAGE}
)


#: The view and its action, or its method where it has no actions.
OPERATIONS: Final[Mapping[str, Scope]] = {
    "DepositViewSet.list": Scope.DEPOSITS_READ,
    "DepositViewSet.retrieve": Scope.DEPOSITS_READ,
    "DepositViewSet.settle": Scope.DEPOSITS_SETTLE,
    "WithdrawalViewSet.list": Scope.WITHDRAWALS_READ,
    "WithdrawalViewSet.retrieve": Scope.WITHDRAWALS_READ,
    "WithdrawalViewSet.settle": Scope.WITHDRAWALS_SETTLE,
    "EventViewSet.list": Scope.EVENTS_READ,
    "EventViewSet.retrieve": Scope.EVENTS_READ,
    "WalletViewSet.list": Scope.WALLETS_READ,
    "WalletViewSet.retrieve": Scope.WALLETS_READ,
    "WalletViewSet.balance": Scope.WALLETS_READ,
    "WalletViewSet.statement": Scope.WALLETS_READ,
    "WalletViewSet.statement_csv": Scope.WALLETS_READ,
    "TransactionViewSet.list": Scope.TRANSACTIONS_READ,
    "TransactionViewSet.retrieve": Scope.TRANSACTIONS_READ,
    "EventEndpointViewSet.list": Scope.WEBHOOK_ENDPOINTS_MANAGE,
    "EventEndpointViewSet.retrieve": Scope.WEBHOOK_ENDPOINTS_MANAGE,
    "EventEndpointViewSet.create": Scope.WEBHOOK_ENDPOINTS_MANAGE,
    "EventEndpointViewSet.partial_update": Scope.WEBHOOK_ENDPOINTS_MANAGE,
    "EventEndpointViewSet.destroy": Scope.WEBHOOK_ENDPOINTS_MANAGE,
    "EventEndpointViewSet.rotate_secret": Scope.WEBHOOK_ENDPOINTS_MANAGE,
    "EventEndpointViewSet.test": Scope.WEBHOOK_ENDPOINTS_MANAGE,
    "EventEndpointViewSet.redeliver": Scope.WEBHOOK_ENDPOINTS_MANAGE,
    "EventDeliveryViewSet.list": Scope.WEBHOOK_ENDPOINTS_MANAGE,
    "MeView.get": Scope.ME_READ,
}


def needed_scope(view: Any, method: str) -> Scope | None:
    """Return the scope that a key needs for what the view is about to do. None: it is closed to keys."""
    action = getattr(view, "action", None) or method.lower().replace("head", "get")
    return OPERATIONS.get(f"{type(view).__name__}.{action}")
