"""The version of what is shown, by which a change of what was changed meanwhile is refused."""

from collections.abc import Collection
from datetime import UTC, datetime
from decimal import Decimal

from django.db.models import Model
from django.utils.crypto import salted_hmac

_SALT = "api.versions"


class StaleVersion(Exception):
    """It was changed since it was read: read it again."""


def row_version(row: Model, *columns: str) -> str:
    """Return a digest of these columns. It is keyed, so that no secret among them can be guessed from it."""
    return digest(*(_text(getattr(row, name)) for name in columns))


def digest(*texts: str) -> str:
    return salted_hmac(_SALT, repr(texts), algorithm="sha256").hexdigest()[:32]


def refuse_stale(version: str, expected: Collection[str] | None) -> None:
    """Raise StaleVersion if the version, read under the row's lock, is none of those expected. None: any will do."""
    if expected is not None and version not in expected:
        raise StaleVersion


def _text(value: object) -> str:
    """Return the same text for a value before it is written and after it is read."""
    if isinstance(value, Decimal):
        return f"{value.normalize():f}"
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    return f"={value}" if isinstance(value, str) else str(value)
