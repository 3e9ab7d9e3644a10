"""Links that are mailed: signed, dated, and good for one purpose.

A link to activate is bound to its address. A link to a new password or email is bound to the user's state: any change
of email, password or epoch ends it. So it works once. See docs/decisions/0046.
"""

import json
from typing import ClassVar

from django.conf import settings
from django.core import signing
from django.urls import reverse
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.models import User

_SALT = "accounts.links.activation"
_PASSWORD_RESET_SALT = "accounts.links.password_reset"  # noqa: S105  no secret
_EMAIL_CHANGE_SALT = "accounts.links.email_change"
_STATE_SALT = "accounts.links.state"
USED = gettext_lazy("This link was used or is no longer valid.")


class InvalidLink(Exception):
    """The link is not valid, or was used."""

    field: ClassVar[str | None] = None


class ExpiredLink(Exception):
    """The link has expired."""

    field: ClassVar[str | None] = None


def activation_token(*, user: User) -> str:
    return _signer(_SALT).sign(f"{user.pk}-{address_mark(user.email)}")


def activation_url(*, user: User, base_url: str) -> str:
    """Return the link; `base_url` (scheme and host) counts only where TILL_PUBLIC_URL is empty."""
    return _address(settings.TILL_ACTIVATION_URL, "auth-activate", activation_token(user=user), base_url)


def read_activation_token(token: str) -> tuple[int, str]:
    """Return the user id and the mark of the address that the link was made for.

    Whether the link may still do anything depends on the user; see `services.activate`.
    Raises InvalidLink or ExpiredLink.
    """
    user_id, mark = _read(token, _SALT, settings.TILL_ACTIVATION_LINK_SECONDS, parts=2)
    return int(user_id), mark


def password_reset_token(*, user: User) -> str:
    return _signer(_PASSWORD_RESET_SALT).sign(f"{user.pk}-{state_mark(user)}")


def password_reset_url(*, user: User) -> str:
    return _address(settings.TILL_PASSWORD_RESET_URL, "auth-password-reset-link", password_reset_token(user=user))


def user_of_password_reset(token: str) -> User:
    """Return the active user whose password the link may still reset. Raises InvalidLink or ExpiredLink."""
    user_id, mark = _read(token, _PASSWORD_RESET_SALT, settings.TILL_PASSWORD_RESET_LINK_SECONDS, parts=2)
    return _user_in_state(user_id, mark)


def email_change_token(*, user: User, email: str) -> str:
    """Return the token that gives the user the new email."""
    return _signer(_EMAIL_CHANGE_SALT).sign(
        f"{user.pk}-{state_mark(user)}-{signing.b64_encode(email.encode()).decode()}"
    )


def email_change_url(*, user: User, email: str) -> str:
    token = email_change_token(user=user, email=email)
    return _address(settings.TILL_EMAIL_CHANGE_URL, "auth-email-link", token)


def read_email_change(token: str) -> tuple[User, str]:
    """Return the active user and the new email that the link may still give. Raises InvalidLink or ExpiredLink."""
    user_id, mark, encoded = _read(token, _EMAIL_CHANGE_SALT, settings.TILL_EMAIL_CHANGE_LINK_SECONDS, parts=3)
    return _user_in_state(user_id, mark), signing.b64_decode(encoded.encode()).decode()


def address_mark(email: str) -> str:
    """Return a short keyed digest: ties a link to its address without showing the address."""
    return salted_hmac(_SALT, email.lower()).hexdigest()[:16]


def state_mark(user: User) -> str:
    """Return a keyed digest of what a link to a new password or email is bound to."""
    state = json.dumps([user.pk, user.email, user.password, user.token_epoch])
    return salted_hmac(_STATE_SALT, state, algorithm="sha256").hexdigest()[:32]


def refuse_other_state(user: User, mark: str) -> None:
    """Raise InvalidLink unless the user may act, and the state is the one of the mark."""
    if not user.is_active or state_mark(user) != mark:
        raise InvalidLink(USED)


def _user_in_state(user_id: str, mark: str) -> User:
    user = User.objects.filter(pk=int(user_id)).first()
    if user is None:
        raise InvalidLink(_("This link is not valid."))
    refuse_other_state(user, mark)
    return user


def _read(token: str, salt: str, max_age: int, *, parts: int) -> list[str]:
    """Return what was signed. Raises InvalidLink or ExpiredLink."""
    try:
        text = _signer(salt).unsign(token, max_age=max_age)
    except signing.SignatureExpired as error:
        raise ExpiredLink(_("This link has expired; ask for a new one.")) from error
    except (signing.BadSignature, ValueError) as error:
        raise InvalidLink(_("This link is not valid.")) from error
    return text.split("-", parts - 1)


def _address(front_end: str, route: str, token: str, base_url: str = "") -> str:
    """Return the link into a team's own front end, if the setting names one, or to our page."""
    if front_end:
        return front_end.replace("{token}", token)
    return f"{settings.TILL_PUBLIC_URL or base_url.rstrip('/')}{reverse(route, kwargs={'token': token})}"


def _signer(salt: str) -> signing.TimestampSigner:
    return signing.TimestampSigner(salt=salt, sep=".")
