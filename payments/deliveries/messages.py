"""What is sent: the body of an event, and the headers that sign it after the Standard Webhooks specification."""

import json
from collections.abc import Sequence
from datetime import datetime

from api.timestamps import timestamp
from payments.deliveries.models import TEST_TYPE, EventDelivery, EventEndpoint
from payments.events.models import Event
from payments.events.rendering import bodies
from payments.webhooks import signatures


def bodies_of(deliveries: Sequence[EventDelivery], events: Sequence[Event] = ()) -> dict[str, bytes]:
    """Return the body of each delivery by its message's id: the same bytes at every attempt.

    `events` are theirs, if they are known. Else they are read.
    """
    positions = {delivery.position for delivery in deliveries if delivery.position is not None}
    texts = bodies(events or list(Event.objects.filter(position__in=positions))) if positions else {}
    return {
        delivery.message_id: _test_body(delivery) if delivery.position is None else texts[delivery.position]
        for delivery in deliveries
        if delivery.position is None or delivery.position in texts
    }


def _test_body(delivery: EventDelivery) -> bytes:
    body = {
        "id": delivery.message_id,
        "type": TEST_TYPE,
        "timestamp": timestamp(delivery.created_at),
        "data": {"endpoint": delivery.endpoint_id},
    }
    return json.dumps(body, separators=(",", ":")).encode()


def signed_headers(endpoint: EventEndpoint, message_id: str, body: bytes, *, now: datetime) -> dict[str, str]:
    """Sign with the secret, and for a day after a rotation with the one before it too."""
    seconds = str(int(now.timestamp()))
    signed = [
        signatures.standard_webhooks(message_id=message_id, timestamp=seconds, body=body, secret=secret)
        for secret in _secrets(endpoint, now)
    ]
    return {
        "content-type": "application/json",
        "user-agent": "Till",
        "accept-encoding": "identity",
        "webhook-id": message_id,
        "webhook-timestamp": seconds,
        "webhook-signature": " ".join(f"v1,{signature}" for signature in signed),
    }


def _secrets(endpoint: EventEndpoint, now: datetime) -> list[str]:
    until = endpoint.previous_secret_until
    is_rotating = bool(endpoint.previous_secret) and until is not None and until > now
    return [endpoint.secret, endpoint.previous_secret] if is_rotating else [endpoint.secret]
