"""The one door: nothing else writes balances, transactions or postings.

Lock order, written down once: first the wallets that exist, by ascending id, in one SELECT … FOR NO KEY UPDATE
(`lock`), or a single one when it is free (`CreditAlone`); then wallets that are new, by ascending
id (`Books.opening`); then whatever the booking leads to. House wallets are never locked and never updated. Who follows
this order cannot deadlock with anybody else who does.
"""

from payments.ledger.booking.house import HouseBalance, checkpoint, house_balances, house_wallet, open_house
from payments.ledger.booking.locked_wallets import (
    BalanceTooLarge,
    Booked,
    Books,
    Contended,
    CurrencyMismatch,
    InsufficientFunds,
    InvalidMovement,
    LedgerError,
    Line,
    LockedWallet,
    Movement,
    NewWallet,
    OutdatedBooks,
    Refused,
    SameWallet,
    Verdict,
    WalletNotFound,
    book,
    held_elsewhere,
    lock,
    locking,
)
from payments.ledger.booking.single_credit import CreditAlone
from postgres.event_loop import Session, connect
from postgres.pipeline import Steps, Trip, travel
from postgres.pipeline_protocol import has_lost_its_plans

__all__ = [
    "BalanceTooLarge",
    "Booked",
    "Books",
    "Contended",
    "CreditAlone",
    "CurrencyMismatch",
    "HouseBalance",
    "InsufficientFunds",
    "InvalidMovement",
    "LedgerError",
    "Line",
    "LockedWallet",
    "Movement",
    "NewWallet",
    "OutdatedBooks",
    "Refused",
    "SameWallet",
    "Session",
    "Steps",
    "Trip",
    "Verdict",
    "WalletNotFound",
    "book",
    "checkpoint",
    "connect",
    "has_lost_its_plans",
    "held_elsewhere",
    "house_balances",
    "house_wallet",
    "lock",
    "locking",
    "open_house",
    "travel",
]
