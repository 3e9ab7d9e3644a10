"""Events of Till's, and where it delivers them to."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from till_client.decoding import Record


@dataclass(frozen=True, kw_only=True)
class Event(Record):
    """What happened. `position` is where a reader of the feed goes on after it; a test event has none.

    Amounts in `data` are text, as they were sent: `Decimal(event.data["amount"])`.
    """

    id: str
    type: str
    timestamp: datetime
    data: Mapping[str, Any]
    position: int | None = None


@dataclass(frozen=True, kw_only=True)
class EventPage(Record):
    """A page of the feed. Ask again after `position`, even if `results` is empty: filters may have passed others by."""

    results: tuple[Event, ...]
    position: int
    next: str | None = None


@dataclass(frozen=True, kw_only=True)
class WebhookEndpoint(Record):
    """Where Till delivers events to. No `types`: all of them. `disabled_reason` is empty while it is active."""

    id: int
    url: str
    types: tuple[str, ...]
    description: str
    is_active: bool
    disabled_reason: str
    failing_since: datetime | None
    position: int
    previous_secret_until: datetime | None
    created_at: datetime


@dataclass(frozen=True, kw_only=True)
class WebhookEndpointWithSecret(WebhookEndpoint):
    """The secret is shown this once."""

    secret: str = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class DeliveryAttempt(Record):
    """`status_code` is None without an answer, and `error` says why."""

    number: int
    at: datetime
    milliseconds: int
    status_code: int | None
    error: str
    answer: str


@dataclass(frozen=True, kw_only=True)
class Delivery(Record):
    """One event on its way to one endpoint. `position` is None for a test event; `log` has the last attempts."""

    id: int
    endpoint: int
    event: str
    position: int | None
    type: str
    status: str
    attempts: int
    next_attempt_at: datetime | None
    log: tuple[DeliveryAttempt, ...]
    created_at: datetime
    delivered_at: datetime | None


@dataclass(frozen=True, kw_only=True)
class Redelivered(Record):
    """How many events are sent again."""

    count: int


@dataclass(frozen=True, kw_only=True)
class WebhookEvent(Record):
    """What Till keeps of a provider's notice (for admins)."""

    id: int
    provider: str
    transaction_id: str
    user_id: int | None
    account_id: int | None
    amount: Decimal
    verdict: str
    reason: str | None
    transaction: int | None
    received_at: datetime
    currency: str | None = None
    #: The notice and what signed it, if one event was read.
    body: str | None = None
    headers: Mapping[str, str] | None = None


@dataclass(frozen=True, kw_only=True)
class Credited(Record):
    """What a replayed event was answered with."""

    status: str
    duplicate: bool
    transaction_id: str
    account_id: int
    amount: Decimal
    currency: str
    balance: Decimal
