"""The second factor: codes of an authenticator app (TOTP, RFC 6238), and recovery codes for when it is lost.

A code is good once: the time step of the latest one is kept, and compared under the lock of the row. Wrong codes are
counted there too, whoever sends them from wherever. See docs/decisions/0048.
"""

import hashlib
import math
import secrets
import time
from base64 import b32encode
from dataclasses import dataclass
from datetime import datetime, timedelta
from hmac import compare_digest
from typing import Final

import pyotp
import segno
from django.conf import settings
from django.db import transaction
from django.db.models import TextField
from django.db.models.functions import Cast
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts import security_log, tokens
from accounts.models import RecoveryCode, SecondFactor, User
from accounts.security_log import SecurityEvent
from accounts.services.administration import refuse_own_account
from accounts.services.locking import lock_user
from accounts.services.passwords import WrongPassword
from api.encryption import decrypt

ISSUER: Final = "Till"
STEP_SECONDS: Final = 30
#: A clock may be a step ahead or behind.
STEPS_AROUND: Final = (-1, 0, 1)
PENDING_LIFETIME: Final = timedelta(hours=1)
RECOVERY_CODES: Final = 10
_RECOVERY_BYTES: Final = 10
#: So many wrong codes of a user a day; then only recovery codes are taken. Three of a million codes are right.
MAX_WRONG_CODES: Final = 30
WRONG_CODES_PERIOD: Final = timedelta(days=1)


class WrongCode(Exception):
    """The code is wrong, or was used before."""

    field = "code"


class TooManyWrongCodes(Exception):
    """Too many wrong codes; for a while only a recovery code is taken."""

    field: str | None = None

    def __init__(self, *, retry_after: int) -> None:
        super().__init__(str(self.__doc__))
        self.retry_after = retry_after


class WrongOwnPassword(WrongPassword):
    """The password is not right."""

    field = "password"


class SecondFactorEnabled(Exception):
    """The second factor is on; switch it off before another one is set up."""


class NoSecondFactor(Exception):
    """The second factor is not on."""


class NothingPending(Exception):
    """No second factor waits for its first code, or it has waited too long; begin anew."""


@dataclass(frozen=True)
class Enrolment:
    """What an authenticator app needs, as text, as an address and as a picture of the address."""

    secret: str
    otpauth_uri: str
    qr_svg: str


def begin_second_factor(*, user: User, password: str) -> Enrolment:
    """Make a secret that waits for its first code, in the place of one that waits already.

    Raises WrongOwnPassword or SecondFactorEnabled.
    """
    _check_password(user, password)
    secret = pyotp.random_base32()
    with transaction.atomic():
        if lock_user(user.pk).second_factor_at:
            raise SecondFactorEnabled
        pending = {"pending_secret": secret, "pending_at": timezone.now()}
        SecondFactor.objects.update_or_create(user_id=user.pk, defaults=pending)
    return _enrolment(user, secret)


def confirm_second_factor(*, user: User, code: str) -> list[str]:
    """Switch the second factor on by its first code, end every token, and return the recovery codes.

    Locks the user, then the factor. Raises NothingPending or WrongCode.
    """
    with transaction.atomic():
        if lock_user(user.pk).second_factor_at:
            raise NothingPending
        since = timezone.now() - PENDING_LIFETIME
        factor = SecondFactor.objects.select_for_update().filter(user_id=user.pk, pending_at__gt=since).first()
        if factor is None or not factor.pending_secret:
            raise NothingPending
        step = _step_of(factor.pending_secret, _plain(code))
        if step is None:
            raise WrongCode
        factor.secret, factor.pending_secret, factor.pending_at = factor.pending_secret, "", None
        factor.last_step, factor.wrong_codes, factor.wrong_since = step, 0, None
        factor.save()
        User.objects.filter(pk=user.pk).update(second_factor_at=timezone.now())
        tokens.end_all(user_id=user.pk)
        security_log.record_after_commit(SecurityEvent.SECOND_FACTOR_ENABLED, user_id=user.pk)
        return _new_recovery_codes(factor)


def renew_recovery_codes(*, user: User, password: str, code: str) -> list[str]:
    """Return new recovery codes; the old ones are void. Raises what `check_code` does, or WrongOwnPassword."""
    _check_password(user, password)
    check_code(user_id=user.pk, code=code)
    with transaction.atomic():
        factor = _locked(user.pk)
        security_log.record_after_commit(SecurityEvent.RECOVERY_CODES_RENEWED, user_id=user.pk)
        return _new_recovery_codes(factor)


def disable_second_factor(*, user: User, password: str, code: str) -> None:
    """Switch the own second factor off and end every token. Raises as `renew_recovery_codes` does."""
    _check_password(user, password)
    check_code(user_id=user.pk, code=code)
    with transaction.atomic():
        lock_user(user.pk)
        forget_second_factor(user_id=user.pk)
        tokens.end_all(user_id=user.pk)
        security_log.record_after_commit(SecurityEvent.SECOND_FACTOR_DISABLED, user_id=user.pk)


def reset_second_factor(*, user_id: int, by: User | None) -> None:
    """Take another user's second factor away, and end every token: the authenticator and the codes are lost.

    Raises OwnAccount, NoSecondFactor or UnknownUser.
    """
    refuse_own_account(user_id, by, _("You cannot reset your own second factor here: switch it off with a code."))
    with transaction.atomic():
        if not lock_user(user_id).second_factor_at:
            raise NoSecondFactor
        forget_second_factor(user_id=user_id)
        tokens.end_all(user_id=user_id)
        security_log.record_after_commit(SecurityEvent.SECOND_FACTOR_RESET, user_id=user_id)


