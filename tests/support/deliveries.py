"""Endpoints, and workers that run within the test."""

import asyncio
import ssl
from collections.abc import Sequence
from datetime import timedelta
from functools import cache
from typing import Any

from django.conf import settings
from django.utils import timezone

from accounts.models import User
from payments.deliveries import services
from payments.deliveries.sender import EventSender
from payments.models import Event, EventDelivery, EventEndpoint
from payments.worker.dispatcher import Dispatcher
from payments.worker.threads import DatabaseThreads
from tests.support import recipes

THREADS = 2


def endpoint_at(url: str, *, staff: User | None = None, **fields: Any) -> EventEndpoint:
    """Add an endpoint that gets the events from now on."""
    staff = staff or recipes.admin.make()
    return services.add_endpoint(url=url, staff=staff, **fields)


def work(*, workers: int = 1, timeout: float = 5) -> None:
    """Let so many workers do one round together, and send until nothing is due."""

    async def run() -> None:
        senders = [
            EventSender(networks=settings.TILL_EVENT_NETWORKS, tls=_tls(), timeout=timeout) for _ in range(workers)
        ]
        dispatchers = [Dispatcher(DatabaseThreads(THREADS), sender) for sender in senders]
        await asyncio.gather(*(dispatcher.look() for dispatcher in dispatchers))
        await asyncio.gather(*(dispatcher.drain() for dispatcher in dispatchers))
        for sender in senders:
            await sender.aclose()

    asyncio.run(run())


@cache
def _tls() -> ssl.SSLContext:
    """Reading the system's authorities takes longer than all else of a round."""
    return ssl.create_default_context()


def make_due(**filters: Any) -> None:
    """Let what waits for a later attempt be due now, and each claim be over."""
    past = timezone.now() - timedelta(seconds=1)
    EventDelivery.objects.filter(status="pending", **filters).update(next_attempt_at=past, claimed_until=None)


def positions(types: Sequence[str] = ()) -> list[int]:
    """Return the positions of all events, or of those of some types, in their order."""
    events = Event.objects.filter(type__in=types) if types else Event.objects.all()
    return list(events.order_by("position").values_list("position", flat=True))
