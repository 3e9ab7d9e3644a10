"""Signing in with email and password."""

from django.contrib.auth import authenticate, user_logged_in, user_login_failed
from django.http import HttpRequest
from django.utils.translation import gettext as _

from accounts import security_log, tokens
from accounts.login_refusals import login_name, seconds_locked
from accounts.models import User
from accounts.networks import caller
from accounts.security_log import SecurityEvent
from accounts.services.second_factor import NoSecondFactor, TooManyWrongCodes, WrongCode, check_code


class InvalidCredentials(Exception):
    """Wrong password, unknown email or inactive user: one answer, so that it tells nobody which."""

    field: str | None = None


class SecondFactorRequired(Exception):
    """The password is right. Send it again, with a code of the authenticator or a recovery code."""

    field: str | None = "code"


class InvalidSecondFactor(Exception):
    """The code is wrong, or was used before."""

    field: str | None = "code"


class LoginLocked(Exception):
    """Too many failures for this email from this address."""

    field: str | None = None

    def __init__(self, message: str, *, retry_after: int) -> None:
        super().__init__(message)
        self.retry_after = retry_after


def sign_in(*, email: str, password: str, code: str = "", request: HttpRequest) -> tokens.TokenPair:
    """Return tokens for the right password; otherwise always after as many runs of the password hasher: one.

    A text that Unicode can spell otherwise takes two, whoever is asked for (accounts.hashers).

    axes counts failures for each email and address of `request` in PostgreSQL. It looks before the hash runs
    and counts after it, so attempts already under way when the limit is reached still get their one answer.
    A second factor is looked at after the right password only. Raises InvalidCredentials, LoginLocked,
    SecondFactorRequired, InvalidSecondFactor or TooManyWrongCodes.
    """
    name = email.strip().lower()
    user = authenticate(request=request, email=name, password=password)
    if isinstance(user, User):
        check_second_factor(user=user, code=code, request=request)
        # Django's own receivers note the time of the login, axes' forget the failures.
        user_logged_in.send(sender=User, request=request, user=user)
        return tokens.open_family(user=user, caller=caller(request))
    _refuse_locked(name, request)
    raise InvalidCredentials(_("No active user has this email and password."))


def check_second_factor(*, user: User, code: str, request: HttpRequest) -> None:
    """Let a user pass whose password was right: with a good code, or without a second factor.

    A wrong code counts as a failed login of name and network, and for the user wherever it comes from. Raises
    LoginLocked, SecondFactorRequired, InvalidSecondFactor or TooManyWrongCodes.
    """
    if not user.second_factor_at:
        return
    if not code:
        security_log.record(SecurityEvent.SECOND_FACTOR_REQUIRED, user_id=user.pk)
        raise SecondFactorRequired
    try:
        check_code(user_id=user.pk, code=code)
    except (WrongCode, NoSecondFactor, TooManyWrongCodes) as error:
        name = user.email.lower()
        user_login_failed.send(sender=User, credentials={"email": name}, request=request)
        _refuse_locked(name, request)
        if isinstance(error, TooManyWrongCodes):
            raise
        raise InvalidSecondFactor from None


def _refuse_locked(name: str, request: HttpRequest) -> None:
    """Raise LoginLocked if this failure was refused without a try, or was the last one before the lock."""
    if getattr(request, "axes_locked_out", False):
        seconds = seconds_locked(request, login_name(None, {"email": name}))
        raise LoginLocked(
            _("Too many failed logins; try again in %(seconds)s seconds.") % {"seconds": seconds}, retry_after=seconds
        )
