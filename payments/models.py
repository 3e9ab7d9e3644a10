"""The tables of money: Django finds those of all subjects here."""

from payments.audit.models import LedgerCheck
from payments.commission.models import CommissionRule, Operation
from payments.deliveries.models import EventBatch, EventDelivery, EventEndpoint
from payments.events.models import Event, EventRelay, EventSource, OutboxEvent
from payments.exchange.models import Exchange, ExchangeRate, Quote
from payments.idempotency.models import IdempotencyKey
from payments.ledger.models import Currency, HouseCheckpoint, HouseOpening, Posting, Reversal, Transaction, Wallet
from payments.orders.models import Deposit, ExternalWallet, Order, OrderStatus, SettlementScope, Withdrawal
from payments.transfers.models import Transfer
from payments.webhooks.models import Provider, WebhookEvent
from payments.worker.models import BackgroundTimer

__all__ = [
    "BackgroundTimer",
    "CommissionRule",
    "Currency",
    "Deposit",
    "Event",
    "EventBatch",
    "EventDelivery",
    "EventEndpoint",
    "EventRelay",
    "EventSource",
    "Exchange",
    "ExchangeRate",
    "ExternalWallet",
    "HouseCheckpoint",
    "HouseOpening",
    "IdempotencyKey",
    "LedgerCheck",
    "Operation",
    "Order",
    "OrderStatus",
    "OutboxEvent",
    "Posting",
    "Provider",
    "Quote",
    "Reversal",
    "SettlementScope",
    "Transaction",
    "Transfer",
    "Wallet",
    "WebhookEvent",
    "Withdrawal",
]
