"""Makes a request that moves money repeatable: its key, its money and its answer commit together, once."""

import hashlib
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db import connection, transaction
from django.utils import timezone

from payments.idempotency.models import IdempotencyKey

VISIBLE_ASCII = re.compile(r"[!-~]{1,255}", re.ASCII)
PRUNE_BATCH = 10_000
#: Statuses of refusals that are stored, because the request was understood and decided: after any other it may be sent
#: anew.
KEPT_REFUSALS = {409, 422}


class IdempotencyKeyRequired(Exception):
    """This request moves money, so it needs a key under which it can be repeated."""


class InvalidIdempotencyKey(Exception):
    """A key has 1 to 255 visible ASCII characters."""


class IdempotencyKeyReused(Exception):
    """This key was given to another request before."""


@dataclass(frozen=True, slots=True)
class RecordedAnswer:
    """The answer that the client gets. If it is not `final`, nothing is stored, and the same key may be tried again."""

    status: int
    body: str
    final: bool = True
    replayed: bool = False


def check_key(key: str | None) -> str:
    """Return the key. Raises IdempotencyKeyRequired or InvalidIdempotencyKey."""
    if key is None:
        raise IdempotencyKeyRequired
    if not VISIBLE_ASCII.fullmatch(key):
        raise InvalidIdempotencyKey
    return key


def canonical(method: str, path: str, data: Any) -> str:
    """Return a request as a text that does not depend on how its JSON was written."""
    return f"{method} {path} {json.dumps(data, sort_keys=True, separators=(',', ':'), default=str)}"


def fingerprint_of(request: str) -> str:
    """Return what is stored of a request with its key: SHA-256, in lower-case hex."""
    return hashlib.sha256(request.encode()).hexdigest()


def answer_once(
    *,
    user_id: int,
    key: str,
    request: str,
    act: Callable[[], RecordedAnswer],
    refuse: Callable[[Exception], RecordedAnswer],
) -> RecordedAnswer:
    """Run `act` once for this user's key; a repeat of the request gets the stored answer. Durable when it returns.

    When `act` raises, what it wrote is rolled back, and `refuse` makes the answer or raises. A second request with the
    key waits for the first on the unique index. It gets the answer that the first committed, or runs itself when the
    first was rolled back. Raises IdempotencyKeyReused, and OperationalError after lock_timeout. Call it outside of any
    atomic block: it must commit.
    """
    fingerprint = fingerprint_of(request)
    with transaction.atomic(durable=True):
        if not _claim(user_id, key, fingerprint):
            return _stored(user_id, key, fingerprint)
        answer = _run(act, refuse)
        if answer.final:
            IdempotencyKey.objects.filter(user_id=user_id, key=key).update(status=answer.status, body=answer.body)
        else:
            transaction.set_rollback(True)
        return answer


def _run(act: Callable[[], RecordedAnswer], refuse: Callable[[Exception], RecordedAnswer]) -> RecordedAnswer:
    try:
        with transaction.atomic():
            return act()
    except Exception as error:
        return refuse(error)


def _claim(user_id: int, key: str, fingerprint: str) -> bool:
    """Insert the key, or tell that it is taken. Waits for an atomic block that is inserting the same one."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO payments_idempotencykey (user_id, key, fingerprint, body) VALUES (%s, %s, %s, '')"
            " ON CONFLICT (user_id, key) DO NOTHING",
            [user_id, key, fingerprint],
        )
        return bool(cursor.rowcount)


def _stored(user_id: int, key: str, fingerprint: str) -> RecordedAnswer:
    known = IdempotencyKey.objects.get(user_id=user_id, key=key)
    if known.fingerprint != fingerprint:
        raise IdempotencyKeyReused
    if known.status is None:
        raise RuntimeError(f"the idempotency key {known.pk} was committed without its answer")
    return RecordedAnswer(known.status, known.body, replayed=True)


def prune(*, older_than_days: int) -> int:
    """Forget keys of that age, in batches that each commit; return how many. A repeat after that runs anew."""
    horizon = timezone.now() - timedelta(days=older_than_days)
    old = IdempotencyKey.objects.filter(created_at__lt=horizon).order_by("id")
    total = 0
    while ids := list(old.values_list("id", flat=True)[:PRUNE_BATCH]):
        total += IdempotencyKey.objects.filter(id__in=ids).delete()[0]
    return total
