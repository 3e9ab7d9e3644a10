"""What staff do to endpoints: add, change, rotate, test, redeliver, remove. Workers send; no request does."""

from collections.abc import Mapping, Sequence
from copy import copy
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from django.db.models import TextField
from django.db.models.functions import Cast
from django.utils import timezone

from accounts.models import User
from api.encryption import decrypt
from payments.deliveries import addresses, queue
from payments.deliveries.models import TEST_TYPE, EventDelivery, EventEndpoint
from payments.events import relay
from payments.events.queries import last_position
from payments.events.types import UnknownEventType, expand
from payments.webhooks import provider_secrets
from payments.webhooks.models import Provider
from staff.history import describe_changes, record

MAX_ENDPOINTS = 50
MAX_REDELIVERED = 1000
ROTATION = timedelta(days=1)
#: An advisory lock: two who add endpoints at once do not pass their limit.
_ADDING_LOCK = 0x7111_0040

_REDELIVER = f"""
INSERT INTO payments_eventdelivery (endpoint_id, position, type)
SELECT %(endpoint)s, event.position, type
FROM payments_event event JOIN payments_eventendpoint endpoint ON endpoint.id = %(endpoint)s AND {queue.WANTED}
WHERE event.position BETWEEN %(first)s AND %(last)s ORDER BY event.position
ON CONFLICT (endpoint_id, position) DO UPDATE SET status = 'pending', delivered_at = NULL, next_attempt_at = now(),
    attempts_before = payments_eventdelivery.attempts
"""  # noqa: S608 - our own words


class TooManyEndpoints(Exception):
    """There are as many endpoints as Till delivers to. Remove one that is not needed."""


class EventsBehind(Exception):
    """Much of what happened before has no position yet. A worker gives it one; add the endpoint after that."""


class EndpointInactive(Exception):
    """The endpoint is switched off: switch it on first."""


class InvalidTypes(Exception):
    """There is no such type of events."""

    field = "types"


class InvalidRange(Exception):
    """A range begins at an event before it ends, with at most a thousand events."""

    field = "to"


@transaction.atomic
def add_endpoint(
    *, url: str, types: Sequence[str] = (), description: str = "", is_active: bool = True, staff: User
) -> EventEndpoint:
    """Add an endpoint, which gets the events from now on. Its `secret` is to be shown once. Not idempotent.

    What has no position yet is given one first, or the endpoint would get the history. Raises addresses.InvalidUrl,
    InvalidTypes, TooManyEndpoints or EventsBehind.
    """
    _check(url, types)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_ADDING_LOCK])
    if EventEndpoint.objects.count() >= MAX_ENDPOINTS:
        raise TooManyEndpoints(str(TooManyEndpoints.__doc__))
    if not relay.catch_up():
        raise EventsBehind(str(EventsBehind.__doc__))
    endpoint = EventEndpoint.objects.create(
        url=url,
        types=list(types),
        description=description,
        is_active=is_active,
        disabled_reason="" if is_active else EventEndpoint.DisabledReason.STAFF,
        secret=provider_secrets.make(Provider.Scheme.STANDARD_WEBHOOKS),
        position=last_position(),
    )
    endpoint.refresh_from_db()
    record(about=endpoint, staff=staff, text=f"Added: {url}, {', '.join(types) or 'all events'}.")
    return endpoint


@transaction.atomic
def change_endpoint(*, endpoint_id: int, data: Mapping[str, Any], staff: User, reason: str = "") -> EventEndpoint:
    """Change `url`, `types`, `description` or `is_active`. Safe to repeat. Locks the endpoint.

    Switched on, it gets what it missed. Raises EventEndpoint.DoesNotExist, addresses.InvalidUrl or InvalidTypes.
    """
    endpoint = _locked(endpoint_id)
    before = copy(endpoint)
    for name, value in data.items():
        setattr(endpoint, name, list(value) if name == "types" else value)
    if endpoint.is_active or data.keys() & {"url", "types"}:  # whatever has become of them, it can be switched off
        _check(endpoint.url, endpoint.types)
    changes = describe_changes(before, endpoint, data)
    if not changes:
        return endpoint
    if endpoint.is_active != before.is_active:
        _switch(endpoint)
    endpoint.save(update_fields=[*data, "disabled_reason", "failing_since"])
    record(about=endpoint, staff=staff, text=f"{changes}.{f' {reason}' if reason else ''}")
    return endpoint


