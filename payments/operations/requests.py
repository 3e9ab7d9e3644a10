"""Requests that the event loop answers, and what becomes of each."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from django.http import HttpResponse

from accounts.models import Role
from accounts.tokens import AccessClaims
from api.languages import ENGLISH
from payments.idempotency.claims import UserKey
from payments.idempotency.service import RecordedAnswer
from payments.operations.fast_operation import FastOperation
from payments.operations.plan import MoneyPlan


class Unanswered(NamedTuple):
    """The event loop leaves the request to the view. Nothing of it is done."""

    #: The token is no longer valid, or its user may not do this.
    is_not_allowed: bool = False


class Refusal(NamedTuple):
    """A refusal that is not stored: after it, the request may be sent anew."""

    response: HttpResponse


RequestOutcome = RecordedAnswer | Refusal | Unanswered
#: From an exception to its answer; None when nobody foresaw it.
Refuse = Callable[[Exception], HttpResponse | None]


#: The first statement of a batch. A thread waits longer for a lock; the event loop has other requests.
PATIENCE: Final = "SELECT set_config('lock_timeout', '200', true)"
#: The scope of the throttle of writes, by role.
THROTTLE_SCOPES: Final = {Role.USER.value: "writes", Role.SERVICE.value: "service_writes"}


@dataclass(slots=True, eq=False, kw_only=True)
class MoneyRequest:
    """A request that writes. `key` is its Idempotency-Key, where the operation asks for one."""

    claims: AccessClaims
    operation: FastOperation
    plan: MoneyPlan[Any]
    key: str | None
    fingerprint: str
    #: Of what it is told when it is refused.
    language: str = ENGLISH

    @property
    def throttle_scope(self) -> str:
        return THROTTLE_SCOPES[self.operation.role.value]

    @property
    def user_key(self) -> UserKey | None:
        return None if self.key is None else (self.claims.user_id, self.key)
