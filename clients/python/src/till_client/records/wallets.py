"""Wallets, currencies, transactions, statements, transfers."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from till_client.decoding import Record


@dataclass(frozen=True, kw_only=True)
class Currency(Record):
    code: str
    name: str
    decimal_places: int
    is_active: bool


@dataclass(frozen=True, kw_only=True)
class Wallet(Record):
    """`owner`, `house` and `may_overdraw` are shown to admins only."""

    id: int
    currency: str
    balance: Decimal
    held: Decimal
    available: Decimal
    created_at: datetime
    owner: int | None = None
    house: str | None = None
    may_overdraw: bool = False


@dataclass(frozen=True, kw_only=True)
class Balance(Record):
    """The balance of a wallet at a moment."""

    wallet: int
    currency: str
    at: datetime
    balance: Decimal


@dataclass(frozen=True, kw_only=True)
class StatementLine(Record):
    """One posting of a wallet: a positive amount came in. `counterparty` is the other wallet."""

    sequence: int
    amount: Decimal
    balance: Decimal
    kind: str
    reference: str
    counterparty: int
    transaction: int
    created_at: datetime


@dataclass(frozen=True, kw_only=True)
class Statement(Record):
    """The first page of a statement. `wallets.statement_lines` goes through all of its lines."""

    wallet: int
    currency: str
    from_: datetime | None
    to: datetime | None
    opening_balance: Decimal
    closing_balance: Decimal
    next: str | None
    lines: tuple[StatementLine, ...]


@dataclass(frozen=True, kw_only=True)
class Posting(Record):
    """An amount from a source to a destination. The balances are those of one's own wallets."""

    source: int
    destination: int
    currency: str
    amount: Decimal
    source_balance: Decimal | None = None
    destination_balance: Decimal | None = None


@dataclass(frozen=True, kw_only=True)
class Transaction(Record):
    id: int
    kind: str
    status: str
    reference: str
    reverses: int | None
    reversed_by: int | None
    postings: tuple[Posting, ...]
    created_at: datetime


@dataclass(frozen=True, kw_only=True)
class TransferTerms(Record):
    """What a transfer and its preview share."""

    direction: str
    sender: str
    source: int
    destination: int
    currency: str
    amount: Decimal
    commission: Decimal | None
    note: str
    created_at: datetime
    reference: str | None = None
    metadata: Mapping[str, str] | None = None


@dataclass(frozen=True, kw_only=True)
class TransferPreview(TransferTerms):
    """What a transfer would do. `recipient_name` has first letters, such as `A*** C***`; None for oneself."""

    recipient_name: str | None = None


@dataclass(frozen=True, kw_only=True)
class Transfer(TransferTerms):
    id: int
    transaction: int
