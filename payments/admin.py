"""The staff site for money: Django finds the pages of all subjects here."""

from payments.api_keys import admin as api_keys
from payments.audit import admin as audit
from payments.commission import admin as commission
from payments.deliveries.admin import deliveries, endpoints
from payments.events import admin as money_events
from payments.exchange import admin as exchange
from payments.ledger.admin import currencies, transactions, wallets
from payments.orders.admin import external_wallets, orders, settlement_scopes
from payments.transfers import admin as transfers
from payments.users.admin import users
from payments.webhooks.admin import events, providers
from staff import failed_logins, log_entries

__all__ = [
    "api_keys",
    "audit",
    "commission",
    "currencies",
    "deliveries",
    "endpoints",
    "events",
    "exchange",
    "external_wallets",
    "failed_logins",
    "log_entries",
    "money_events",
    "orders",
    "providers",
    "settlement_scopes",
    "transactions",
    "transfers",
    "users",
    "wallets",
]
