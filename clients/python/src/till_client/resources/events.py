"""The feed of events, the endpoints that they are delivered to, and the notices of providers."""

from collections.abc import Sequence
from datetime import datetime
from typing import Literal

from till_client.calls import Call, D, PagedCall, Resource, at, get, listing, many, nothing, one, operation, send
from till_client.records import (
    Credited,
    Delivery,
    Event,
    EventPage,
    Redelivered,
    WebhookEndpoint,
    WebhookEndpointWithSecret,
    WebhookEvent,
)


class Events(Resource[D]):
    """Oldest first. Who keeps the position of the last event that was worked off misses none."""

    @listing
    def list(self, *, after: int = 0, types: Sequence[str] | None = None, limit: int | None = None) -> PagedCall[Event]:
        """Go through all events after a position, up to now. `types` may hold families, such as `wallet.*`."""
        return get("/events", many(Event), after=after, types=types, limit=limit)

    @operation
    def page(self, *, after: int = 0, types: Sequence[str] | None = None, limit: int | None = None) -> Call[EventPage]:
        return get("/events", one(EventPage), after=after, types=types, limit=limit)

    @operation
    def get(self, position: int) -> Call[Event]:
        return get(at("events", position), one(Event))


class WebhookEndpoints(Resource[D]):
    """Where Till delivers events to (for admins)."""

    @listing
    def list(self, *, limit: int | None = None) -> PagedCall[WebhookEndpoint]:
        return get("/webhook-endpoints", many(WebhookEndpoint), limit=limit)

    @operation
    def get(self, endpoint: int) -> Call[WebhookEndpoint]:
        return get(at("webhook-endpoints", endpoint), one(WebhookEndpoint))

    @operation
    def create(
        self, *, url: str, types: Sequence[str] | None = None, description: str | None = None
    ) -> Call[WebhookEndpointWithSecret]:
        members = {"url": url, "types": None if types is None else [*types], "description": description}
        return send("POST", "/webhook-endpoints", one(WebhookEndpointWithSecret), **members)

    @operation
    def change(
        self,
        endpoint: int,
        *,
        url: str | None = None,
        types: Sequence[str] | None = None,
        description: str | None = None,
        is_active: bool | None = None,
    ) -> Call[WebhookEndpoint]:
        members = {"url": url, "types": None if types is None else [*types], "description": description}
        path = at("webhook-endpoints", endpoint)
        return send("PATCH", path, one(WebhookEndpoint), **members, is_active=is_active)

    @operation
    def delete(self, endpoint: int) -> Call[None]:
        return Call(method="DELETE", path=at("webhook-endpoints", endpoint), read=nothing)

    @operation
    def rotate_secret(self, endpoint: int) -> Call[WebhookEndpointWithSecret]:
        """Draw a new secret. Deliveries are signed with both for a day."""
        path = at("webhook-endpoints", endpoint, "rotate-secret")
        return Call(method="POST", path=path, read=one(WebhookEndpointWithSecret))

    @operation
    def test(self, endpoint: int) -> Call[Delivery]:
        return Call(method="POST", path=at("webhook-endpoints", endpoint, "test"), read=one(Delivery))

    @listing
    def deliveries(
        self,
        endpoint: int,
        *,
        status: Literal["pending", "delivered", "failed"] | None = None,
        type: str | None = None,  # noqa: A002 - Till's name of it
        event: str | None = None,
        limit: int | None = None,
    ) -> PagedCall[Delivery]:
        path = at("webhook-endpoints", endpoint, "deliveries")
        return get(path, many(Delivery), status=status, type=type, event=event, limit=limit)

    @operation
    def redeliver(
        self, endpoint: int, *, event: str | None = None, from_: int | None = None, to: int | None = None
    ) -> Call[Redelivered]:
        """Send one event again, or those of a range of positions."""
        path = at("webhook-endpoints", endpoint, "redeliver")
        return send("POST", path, one(Redelivered), **{"event": event, "from": from_, "to": to})


class WebhookEvents(Resource[D]):
    """Providers' notices as Till keeps them (for admins)."""

    @listing
    def list(
        self,
        *,
        provider: str | None = None,
        transaction_id: str | None = None,
        user: int | None = None,
        account: int | None = None,
        verdict: str | None = None,
        from_: datetime | None = None,
        to: datetime | None = None,
        limit: int | None = None,
    ) -> PagedCall[WebhookEvent]:
        query = {"provider": provider, "transaction_id": transaction_id, "user": user, "account": account}
        return get("/webhook-events", many(WebhookEvent), **query, verdict=verdict, from_=from_, to=to, limit=limit)

    @operation
    def get(self, event: int) -> Call[WebhookEvent]:
        return get(at("webhook-events", event), one(WebhookEvent))

    @operation
    def replay(self, event: int) -> Call[Credited]:
        """Try an unmatched one again."""
        return Call(method="POST", path=at("webhook-events", event, "replay"), read=one(Credited))
