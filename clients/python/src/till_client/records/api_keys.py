"""API keys of services, for admins."""

from dataclasses import dataclass, field
from datetime import datetime

from till_client.decoding import Record


@dataclass(frozen=True, kw_only=True)
class ApiKey(Record):
    """A key as it is listed: without the key itself. No `networks`: it may be used from everywhere."""

    id: int
    user: int
    name: str
    prefix: str
    scopes: tuple[str, ...]
    networks: tuple[str, ...]
    created_by: int
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    last_used_at: datetime | None


@dataclass(frozen=True, kw_only=True)
class NewApiKey(ApiKey):
    """The key is shown this once."""

    key: str = field(repr=False)
