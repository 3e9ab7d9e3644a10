"""Who may try a password now, over the API and on the staff site alike: axes' lock, and a slow one for each account.

axes counts failures for each pair of name and network. Somebody with many networks gets past that, so all failures
of a name are counted for a day, too. Beyond the limit, a name may be tried only a few times an hour from a network
where it never signed in. Where the user has signed in before, they are not slowed. See docs/decisions/0022.
"""

from typing import Any

from axes.handlers.database import AxesDatabaseHandler
from axes.models import AccessAttempt
from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction
from django.http import HttpRequest
from django.utils import timezone
from django.utils.crypto import salted_hmac

from accounts import security_log
from accounts.counters import count_hit
from accounts.login_refusals import login_name
from accounts.models import ThrottleCount
from accounts.networks import caller_network
from accounts.rate_limits import seconds_over
from accounts.security_log import SecurityEvent

_DAY = 24 * 3600
_KNOWN_SECONDS = 90 * _DAY
_COUNTER_DIGITS = 5  # hexadecimal ones
_EXPIRED_ATTEMPTS_DELETED_AT_A_TIME = 100


class LoginLock(AxesDatabaseHandler):  # type: ignore[misc]  # axes has no annotations
    """axes' own handler, with the slow lock on top. Django's signals of logins, from both doors, end here."""

    def is_allowed(self, request: HttpRequest, credentials: dict[str, Any] | None = None) -> bool:
        return super().is_allowed(request, credentials) and not _is_slowed(request, login_name(request, credentials))

    def user_login_failed(
        self, sender: Any, credentials: dict[str, Any], request: HttpRequest | None = None, **kwargs: Any
    ) -> None:
        locked = bool(getattr(request, "axes_locked_out", False))
        super().user_login_failed(sender, credentials, request, **kwargs)
        name = login_name(request, credentials)
        if not locked:
            count_hit(key=failures_key(name), seconds=_DAY)
        event = SecurityEvent.LOGIN_LOCKED if locked else SecurityEvent.LOGIN_FAILED
        security_log.record(event, name=name, door=_door(request))

    def user_logged_in(self, sender: Any, request: HttpRequest, user: AbstractBaseUser, **kwargs: Any) -> None:
        super().user_logged_in(sender, request, user, **kwargs)
        count_hit(key=_known_key(user.get_username().lower(), request), seconds=_KNOWN_SECONDS)
        security_log.record(SecurityEvent.LOGIN, user_id=user.pk, door=_door(request))

    def user_logged_out(self, sender: Any, request: HttpRequest, user: AbstractBaseUser | None, **kwargs: Any) -> None:
        super().user_logged_out(sender, request, user, **kwargs)
        if user is not None:
            security_log.record(SecurityEvent.LOGOUT, user_id=user.pk, door=_door(request))

    def clean_expired_user_attempts(
        self, request: HttpRequest | None = None, credentials: dict[str, Any] | None = None
    ) -> int:
        """Delete this name's expired rows, and some of others': bounded, and without waiting for anybody."""
        expired = AccessAttempt.objects.filter(attempt_time__lt=timezone.now() - settings.AXES_COOLOFF_TIME)
        own, _ = expired.filter(username=login_name(request, credentials)).delete()
        with transaction.atomic():
            rows = expired.order_by().select_for_update(skip_locked=True).values_list("pk", flat=True)
            others, _ = AccessAttempt.objects.filter(pk__in=list(rows[:_EXPIRED_ATTEMPTS_DELETED_AT_A_TIME])).delete()
        return int(own + others)


def forget_name(name: str) -> None:
    """Delete what is kept under a name alone, also where it signed in from. Safe to repeat."""
    AccessAttempt.objects.filter(username=name).delete()
    ThrottleCount.objects.filter(key=_slow_key(name)).delete()
    ThrottleCount.objects.filter(key__startswith=f"login-known:{_mark(name)}:").delete()


def forget_failures(name: str) -> None:
    """Open what failed logins of a name have locked, from everywhere. Safe to repeat."""
    AccessAttempt.objects.filter(username=name).delete()
    ThrottleCount.objects.filter(key__in=[failures_key(name), _slow_key(name)]).delete()


def _is_slowed(request: HttpRequest, name: str) -> bool:
    """Take one of the few attempts that are left for a name under attack; tell whether none was."""
    if _running(failures_key(name)) < settings.TILL_ACCOUNT_FAILURE_LIMIT or _running(_known_key(name, request)):
        return False
    seconds = seconds_over(settings.TILL_THROTTLE_ATTACKED_ACCOUNT, key=_slow_key(name))
    request.seconds_slowed = seconds  # type: ignore[attr-defined]  # what `seconds_locked` answers
    return seconds > 0


def _running(key: str) -> int:
    """What was counted in the key's window, if it has not ended."""
    counts = ThrottleCount.objects.filter(key=key, expires_at__gt=timezone.now())
    return counts.values_list("count", flat=True).first() or 0


def failures_key(name: str) -> str:
    """One of a million counters, so that inventing names fills no disk; two names seldom share one."""
    return f"login-failures:{_mark(name)[:_COUNTER_DIGITS]}"


def _slow_key(name: str) -> str:
    return f"login-slowed:{_mark(name)}"


def _known_key(name: str, request: HttpRequest) -> str:
    return f"login-known:{_mark(name)}:{_mark(caller_network(request))}"


def _mark(text: str) -> str:
    """A keyed digest: the counters hold nobody's address."""
    return salted_hmac("accounts.login_lock", text, algorithm="sha256").hexdigest()[:32]


def _door(request: HttpRequest | None) -> str:
    return "staff" if request is not None and request.path.startswith("/admin/") else "api"
