"""The tables of deposits and withdrawals."""

from payments.orders.models.external_wallets import ExternalWallet
from payments.orders.models.orders import Deposit, Order, OrderStatus, SettlementScope, Withdrawal

__all__ = ["Deposit", "ExternalWallet", "Order", "OrderStatus", "SettlementScope", "Withdrawal"]
