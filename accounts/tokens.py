"""Access and refresh tokens: JWTs that are valid by the user's epoch and by the family of their login."""

import time
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache, lru_cache
from typing import Any, ClassVar, Final, NamedTuple, NoReturn, TypeVar

from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, connection, transaction
from django.db.models import F, QuerySet
from django.utils import timezone
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext as _
from rest_framework_simplejwt import exceptions as jwt_exceptions
from rest_framework_simplejwt import tokens as jwt_tokens

from accounts import security_log
from accounts.models import TokenFamily, User
from accounts.networks import Caller
from accounts.security_log import SecurityEvent
from api.fields import MAX_ID

_EXPIRED_FAMILIES_DELETED_PER_LOGIN = 20
_EPOCHS_LOST = 1_000
#: How long after a rotation the spent token gets the same pair again (docs/decisions/0047).
FORGIVEN: Final = timedelta(seconds=10)
#: What we write in every token. A bool is no int here, nor a text of digits.
_CLAIM_TYPES: dict[str, type[Any]] = {"exp": int, "iat": int, "sub": str, "epoch": int, "family": str, "jti": str}


class InvalidToken(Exception):
    """The token is not valid, or no longer."""

    field: ClassVar[str | None] = None


class ExpiredToken(InvalidToken):
    """The token has expired."""


@dataclass(frozen=True)
class TokenPair:
    access: str
    refresh: str


#: The libraries read JSON of any depth, and calculate with `exp` before they look at its type.
_UNREADABLE = (jwt_exceptions.TokenError, TypeError, ValueError, ArithmeticError, OSError, RecursionError)
AnyToken = TypeVar("AnyToken", jwt_tokens.AccessToken, jwt_tokens.RefreshToken)


def open_family(*, user: User, caller: Caller = Caller()) -> TokenPair:  # noqa: B008 - it is a tuple
    """Begin a login: write a new family and return its first pair of tokens."""
    _delete_expired_families()
    family = TokenFamily(user=user, **caller._asdict())
    pair, family.expires_at = _pair(_Login(user, family.id, family.created_at), jti=family.jti, at=family.created_at)
    family.save(force_insert=True)
    return pair


def rotate(*, refresh: str, caller: Caller = Caller()) -> TokenPair:  # noqa: B008 - it is a tuple
    """Trade a refresh token for a new pair; the old one is spent.

    One conditional UPDATE decides, so of N parallel calls with one token exactly one rotates. For FORGIVEN after that,
    the same token gets the same pair again: the answer may have been lost. The new refresh token must be unused. Every
    other use of a spent token is taken for theft and ends the family. Raises InvalidToken or ExpiredToken.
    """
    token = _read(jwt_tokens.RefreshToken, refresh)
    spent = _uuid(token, "jti")
    login, now, fresh = _login(token), timezone.now(), _derived("successor", spent)
    # The new tokens get the epoch that was read above. If it has been raised since then, they are not valid.
    pair, expires_at = _pair(login, jti=fresh, at=now)
    current = TokenFamily.objects.filter(pk=login.family_id, jti=spent, ended_at__isnull=True)
    if current.update(jti=fresh, rotated_at=now, expires_at=expires_at, **caller._asdict()):
        return pair
    return _same_pair(login, fresh) or _refuse_spent(login)


def end_family(*, refresh: str) -> None:
    """Log out: end the family of this refresh token. The token itself is proof enough. Safe to repeat.

    Raises InvalidToken when it never was one of our refresh tokens. An expired one has nothing left to end.
    """
    try:
        token = _read(jwt_tokens.RefreshToken, refresh)
    except ExpiredToken:
        return
    user_id = _subject(token)
    if _end(_uuid(token, "family")):
        security_log.record(SecurityEvent.LOGOUT, user_id=user_id, door="api")


def lasting_logins(*, user_id: int) -> QuerySet[TokenFamily]:
    """Return the logins of a user whose tokens are good."""
    now = timezone.now()
    began = now - settings.TILL_LOGIN_LIFETIME
    return TokenFamily.objects.filter(user_id=user_id, ended_at=None, expires_at__gt=now, created_at__gt=began)


