"""API keys of services (for admins)."""

from collections.abc import Sequence
from datetime import datetime

from till_client.calls import (
    Call,
    D,
    PagedCall,
    Resource,
    at,
    get,
    listing,
    many,
    nothing,
    one,
    operation,
    send,
    time_text,
)
from till_client.records import ApiKey, NewApiKey


class ApiKeys(Resource[D]):
    @listing
    def list(self, *, user: int | None = None, limit: int | None = None) -> PagedCall[ApiKey]:
        return get("/api-keys", many(ApiKey), user=user, limit=limit)

    @operation
    def get(self, key: int) -> Call[ApiKey]:
        return get(at("api-keys", key), one(ApiKey))

    @operation
    def create(
        self,
        *,
        user: int,
        name: str,
        scopes: Sequence[str],
        networks: Sequence[str] | None = None,
        expires_at: datetime | None = None,
    ) -> Call[NewApiKey]:
        """Make a key for a service, such as with the scope `deposits:settle`."""
        members = {"user": user, "name": name, "scopes": tuple(scopes), "expires_at": time_text(expires_at)}
        return send(
            "POST", "/api-keys", one(NewApiKey), **members, networks=None if networks is None else tuple(networks)
        )

    @operation
    def revoke(self, key: int) -> Call[None]:
        return Call(method="DELETE", path=at("api-keys", key), read=nothing)
