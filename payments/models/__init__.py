from payments.models.commission import CommissionRule, Operation
from payments.models.events import WebhookEvent
from payments.models.exchange import Exchange, ExchangeRate, Quote
from payments.models.external import ExternalWallet
from payments.models.idempotency import IdempotencyKey
from payments.models.orders import Deposit, Order, OrderStatus, SettlementScope, Withdrawal
from payments.models.providers import Provider
from payments.models.transactions import HouseCheckpoint, LedgerCheck, Posting, Transaction
from payments.models.transfers import Reversal, Transfer
from payments.models.wallets import Currency, Wallet

__all__ = [
    "CommissionRule",
    "Currency",
    "Deposit",
    "Exchange",
    "ExchangeRate",
    "ExternalWallet",
    "HouseCheckpoint",
    "IdempotencyKey",
    "LedgerCheck",
    "Operation",
    "Order",
    "OrderStatus",
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
