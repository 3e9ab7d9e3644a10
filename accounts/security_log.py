"""The security log: a line for each event on the logger `till.security`, without secret, address or name.

docs/operations.md has the table of events; a test compares it with `SecurityEvent`.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from enum import StrEnum
from functools import partial

from django.db import transaction
from django.http import HttpRequest
from django.utils.crypto import salted_hmac
from django.utils.functional import SimpleLazyObject

from accounts.networks import client_network

logger = logging.getLogger("till.security")


class SecurityEvent(StrEnum):
    LOGIN = "login"
    LOGIN_FAILED = "login_failed"
    LOGIN_LOCKED = "login_locked"
    LOGOUT = "logout"
    SESSIONS_ENDED = "sessions_ended"
    REFRESH_REPEATED = "refresh_repeated"
    REFRESH_REUSED = "refresh_reused"
    PASSWORD_REFUSED = "password_refused"  # noqa: S105
    PASSWORD_CHANGED = "password_changed"  # noqa: S105  the name of an event
    PASSWORD_SET = "password_set"  # noqa: S105
    PASSWORD_RESET_REQUESTED = "password_reset_requested"  # noqa: S105
    PASSWORD_RESET = "password_reset"  # noqa: S105
    EMAIL_CHANGE_REQUESTED = "email_change_requested"
    SECOND_FACTOR_REQUIRED = "second_factor_required"
    SECOND_FACTOR_REFUSED = "second_factor_refused"
    SECOND_FACTOR_ENABLED = "second_factor_enabled"
    SECOND_FACTOR_DISABLED = "second_factor_disabled"
    SECOND_FACTOR_RESET = "second_factor_reset"
    RECOVERY_CODE_USED = "recovery_code_used"
    RECOVERY_CODES_RENEWED = "recovery_codes_renewed"
    EMAIL_CHANGED = "email_changed"
    USER_ACTIVATED = "user_activated"
    USER_ENABLED = "user_enabled"
    USER_DISABLED = "user_disabled"
    USER_DELETED = "user_deleted"
    ROLE_CHANGED = "role_changed"
    SUPPORT_CHANGED = "support_changed"
    API_KEY_CREATED = "api_key_created"
    API_KEY_REVOKED = "api_key_revoked"
    API_KEY_USED = "api_key_used"
    API_KEY_FAILED = "api_key_failed"
    API_KEY_REFUSED = "api_key_refused"
    PROVIDER_ADDED = "provider_added"
    PROVIDER_CHANGED = "provider_changed"
    PROVIDER_SECRET_CHANGED = "provider_secret_changed"  # noqa: S105  the name of an event
    PROVIDER_DELETED = "provider_deleted"
    REFUSED = "refused"


_request: ContextVar[HttpRequest | None] = ContextVar("security_log_request", default=None)


@contextmanager
def during(request: HttpRequest) -> Iterator[None]:
    """Let every event in the block say whose request it was, and from where."""
    token = _request.set(request)
    try:
        yield
    finally:
        _request.reset(token)


def record(event: SecurityEvent, *, user_id: object = None, name: str | None = None, **fields: object) -> None:
    """Write the event's line. Of a name that somebody typed only a keyed hash is written."""
    _write(_line(event, user_id, name, fields))


def record_after_commit(event: SecurityEvent, *, user_id: object = None, **fields: object) -> None:
    """Write the line of a change once it is durable; none if it is rolled back."""
    transaction.on_commit(partial(_write, _line(event, user_id, None, fields)), robust=True)


def name_hash(name: str) -> str:
    """The same for the same name in whatever case, and nobody without TILL_SECRET_KEY can look a name up."""
    return salted_hmac("accounts.security_log", name.strip().lower(), algorithm="sha256").hexdigest()[:16]


def known_user_id(request: HttpRequest) -> int | None:
    """Return the user's id if the request already knows it; never ask the database for a log line."""
    user = request.__dict__.get("user")
    if isinstance(user, SimpleLazyObject):
        user = getattr(request, "_cached_user", None)
    return getattr(user, "pk", None)


def _line(event: SecurityEvent, user_id: object, name: str | None, fields: dict[str, object]) -> dict[str, object]:
    request = _request.get()
    by = known_user_id(request) if request else None
    members = {
        "event": event.value,
        "user_id": user_id,
        "name_hash": name_hash(name) if name else None,
        "by": by if by != user_id else None,
        "network": client_network(request) if request else None,
        **fields,
    }
    return {key: value for key, value in members.items() if value is not None}


def _write(line: dict[str, object]) -> None:
    logger.info(" ".join(f"{key}={value}" for key, value in line.items()), extra=line)
