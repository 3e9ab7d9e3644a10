"""Booking: the one way to write balances, transactions and postings.

Locks are taken in one order, so that nobody who follows it can deadlock with anybody else who does:

1. Wallets that exist, by ascending id, in one SELECT … FOR NO KEY UPDATE (`lock`). Or a single one when it is free
   (`SingleCredit`).
2. New wallets, by ascending id (`LockedWallets.queue_open`).
3. Whatever the booking leads to.

House wallets are never locked and never updated.
"""

from payments.ledger.booking.errors import (
    BalanceTooLarge,
    CurrencyMismatch,
    InsufficientFunds,
    InvalidTransaction,
    LedgerError,
    SameWallet,
    SerializationConflict,
    StaleWallets,
    WalletNotFound,
)
from payments.ledger.booking.house import (
    HouseBalance,
    checkpoint,
    forget_house_wallets,
    house_balances,
    house_wallet,
    open_house,
    read_house_wallets,
)
from payments.ledger.booking.locked_wallets import (
    LockedWallets,
    book,
    book_one,
    lock,
    locked_by_others,
    queue_lock,
)
from payments.ledger.booking.single_credit import SingleCredit
from payments.ledger.booking.types import (
    Booked,
    BookingResult,
    LockedWallet,
    NewPosting,
    NewTransaction,
    NewWallet,
    Refused,
)

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
    "book_one",
    "checkpoint",
    "forget_house_wallets",
    "house_balances",
    "house_wallet",
    "lock",
    "locked_by_others",
    "open_house",
    "queue_lock",
    "read_house_wallets",
]
