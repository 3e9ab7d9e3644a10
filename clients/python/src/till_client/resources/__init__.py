"""The operations of the API, by what they are about. Each is described once, for sync and async."""

from till_client.resources.api_keys import ApiKeys
from till_client.resources.auth import Auth
from till_client.resources.events import Events, WebhookEndpoints, WebhookEvents
from till_client.resources.exchange import Exchanges, Quotes, Rates
from till_client.resources.orders import Deposits, ExternalWallets, SettlementScopes, Withdrawals
from till_client.resources.shop import Products, Purchases
from till_client.resources.users import Users
from till_client.resources.wallets import Currencies, Transactions, Transfers, Wallets

__all__ = [
    "ApiKeys",
    "Auth",
    "Currencies",
    "Deposits",
    "Events",
    "Exchanges",
    "ExternalWallets",
    "Products",
    "Purchases",
    "Quotes",
    "Rates",
    "SettlementScopes",
    "Transactions",
    "Transfers",
    "Users",
    "Wallets",
    "WebhookEndpoints",
    "WebhookEvents",
    "Withdrawals",
]
