"""Requests that the event loop answers, and what becomes of each."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

from django.http import HttpResponse

from accounts.tokens import AccessClaims
from payments.idempotency.claims import UserKey
from payments.idempotency.service import RecordedAnswer
from payments.operations.fast_operation import FastOperation
from payments.operations.plan import MoneyPlan


class Unanswered(NamedTuple):
    """The event loop leaves the request to the view. Nothing of it is done."""


class Refusal(NamedTuple):
    """A refusal that is not stored: after it, the request may be sent anew."""

    response: HttpResponse


RequestOutcome = RecordedAnswer | Refusal | Unanswered
#: From an exception to its answer; None when nobody foresaw it.
Refuse = Callable[[Exception], HttpResponse | None]


@dataclass(slots=True, eq=False, kw_only=True)
class MoneyRequest:
    """A request that writes. `key` is its Idempotency-Key, where the operation asks for one."""

    claims: AccessClaims
    operation: FastOperation
    plan: MoneyPlan[Any]
    key: str | None
    fingerprint: str

    @property
    def user_key(self) -> UserKey | None:
        return None if self.key is None else (self.claims.user_id, self.key)