def end_login(*, user_id: int, login_id: uuid.UUID) -> bool:
    """End one login of the user; False if there is none that lasts."""
    logins = lasting_logins(user_id=user_id).filter(pk=login_id)
    return logins.update(ended_at=timezone.now()) > 0


def end_others(*, user_id: int, current: uuid.UUID) -> None:
    """End all logins of the user but one. Sessions of the staff site go on."""
    others = TokenFamily.objects.filter(user_id=user_id, ended_at=None).exclude(pk=current)
    others.update(ended_at=timezone.now())


def end_all(*, user_id: int) -> None:
    """End every access and refresh token of a user."""
    with transaction.atomic():
        User.objects.filter(pk=user_id).update(token_epoch=F("token_epoch") + 1)
        TokenFamily.objects.filter(user_id=user_id, ended_at__isnull=True).update(ended_at=timezone.now())


def end_all_of_everybody() -> int:
    """End every token of all users, such as after a restore; return how many logins it ended.

    The epochs go on by more than what was lost can have raised them.
    """
    with transaction.atomic():
        User.objects.update(token_epoch=F("token_epoch") + _EPOCHS_LOST)
        return TokenFamily.objects.filter(ended_at__isnull=True).update(ended_at=timezone.now())


def holder_of_access(raw: str) -> User:
    """Return the active user whom an access token speaks for, while its login lasts; with one query.

    Raises InvalidToken or ExpiredToken.
    """
    login = _login(_read(jwt_tokens.AccessToken, raw))
    login.user.login_id = login.family_id
    return login.user


class AccessClaims(NamedTuple):
    """What an access token of ours says. Whether its login still lasts, PostgreSQL knows (accounts.standing)."""

    user_id: int
    family_id: uuid.UUID
    epoch: int
    #: The last moment, in seconds since 1970.
    expires_at: int


def claims_of_access(raw: str) -> AccessClaims:
    """Return what a token of ours says that has not expired. Asks nobody. Raises InvalidToken or ExpiredToken."""
    claims = _remembered_claims(raw, settings.TILL_JWT_KEY)
    if claims.expires_at <= time.time():
        raise ExpiredToken(_("The token has expired."))
    return claims


@lru_cache(maxsize=4096)
def _remembered_claims(raw: str, _key: str) -> AccessClaims:
    """Clients send one token many times. Checking its signature takes longer than everything else about it."""
    token = _read(jwt_tokens.AccessToken, raw)
    return AccessClaims(_subject(token), _uuid(token, "family"), token["epoch"], token["exp"])


class _Login(NamedTuple):
    user: User
    family_id: uuid.UUID
    began_at: datetime


def _same_pair(login: _Login, successor: uuid.UUID) -> TokenPair | None:
    """Sign the last pair of the login again, byte for byte, if `successor` is its refresh token, new and unused."""
    families = TokenFamily.objects.filter(pk=login.family_id, jti=successor, ended_at__isnull=True)
    rotated = families.filter(rotated_at__gt=timezone.now() - FORGIVEN).values_list("rotated_at", flat=True).first()
    if rotated is None:
        return None
    security_log.record(SecurityEvent.REFRESH_REPEATED, user_id=login.user.pk)
    return _pair(login, jti=successor, at=rotated)[0]


def _refuse_spent(login: _Login) -> NoReturn:
    if _end(login.family_id):
        security_log.record(SecurityEvent.REFRESH_REUSED, user_id=login.user.pk)
    raise InvalidToken(_("This refresh token was used before, or its login has ended."))


def _pair(login: _Login, *, jti: uuid.UUID, at: datetime) -> tuple[TokenPair, datetime]:
    """Sign the pair of a moment, and say when its refresh token expires. Equal arguments give equal bytes.

    A refresh token expires in its time, and never after the login does.
    """
    refresh, access = jwt_tokens.RefreshToken(), jwt_tokens.AccessToken()
    _place_in_time(refresh, at, expires_by=int((login.began_at + settings.TILL_LOGIN_LIFETIME).timestamp()))
    _place_in_time(access, at, expires_by=refresh["exp"])
    refresh["jti"], access["jti"] = jti.hex, _derived("access", jti).hex
    for token in (access, refresh):
        token["sub"] = str(login.user.pk)
        token["epoch"] = login.user.token_epoch
        token["family"] = login.family_id.hex
    return TokenPair(access=str(access), refresh=str(refresh)), datetime.fromtimestamp(refresh["exp"], tz=UTC)