def forget_second_factor(*, user_id: int) -> None:
    """Delete secret and codes. Safe to repeat; inside an atomic block that locks the user."""
    User.objects.filter(pk=user_id).update(second_factor_at=None)
    SecondFactor.objects.filter(user_id=user_id).delete()


def recovery_codes_left(*, user: User) -> int:
    return RecoveryCode.objects.filter(factor_id=user.pk, used_at=None).count()


def check_code(*, user_id: int, code: str) -> None:
    """Take a code of the authenticator, or a recovery code: each is good once.

    Locks the factor: of two at once with one code one is right. Raises WrongCode, TooManyWrongCodes or NoSecondFactor.
    """
    plain = _plain(code)
    with transaction.atomic():
        factor = _locked(user_id)
        seconds = _seconds_locked(factor)
        is_right = (not seconds and _take_step(factor, plain)) or _take_recovery_code(factor, plain)
        if not is_right and not seconds:
            _count_wrong(factor)
    if is_right:
        return
    security_log.record(SecurityEvent.SECOND_FACTOR_REFUSED, user_id=user_id)
    if seconds:
        raise TooManyWrongCodes(retry_after=seconds)
    raise WrongCode


def reencrypt_second_factors() -> int:
    """Encrypt every secret anew with the first of TILL_ENCRYPTION_KEYS; return of how many users.

    Safe to repeat. Locks the factors. Raises Undecryptable, and then nothing was changed.
    """
    with transaction.atomic():
        texts = [Cast(name, TextField()) for name in ("secret", "pending_secret")]
        rows = SecondFactor.objects.select_for_update(no_key=True).order_by("pk").values_list("pk", *texts)
        for key, *encrypted in rows:
            secret, pending = (decrypt(text, settings.TILL_ENCRYPTION_KEYS) if text else "" for text in encrypted)
            SecondFactor.objects.filter(pk=key).update(secret=secret, pending_secret=pending)
    return len(rows)


def _check_password(user: User, password: str) -> None:
    if not user.check_password(password):
        security_log.record(SecurityEvent.PASSWORD_REFUSED, user_id=user.pk)
        raise WrongOwnPassword


def _enrolment(user: User, secret: str) -> Enrolment:
    address = pyotp.TOTP(secret).provisioning_uri(name=user.email, issuer_name=ISSUER)
    picture = segno.make(address, micro=False).svg_inline(scale=4, dark="#000", light="#fff")
    return Enrolment(secret=secret, otpauth_uri=address, qr_svg=picture)


def _locked(user_id: int) -> SecondFactor:
    factors = SecondFactor.objects.select_for_update(of=("self",)).filter(user__second_factor_at__isnull=False)
    if (factor := factors.filter(user_id=user_id).first()) is None:
        raise NoSecondFactor
    return factor


def _plain(code: str) -> str:
    """As the codes are compared: nobody has to type the groups that they are shown in."""
    return code.replace(" ", "").replace("-", "").upper()


def _step_of(secret: str, code: str) -> int | None:
    """Return the time step of which this is the code; in constant time for all codes of one length."""
    now = int(time.time()) // STEP_SECONDS
    generate = pyotp.TOTP(secret, interval=STEP_SECONDS).generate_otp
    matches = [now + offset for offset in STEPS_AROUND if _is_equal(generate(now + offset), code)]
    return matches[-1] if matches else None


def _is_equal(expected: str, given: str) -> bool:
    return compare_digest(expected.encode(), given.encode())


def _take_step(factor: SecondFactor, code: str) -> bool:
    step = _step_of(factor.secret, code) if factor.secret else None
    if step is None or step <= factor.last_step:
        return False
    factor.last_step = step
    factor.save(update_fields=["last_step"])
    return True


def _take_recovery_code(factor: SecondFactor, code: str) -> bool:
    unused = factor.recovery_codes.filter(digest=_digest(factor.pk, code), used_at=None)
    if not unused.update(used_at=timezone.now()):
        return False
    security_log.record_after_commit(SecurityEvent.RECOVERY_CODE_USED, user_id=factor.pk)
    return True


def _seconds_locked(factor: SecondFactor) -> int:
    if factor.wrong_since is None or factor.wrong_codes < MAX_WRONG_CODES:
        return 0
    left: datetime = factor.wrong_since + WRONG_CODES_PERIOD
    return max(0, math.ceil((left - timezone.now()).total_seconds()))


def _count_wrong(factor: SecondFactor) -> None:
    now = timezone.now()
    if factor.wrong_since is None or factor.wrong_since <= now - WRONG_CODES_PERIOD:
        factor.wrong_since, factor.wrong_codes = now, 0
    factor.wrong_codes += 1
    factor.save(update_fields=["wrong_since", "wrong_codes"])


def _new_recovery_codes(factor: SecondFactor) -> list[str]:
    factor.recovery_codes.all().delete()
    codes = [b32encode(secrets.token_bytes(_RECOVERY_BYTES)).decode() for _code in range(RECOVERY_CODES)]
    RecoveryCode.objects.bulk_create(RecoveryCode(factor=factor, digest=_digest(factor.pk, code)) for code in codes)
    return ["-".join(code[start : start + 4] for start in range(0, len(code), 4)).lower() for code in codes]


def _digest(user_id: int, code: str) -> str:
    return hashlib.sha256(f"{user_id}:{code}".encode()).hexdigest()
