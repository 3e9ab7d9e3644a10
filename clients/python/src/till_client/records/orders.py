"""Deposits, withdrawals, and who may settle them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from till_client.decoding import Record


@dataclass(frozen=True, kw_only=True)
class DepositPreview(Record):
    """What a deposit would be: with its commission and net."""

    user: int
    wallet: int
    amount: Decimal
    currency: str
    commission: Decimal
    net: Decimal
    status: str
    reason: str
    provider: str | None
    created_at: datetime
    settled_at: datetime | None
    reference: str | None = None
    metadata: Mapping[str, str] | None = None
    bank_reference: str = ""


@dataclass(frozen=True, kw_only=True)
class Deposit(DepositPreview):
    """`transaction` is None until it is paid."""

    id: int
    transaction: int | None


@dataclass(frozen=True, kw_only=True)
class PayTo(Record):
    label: str
    kind: str
    details: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class WithdrawalPreview(DepositPreview):
    """What a withdrawal would be. `pay_to` and `owner_is_active` are for those who settle it."""

    external_wallet: int
    pay_to: PayTo | None = None
    owner_is_active: bool | None = None


@dataclass(frozen=True, kw_only=True)
class Withdrawal(WithdrawalPreview):
    """`transaction` is None until it is paid."""

    id: int
    transaction: int | None


@dataclass(frozen=True, kw_only=True)
class ExternalWallet(Record):
    """Where withdrawals go. `details` depend on `kind`."""

    id: int
    owner: int
    label: str
    currency: str
    kind: str
    details: Mapping[str, Any]
    created_at: datetime


@dataclass(frozen=True, kw_only=True)
class SettlementScope(Record):
    """What a service may settle."""

    id: int
    service: int
    currency: str | None
    provider: str | None
    everything: bool
    max_amount: Decimal | None