def _switch(endpoint: EventEndpoint) -> None:
    endpoint.disabled_reason = "" if endpoint.is_active else EventEndpoint.DisabledReason.STAFF
    if endpoint.is_active:
        endpoint.failing_since = None
        queue.make_due(endpoint.pk)


@transaction.atomic
def rotate_secret(*, endpoint_id: int, staff: User, reason: str = "") -> EventEndpoint:
    """Give the endpoint a new secret, to be shown once; the one before signs as well for a day. Locks the endpoint.

    Not idempotent: each call makes another. Raises EventEndpoint.DoesNotExist.
    """
    endpoint = _locked(endpoint_id)
    endpoint.previous_secret, endpoint.previous_secret_until = endpoint.secret, timezone.now() + ROTATION
    endpoint.secret = provider_secrets.make(Provider.Scheme.STANDARD_WEBHOOKS)
    endpoint.save(update_fields=["secret", "previous_secret", "previous_secret_until"])
    record(about=endpoint, staff=staff, text=f"A new secret; the one before signs for a day more. {reason}".strip())
    return endpoint


@transaction.atomic
def remove_endpoint(*, endpoint_id: int, staff: User, reason: str = "") -> None:
    """Delete the endpoint with its deliveries. Raises EventEndpoint.DoesNotExist."""
    endpoint = _locked(endpoint_id)
    record(about=endpoint, staff=staff, text=f"Removed. {reason}".strip())
    with connection.cursor() as cursor:  # there may be millions of deliveries
        cursor.execute("SET LOCAL statement_timeout = 0")
    endpoint.delete()


@transaction.atomic
def send_test(*, endpoint_id: int, staff: User, reason: str = "") -> EventDelivery:
    """Queue an event of the type `endpoint.test`, which a worker sends. Not idempotent.

    Raises EventEndpoint.DoesNotExist or EndpointInactive.
    """
    endpoint = _active(endpoint_id)
    delivery = EventDelivery.objects.create(endpoint=endpoint, type=TEST_TYPE)
    delivery.refresh_from_db()
    record(about=endpoint, staff=staff, text=f"Sent a test event. {reason}".strip())
    return delivery


@transaction.atomic
def redeliver(*, endpoint_id: int, first: int, last: int, staff: User, reason: str = "") -> int:
    """Queue the events of a range once more, as far as the endpoint wants their types; return how many.

    Later events than the endpoint has reached come by themselves. Safe to repeat: what waits already is not sent
    twice. Raises EventEndpoint.DoesNotExist, EndpointInactive or InvalidRange.
    """
    if not first <= last < first + MAX_REDELIVERED:
        raise InvalidRange(str(InvalidRange.__doc__))
    endpoint = _active(endpoint_id)
    parameters: dict[str, Any] = {
        "endpoint": endpoint.pk,
        "first": first,
        "last": min(last, endpoint.position),
    }
    with connection.cursor() as cursor:
        cursor.execute(_REDELIVER, parameters)
        count = int(cursor.rowcount)
    record(about=endpoint, staff=staff, text=f"Sent {count} events from {first} to {last} again. {reason}".strip())
    return count


def reencrypt_secrets() -> int:
    """Encrypt every secret anew with the first of TILL_ENCRYPTION_KEYS; return of how many endpoints.

    Safe to repeat. Locks the endpoints. Raises Undecryptable, and then nothing was changed.
    """
    with transaction.atomic():
        tokens = {name: Cast(name, TextField()) for name in ("secret", "previous_secret")}
        rows = EventEndpoint.objects.select_for_update(no_key=True).order_by("pk").values_list("pk", *tokens.values())
        for key, *texts in rows:
            secret, previous = (decrypt(text, settings.TILL_ENCRYPTION_KEYS) if text else "" for text in texts)
            # The field encrypts what it is given.
            EventEndpoint.objects.filter(pk=key).update(secret=secret, previous_secret=previous)
    return len(rows)


def _check(url: str, types: Sequence[str]) -> None:
    addresses.check_url(url, networks=settings.TILL_EVENT_NETWORKS, allow_http=settings.TILL_DEBUG)
    try:
        expand(types)
    except UnknownEventType as error:
        raise InvalidTypes(str(error)) from None


def _locked(endpoint_id: int) -> EventEndpoint:
    return EventEndpoint.objects.select_for_update(no_key=True).get(pk=endpoint_id)


def _active(endpoint_id: int) -> EventEndpoint:
    endpoint = _locked(endpoint_id)
    if not endpoint.is_active:
        raise EndpointInactive(str(EndpointInactive.__doc__))
    return endpoint
