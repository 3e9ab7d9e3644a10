"""An authenticator app as a user has it: codes by the clock, and any step of it."""

import time

import pyotp
from django.utils import timezone

from accounts import services
from accounts.models import User
from tests.support import recipes


class Authenticator:
    """Gives each code once, as a patient user would: a step further on each time, within the window at most."""

    def __init__(self, secret: str) -> None:
        self.secret = secret
        self._offset = -2

    def code(self) -> str:
        """Return the next code that was not given yet: there are three in the window."""
        self._offset += 1
        assert self._offset <= 1
        return self.code_of(self._offset)

    def code_of(self, offset: int) -> str:
        """Return the code of so many steps from now."""
        return pyotp.TOTP(self.secret).at(int(time.time()), counter_offset=offset)

    def wrong(self) -> str:
        """Return a code that is right at no time around now."""
        near = {self.code_of(offset) for offset in range(-4, 5)}
        return next(
            text
            for text in ("000000", "111111", "222222", "333333", *map(str, range(10**5, 10**6)))
            if text not in near
        )


def enrol(user: User, password: str) -> tuple[Authenticator, list[str]]:
    """Switch the user's second factor on; return the app and the recovery codes. Every login ends."""
    app = Authenticator(services.begin_second_factor(user=user, password=password).secret)
    codes = services.confirm_second_factor(user=user, code=app.code())
    user.refresh_from_db()
    return app, codes


def waiting_authenticator(user: User) -> Authenticator:
    """An app whose first code switches the user's second factor on."""
    factor = recipes.second_factor.make(user=user, pending_secret=pyotp.random_base32(), pending_at=timezone.now())
    return Authenticator(factor.pending_secret)


def ready_authenticator(user: User) -> Authenticator:
    """The app of a user whose second factor is on, and whose logins go on."""
    factor = recipes.second_factor.make(user=user, secret=pyotp.random_base32())
    User.objects.filter(pk=user.pk).update(second_factor_at=timezone.now())
    return Authenticator(factor.secret)
