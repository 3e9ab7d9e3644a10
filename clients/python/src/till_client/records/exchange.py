"""Rates, quotes, exchanges."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from till_client.decoding import Record


@dataclass(frozen=True, kw_only=True)
class Rate(Record):
    source_currency: str
    target_currency: str
    rate: Decimal
    origin: str
    as_of: datetime
    is_stale: bool


@dataclass(frozen=True, kw_only=True)
class RateSet(Rate):
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Quote(Record):
    """A rate that is promised for one exchange, until it expires."""

    id: int
    source_currency: str
    target_currency: str
    rate: Decimal
    amount: Decimal
    proceeds: Decimal
    commission: Decimal
    created_at: datetime
    expires_at: datetime


@dataclass(frozen=True, kw_only=True)
class ExchangePreview(Record):
    """What an exchange would give."""

    user: int
    source: int
    destination: int
    source_currency: str
    target_currency: str
    rate: Decimal
    amount: Decimal
    proceeds: Decimal
    commission: Decimal
    remainder: Decimal
    quote: int | None
    created_at: datetime
    reference: str | None = None
    metadata: Mapping[str, str] | None = None


@dataclass(frozen=True, kw_only=True)
class Exchange(ExchangePreview):
    id: int
    transaction: int