def _place_in_time(token: jwt_tokens.Token, at: datetime, *, expires_by: int) -> None:
    token.set_iat(at_time=at)
    token.set_exp(from_time=at)
    token["exp"] = min(token["exp"], expires_by)


def _derived(purpose: str, jti: uuid.UUID) -> uuid.UUID:
    """Return the id that follows from another's: always the same, and for nobody to guess who has no key."""
    digest = salted_hmac(f"accounts.tokens.{purpose}", jti.hex, settings.TILL_JWT_KEY, algorithm="sha256").digest()
    return uuid.UUID(bytes=digest[:16], version=4)


def _read(kind: type[AnyToken], raw: str) -> AnyToken:
    """Check signature, algorithm, audience, issuer, expiry and type, and that each claim is of its type."""
    try:
        token = kind(raw)  # type: ignore[arg-type]  # simplejwt annotates the encoded token as a Token
    except jwt_exceptions.ExpiredTokenError as error:
        raise ExpiredToken(_("The token has expired.")) from error
    except _UNREADABLE as error:
        raise InvalidToken(_("The token is not valid.")) from error
    if any(type(token.get(claim)) is not kind_ for claim, kind_ in _CLAIM_TYPES.items()):
        raise InvalidToken(_("The token is not valid."))
    if token["exp"] <= datetime.now(UTC).timestamp():  # the leeway is for clocks that are ahead of ours
        raise ExpiredToken(_("The token has expired."))
    return token


def _login(token: AnyToken) -> _Login:
    """Return the login that a token belongs to, if it lasts, and its user: one query for both."""
    family_id, user_id = _uuid(token, "family"), _subject(token)
    names, statement = _login_statement()
    with connection.cursor() as cursor:
        cursor.execute(statement, [family_id, user_id, timezone.now() - settings.TILL_LOGIN_LIFETIME])
        row = cursor.fetchone()
    user = row and User.from_db(DEFAULT_DB_ALIAS, names, row[1:])
    if user is None or not user.is_active or token["epoch"] != user.token_epoch:
        raise InvalidToken(_("The token is no longer valid."))
    return _Login(user, family_id, row[0])


@cache
def _login_statement() -> tuple[list[str], str]:
    """Return the names of a user's fields, and the statement that reads a login's beginning and then those.

    As text, because each request sends it: putting the same query together takes longer than PostgreSQL takes for it.
    """
    fields = User._meta.concrete_fields
    columns = ", ".join(f'holder."{field.column}"' for field in fields)
    families, users = TokenFamily._meta.db_table, User._meta.db_table
    return [field.attname for field in fields], (
        f"SELECT family.created_at, {columns} FROM {families} family JOIN {users} holder ON holder.id = family.user_id"  # noqa: S608 - our own names
        " WHERE family.id = %s AND family.user_id = %s AND family.ended_at IS NULL AND family.created_at > %s"
    )


def _subject(token: AnyToken) -> int:
    subject = token["sub"]
    if not (subject.isascii() and subject.isdecimal() and len(subject) < 20):
        raise InvalidToken(_("The token names no user."))
    return min(int(subject), MAX_ID)


def _uuid(token: AnyToken, claim: str) -> uuid.UUID:
    try:
        return uuid.UUID(token.get(claim))
    except (AttributeError, TypeError, ValueError) as error:
        raise InvalidToken(_("The token is not valid.")) from error


def _end(family_id: uuid.UUID) -> int:
    """Return 1 if this has ended the family, 0 if it had ended before."""
    return TokenFamily.objects.filter(pk=family_id, ended_at__isnull=True).update(ended_at=timezone.now())


def _delete_expired_families() -> None:
    """Delete a few rows whose tokens have expired anyway, so that the table needs no other cleaning."""
    with transaction.atomic():
        expired = TokenFamily.objects.filter(expires_at__lt=timezone.now()).values_list("pk", flat=True)
        if ids := list(expired.select_for_update(skip_locked=True)[:_EXPIRED_FAMILIES_DELETED_PER_LOGIN]):
            TokenFamily.objects.filter(pk__in=ids).delete()
