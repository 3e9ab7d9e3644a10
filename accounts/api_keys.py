"""API keys: making one, and finding whose one is. See docs/decisions/0044.

A key is found by its prefix and proven by the SHA-256 of all of it. Nobody guesses 256 random bits: a slow hash would
protect nothing, and cost each request 35 ms.
"""

import hashlib
import hmac
import logging
import re
import secrets
import string
from datetime import timedelta
from functools import cache
from typing import ClassVar, Final, NamedTuple

from django.db import DEFAULT_DB_ALIAS, DatabaseError, connection
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts import security_log
from accounts.key_scopes import Scope
from accounts.models import ApiKey, Role, User
from accounts.networks import is_within
from accounts.security_log import SecurityEvent

BEGINNING: Final = b"till_"
_ALPHABET: Final = string.ascii_letters + string.digits
_PREFIX_LENGTH: Final = 10
_SECRET_LENGTH: Final = 43  # of 62 characters: 256 bits
_KEY: Final = re.compile(r"till_([0-9A-Za-z]{10})_[0-9A-Za-z]{43}")
_NO_DIGEST: Final = "0" * 64
_USE_NOTED_EVERY: Final = timedelta(minutes=1)
_NOTE_USE: Final = """
UPDATE accounts_apikey SET last_used_at = %(now)s
WHERE id = (
    SELECT id FROM accounts_apikey WHERE id = %(id)s AND (last_used_at IS NULL OR last_used_at <= %(before)s)
    FOR NO KEY UPDATE SKIP LOCKED
)
"""

logger = logging.getLogger("till.security")


class KeyRefused(Exception):
    """The key is not accepted. `why` is what the security log says, `auth_header` the challenge of RFC 6750."""

    field: ClassVar[str | None] = None
    why: ClassVar[str]
    auth_header = ""


class KeyNotValid(KeyRefused):
    """It proves nothing about who sends it."""

    auth_header = 'Bearer realm="api", error="invalid_token"'


class UnknownKey(KeyNotValid):
    """The API key is not valid."""

    why = "unknown"


class KeyRevoked(KeyNotValid):
    """The API key was revoked."""

    why = "revoked"


class KeyExpired(KeyNotValid):
    """The API key has expired."""

    why = "expired"


class KeyUserInactive(KeyNotValid):
    """The service of the API key is disabled, or is no service any more."""

    why = "user_inactive"


class NetworkNotAllowed(KeyRefused):
    """The API key may not be used from this address."""

    why = "network"


class ScopeRequired(KeyRefused):
    """The API key lacks the scope that the operation needs."""

    why = "scope"

    def __init__(self, scope: Scope) -> None:
        super().__init__(_("The API key needs the scope %(scope)s.") % {"scope": scope})
        self.extra = {"scope": scope.value}
        self.auth_header = f'Bearer realm="api", error="insufficient_scope", scope="{scope}"'


class ClosedToKeys(KeyRefused):
    """This operation is for users who have signed in; no API key may do it."""

    why = "closed"
    auth_header = 'Bearer realm="api", error="insufficient_scope"'


class NewKeyText(NamedTuple):
    """`text` is shown once and kept nowhere."""

    text: str
    prefix: str
    digest: str


def new_key_text() -> NewKeyText:
    prefix = _random_text(_PREFIX_LENGTH)
    text = f"till_{prefix}_{_random_text(_SECRET_LENGTH)}"
    return NewKeyText(text, prefix, _digest(text.encode()))


def authenticate_key(raw: bytes, *, address: str | None, needed: Scope | None) -> ApiKey:
    """Return the key, with its user, if it is good for an operation that needs the scope; with one indexed query.

    An unknown prefix and a wrong secret take the same steps to the same answer. What a key is refused for is told
    only to who has all of it. Raises KeyNotValid or another KeyRefused.
    """
    key = _known_key(raw)
    if key is None:
        security_log.record(SecurityEvent.API_KEY_FAILED)
        raise UnknownKey
    try:
        _check(key, address, needed)
    except KeyRefused as error:
        security_log.record(SecurityEvent.API_KEY_REFUSED, user_id=key.user_id, key=key.prefix, why=error.why)
        raise
    _note_use(key)
    security_log.record(SecurityEvent.API_KEY_USED, user_id=key.user_id, key=key.prefix, scope=needed)
    return key


def _check(key: ApiKey, address: str | None, needed: Scope | None) -> None:
    if key.revoked_at is not None:
        raise KeyRevoked
    if key.expires_at is not None and key.expires_at <= timezone.now():
        raise KeyExpired
    if not key.user.is_active or key.user.role != Role.SERVICE:
        raise KeyUserInactive
    if key.networks and not is_within(address, key.networks):
        raise NetworkNotAllowed
    if needed is None:
        raise ClosedToKeys
    if needed not in key.scopes:
        raise ScopeRequired(needed)


def _known_key(raw: bytes) -> ApiKey | None:
    match = _KEY.fullmatch(raw.decode("latin-1"))
    if match is None:
        return None
    names, user_names, statement = _key_statement()
    with connection.cursor() as cursor:
        cursor.execute(statement, [match[1]])
        row = cursor.fetchone() or ()
    columns = dict(zip(names, row, strict=False))
    if not hmac.compare_digest(_digest(raw), columns.get("digest", _NO_DIGEST)):
        return None
    key = ApiKey.from_db(DEFAULT_DB_ALIAS, names, row[: len(names)])
    key.user = User.from_db(DEFAULT_DB_ALIAS, user_names, row[len(names) :])
    return key


@cache
def _key_statement() -> tuple[list[str], list[str], str]:
    """Return the names of a key's fields and of a user's, and the statement that reads both, as text: see tokens."""
    fields, user_fields = ApiKey._meta.concrete_fields, User._meta.concrete_fields
    columns = ", ".join([f'key."{field.column}"' for field in fields] + [f'holder."{f.column}"' for f in user_fields])
    return (
        [field.attname for field in fields],
        [field.attname for field in user_fields],
        (
            f"SELECT {columns} FROM {ApiKey._meta.db_table} key"  # noqa: S608 - our own names
            f" JOIN {User._meta.db_table} holder ON holder.id = key.user_id WHERE key.prefix = %s"
        ),
    )


def _note_use(key: ApiKey) -> None:
    """Write when the key was last used, once a minute at most. Waits for nobody, and its failure fails no request."""
    now = timezone.now()
    before = now - _USE_NOTED_EVERY
    if key.last_used_at is not None and key.last_used_at > before:
        return
    try:
        with connection.cursor() as cursor:
            cursor.execute(_NOTE_USE, {"now": now, "id": key.pk, "before": before})
    except DatabaseError as error:
        logger.warning("The last use of API key %s was not noted: %s", key.prefix, type(error).__name__)


def _random_text(length: int) -> str:
    return "".join(secrets.choice(_ALPHABET) for _ in range(length))


def _digest(raw: bytes) -> str:
    return hashlib.sha256(raw).hexdigest()
