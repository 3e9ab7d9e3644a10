"""Access and refresh tokens: JWTs whose good standing is kept in a user's epoch and in a family per login."""

import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import ClassVar, TypeVar

from django.db import transaction
from django.db.models import F
from django.utils import timezone
from rest_framework_simplejwt import exceptions as jwt_exceptions
from rest_framework_simplejwt import tokens as jwt_tokens

from accounts.models import TokenFamily, User

_EXPIRED_FAMILIES_DELETED_PER_LOGIN = 20
_GREATEST_ID = 2**63 - 1


class InvalidToken(Exception):
    """The token is not valid, or no longer."""

    field: ClassVar[str | None] = None


class ExpiredToken(InvalidToken):
    """The token has expired."""


@dataclass(frozen=True)
class TokenPair:
    access: str
    refresh: str


AnyToken = TypeVar("AnyToken", jwt_tokens.AccessToken, jwt_tokens.RefreshToken)


def open_family(*, user: User) -> TokenPair:
    """Begin a login: write a new family and return its first pair of tokens."""
    _delete_expired_families()
    refresh = jwt_tokens.RefreshToken()
    family = TokenFamily(user=user, jti=uuid.UUID(refresh["jti"]), expires_at=_expiry(refresh))
    family.save(force_insert=True)
    return _pair(user=user, family_id=family.id, refresh=refresh)


def rotate(*, refresh: str) -> TokenPair:
    """Trade a refresh token for a new pair; the old one is spent.

    One conditional UPDATE decides, so of N parallel calls with one token exactly one wins. Every other use of
    a spent token is taken for theft and ends the family, also by the losers of such a race: their client has
    to log in again. Raises InvalidToken or ExpiredToken.
    """
    spent = _read(jwt_tokens.RefreshToken, refresh)
    user = _holder(spent)
    family_id, jti = _uuid(spent, "family"), _uuid(spent, "jti")
    fresh = jwt_tokens.RefreshToken()
    # The epoch goes into the new tokens as it was read above: if it is raised meanwhile, they are born dead.
    won = TokenFamily.objects.filter(pk=family_id, user=user, jti=jti, ended_at__isnull=True).update(
        jti=uuid.UUID(fresh["jti"]), expires_at=_expiry(fresh)
    )
    if not won:
        _end(family_id)
        raise InvalidToken("This refresh token was used before, or its login has ended.")
    return _pair(user=user, family_id=family_id, refresh=fresh)


def end_family(*, refresh: str) -> None:
    """Log out: end the family of this refresh token, of which it is proof enough. Safe to repeat.

    Raises InvalidToken when it never was one of our refresh tokens. An expired one has nothing left to end.
    """
    try:
        token = _read(jwt_tokens.RefreshToken, refresh)
    except ExpiredToken:
        return
    _end(_uuid(token, "family"))


def end_all(*, user_id: int) -> None:
    """End every access and refresh token of a user."""
    with transaction.atomic():
        User.objects.filter(pk=user_id).update(token_epoch=F("token_epoch") + 1)
        TokenFamily.objects.filter(user_id=user_id, ended_at__isnull=True).update(ended_at=timezone.now())


def holder_of_access(raw: str) -> User:
    """Return the active user whom an access token speaks for, with one query.

    Raises InvalidToken or ExpiredToken.
    """
    return _holder(_read(jwt_tokens.AccessToken, raw))


def _pair(*, user: User, family_id: uuid.UUID, refresh: jwt_tokens.RefreshToken) -> TokenPair:
    refresh["family"] = family_id.hex
    access = jwt_tokens.AccessToken()
    for token in (access, refresh):
        token["sub"] = str(user.pk)
        token["epoch"] = user.token_epoch
    return TokenPair(access=str(access), refresh=str(refresh))


def _read(kind: type[AnyToken], raw: str) -> AnyToken:
    """Check signature, algorithm, audience, issuer, expiry and type."""
    try:
        return kind(raw)  # type: ignore[arg-type]  # simplejwt annotates the encoded token as a Token
    except jwt_exceptions.ExpiredTokenError as error:
        raise ExpiredToken("The token has expired.") from error
    except (jwt_exceptions.TokenError, ValueError, OverflowError, OSError) as error:  # OSError: a far `exp`
        raise InvalidToken("The token is not valid.") from error


def _holder(token: AnyToken) -> User:
    subject = token.get("sub")
    if not (isinstance(subject, str) and subject.isascii() and subject.isdecimal() and len(subject) < 20):
        raise InvalidToken("The token names no user.")
    user = User.objects.filter(pk=min(int(subject), _GREATEST_ID)).first()
    if user is None or not user.is_active or token.get("epoch") != user.token_epoch:
        raise InvalidToken("The token is no longer valid.")
    return user


def _uuid(token: jwt_tokens.RefreshToken, claim: str) -> uuid.UUID:
    try:
        return uuid.UUID(token.get(claim))
    except (AttributeError, TypeError, ValueError) as error:
        raise InvalidToken("The token is not valid.") from error


def _expiry(token: jwt_tokens.RefreshToken) -> datetime:
    return datetime.fromtimestamp(token["exp"], tz=UTC)


def _end(family_id: uuid.UUID) -> None:
    TokenFamily.objects.filter(pk=family_id, ended_at__isnull=True).update(ended_at=timezone.now())


def _delete_expired_families() -> None:
    """Delete a few rows whose tokens have expired anyway, so that the table needs no housekeeper."""
    with transaction.atomic():
        expired = TokenFamily.objects.filter(expires_at__lt=timezone.now()).values_list("pk", flat=True)
        if ids := list(expired.select_for_update(skip_locked=True)[:_EXPIRED_FAMILIES_DELETED_PER_LOGIN]):
            TokenFamily.objects.filter(pk__in=ids).delete()
