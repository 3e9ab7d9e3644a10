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
    BookingResult,
    CurrencyMismatch,
    InsufficientFunds,
    InvalidTransaction,
    LedgerError,
    LockedWallet,
    LockedWallets,
    NewPosting,
    NewTransaction,
    NewWallet,
    Refused,
    SameWallet,
    SerializationConflict,
    StaleWallets,
    WalletNotFound,
    book,
    lock,
    locked_by_others,
    queue_lock,
)
from payments.ledger.booking.single_credit import SingleCredit

__all__ = [
    "BalanceTooLarge",
    "Booked",
    "BookingResult",
    "CurrencyMismatch",
    "HouseBalance",
    "InsufficientFunds",
    "InvalidTransaction",
    "LedgerError",
    "LockedWallet",
    "LockedWallets",
    "NewPosting",
    "NewTransaction",
    "NewWallet",
    "Refused",
    "SameWallet",
    "SerializationConflict",
    "SingleCredit",
    "StaleWallets",
    "WalletNotFound",
    "book",
    "checkpoint",
    "house_balances",
    "house_wallet",
    "lock",
    "locked_by_others",
    "open_house",
    "queue_lock",
]
