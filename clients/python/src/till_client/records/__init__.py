"""What Till answers, as frozen dataclasses. Amounts are Decimal, times aware datetimes.

States and kinds are plain text, so that one which Till adds later is no error.
"""

from till_client.records.api_keys import ApiKey, NewApiKey
from till_client.records.events import (
    Credited,
    Delivery,
    DeliveryAttempt,
    Event,
    EventPage,
    Redelivered,
    WebhookEndpoint,
    WebhookEndpointWithSecret,
    WebhookEvent,
)
from till_client.records.exchange import Exchange, ExchangePreview, Quote, Rate, RateSet
from till_client.records.orders import (
    Deposit,
    DepositPreview,
    ExternalWallet,
    PayTo,
    SettlementScope,
    Withdrawal,
    WithdrawalPreview,
)
from till_client.records.shop import Product, Purchase, PurchasePreview, Refund
from till_client.records.users import Activated, CreatedUser, Me, PendingOrders, Registered, Session, User, UserDetail
from till_client.records.wallets import (
    Balance,
    Currency,
    Posting,
    Statement,
    StatementLine,
    Transaction,
    Transfer,
    TransferPreview,
    Wallet,
)

__all__ = [
    "Activated",
    "ApiKey",
    "Balance",
    "CreatedUser",
    "Credited",
    "Currency",
    "Delivery",
    "DeliveryAttempt",
    "Deposit",
    "DepositPreview",
    "Event",
    "EventPage",
    "Exchange",
    "ExchangePreview",
    "ExternalWallet",
    "Me",
    "NewApiKey",
    "PayTo",
    "PendingOrders",
    "Posting",
    "Product",
    "Purchase",
    "PurchasePreview",
    "Quote",
    "Rate",
    "RateSet",
    "Redelivered",
    "Refund",
    "Registered",
    "Session",
    "SettlementScope",
    "Statement",
    "StatementLine",
    "Transaction",
    "Transfer",
    "TransferPreview",
    "User",
    "UserDetail",
    "Wallet",
    "WebhookEndpoint",
    "WebhookEndpointWithSecret",
    "WebhookEvent",
    "Withdrawal",
    "WithdrawalPreview",
]
