"""Activation links: signed, dated, good for one purpose and one address."""

from typing import ClassVar

from django.conf import settings
from django.core import signing
from django.urls import reverse
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext as _

from accounts.models import User

_SALT = "accounts.links.activation"


class InvalidLink(Exception):
    """The link is not valid, or was used."""

    field: ClassVar[str | None] = None


class ExpiredLink(Exception):
    """The link has expired."""

    field: ClassVar[str | None] = None


def activation_token(*, user: User) -> str:
    return _signer().sign(f"{user.pk}-{address_mark(user.email)}")


def activation_url(*, user: User, base_url: str) -> str:
    """Return the link; `base_url` (scheme and host) counts only where TILL_PUBLIC_URL is empty."""
    path = reverse("auth-activate", kwargs={"token": activation_token(user=user)})
    return f"{settings.TILL_PUBLIC_URL or base_url.rstrip('/')}{path}"


def read_activation_token(token: str) -> tuple[int, str]:
    """Return the user id and the mark of the address that the link was made for.

    Whether the link may still do anything depends on the user; see `services.activate`.
    Raises InvalidLink or ExpiredLink.
    """
    try:
        text = _signer().unsign(token, max_age=settings.TILL_ACTIVATION_LINK_SECONDS)
    except signing.SignatureExpired as error:
        raise ExpiredLink(_("This link has expired; ask for a new one.")) from error
    except (signing.BadSignature, ValueError) as error:
        raise InvalidLink(_("This link is not valid.")) from error
    user_id, _dash, mark = text.partition("-")
    return int(user_id), mark


def address_mark(email: str) -> str:
    """Return a short keyed digest: ties a link to its address without showing the address."""
    return salted_hmac(_SALT, email.lower()).hexdigest()[:16]


def _signer() -> signing.TimestampSigner:
    return signing.TimestampSigner(salt=_SALT, sep=".")
