"""Signing in with email and password."""

from django.contrib.auth import authenticate, user_logged_in
from django.http import HttpRequest
from django.utils.translation import gettext as _

from accounts import tokens
from accounts.login_refusals import login_name, seconds_locked
from accounts.models import User
from accounts.networks import caller


class InvalidCredentials(Exception):
    """Wrong password, unknown email or inactive user: one answer, so that it tells nobody which."""

    field: str | None = None


class LoginLocked(Exception):
    """Too many failures for this email from this address."""

    field: str | None = None

    def __init__(self, message: str, *, retry_after: int) -> None:
        super().__init__(message)
        self.retry_after = retry_after


def sign_in(*, email: str, password: str, request: HttpRequest) -> tokens.TokenPair:
    """Return tokens for the right password; otherwise always after as many runs of the password hasher: one.

    A text that Unicode can spell otherwise takes two, whoever is asked for (accounts.hashers).

    axes counts failures for each email and address of `request` in PostgreSQL. It looks before the hash runs
    and counts after it, so attempts already under way when the limit is reached still get their one answer.
    Raises InvalidCredentials or LoginLocked.
    """
    name = email.strip().lower()
    user = authenticate(request=request, email=name, password=password)
    if isinstance(user, User):
        # Django's own receivers note the time of the login, axes' forget the failures.
        user_logged_in.send(sender=User, request=request, user=user)
        return tokens.open_family(user=user, caller=caller(request))
    if getattr(request, "axes_locked_out", False):
        seconds = seconds_locked(request, login_name(None, {"email": name}))
        raise LoginLocked(
            _("Too many failed logins; try again in %(seconds)s seconds.") % {"seconds": seconds}, retry_after=seconds
        )
    raise InvalidCredentials(_("No active user has this email and password."))
