"""The tables of the ledger."""

from payments.ledger.models.reversals import Reversal
from payments.ledger.models.transactions import HouseCheckpoint, Posting, Transaction
from payments.ledger.models.wallets import Currency, Wallet

__all__ = ["Currency", "HouseCheckpoint", "Posting", "Reversal", "Transaction", "Wallet"]
