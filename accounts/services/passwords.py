"""Choosing and changing passwords."""

from django.contrib.auth.hashers import make_password
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from accounts import security_log, tokens
from accounts.hashers import normalized
from accounts.models import OutgoingMail, User
from accounts.security_log import SecurityEvent
from accounts.services.outgoing_mail import queue_mail
from accounts.validators import PASSWORD_MAX_LENGTH
from api.plain_text import validate_plain_text


class WeakPassword(Exception):
    """The password breaks a rule; the message says which."""

    def __init__(self, message: str, *, field: str) -> None:
        super().__init__(message)
        self.field = field


class WrongPassword(Exception):
    """The current password is not right."""

    field = "current_password"


def check_new_password(*, password: str, user: User, field: str = "password", any_password: bool = False) -> None:
    """Raise WeakPassword unless the password fits our bounds and Django's validators; hashes nothing.

    It is judged as it is kept: normalized. With `any_password` only our bounds hold.
    """
    if len(password) > PASSWORD_MAX_LENGTH:
        raise WeakPassword(
            _("Use at most %(count)s characters.") % {"count": PASSWORD_MAX_LENGTH},
            field=field,
        )
    password = normalized(password)
    if not password.strip():
        raise WeakPassword(_("Use more than spaces."), field=field)
    try:
        validate_plain_text(password)
        if not any_password:
            validate_password(password, user)
    except ValidationError as error:
        raise WeakPassword(" ".join(error.messages), field=field) from error


def change_password(*, user: User, current_password: str, new_password: str) -> None:
    """Change a user's own password, end every token, the caller's too, and mail the user that it was done.

    Hashes before the lock. Of two changes at once one wins, the other raises WrongPassword.
    Raises WrongPassword or WeakPassword.
    """
    if not user.check_password(current_password):
        security_log.record(SecurityEvent.PASSWORD_REFUSED, user_id=user.pk)
        raise WrongPassword(_("The current password is not right."))
    check_new_password(password=new_password, user=user, field="new_password")
    proven, chosen = user.password, make_password(new_password)
    with transaction.atomic():
        if not User.objects.filter(pk=user.pk, password=proven).update(password=chosen):
            raise WrongPassword(_("The password was changed meanwhile."))
        tokens.end_all(user_id=user.pk)
        queue_mail(users=[user], kind=OutgoingMail.Kind.PASSWORD_CHANGED)
        security_log.record_after_commit(SecurityEvent.PASSWORD_CHANGED, user_id=user.pk)


def set_password(*, user: User, password: str, any_password: bool = False) -> None:
    """Set a password without knowing the old one (staff) and end every token. Raises WeakPassword."""
    check_new_password(password=password, user=user, any_password=any_password)
    user.password = make_password(password)
    with transaction.atomic():
        User.objects.filter(pk=user.pk).update(password=user.password)
        tokens.end_all(user_id=user.pk)
        security_log.record_after_commit(SecurityEvent.PASSWORD_SET, user_id=user.pk)
    user.refresh_from_db(fields=["token_epoch"])  # The session of staff who set their own password goes on with it.
