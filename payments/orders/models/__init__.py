"""The tables of deposits and withdrawals."""

from payments.orders.models.external_wallets import ExternalWallet
from payments.orders.models.orders import (
    BANK_REFERENCE_MAX_LENGTH,
    Deposit,
    Order,
    OrderStatus,
    SettlementScope,
    Withdrawal,
)

__all__ = [
    "BANK_REFERENCE_MAX_LENGTH",
    "Deposit",
    "ExternalWallet",
    "Order",
    "OrderStatus",
    "SettlementScope",
    "Withdrawal",
]
