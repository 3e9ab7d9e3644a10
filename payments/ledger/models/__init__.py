"""The tables of the ledger."""

from payments.ledger.models.reversals import Reversal
from payments.ledger.models.transactions import HouseCheckpoint, HouseOpening, Posting, Transaction
from payments.ledger.models.wallets import Currency, Wallet

__all__ = ["Currency", "HouseCheckpoint", "HouseOpening", "Posting", "Reversal", "Transaction", "Wallet"]
