"""Another email, for who proves to read its mail."""

from copy import copy

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from accounts import links, security_log, tokens
from accounts.models import OutgoingMail, User
from accounts.security_log import SecurityEvent
from accounts.services.locking import lock_linked_user
from accounts.services.outgoing_mail import queue_mail
from accounts.services.passwords import WrongPassword
from accounts.services.registration import check_fields, email_taken_named, note_email_change


def request_email_change(*, user: User, current_password: str, new_email: str) -> None:
    """Queue a link to the new email; a later request replaces one that waits. Nothing changes before it is opened.

    Whether somebody has the email is not told. Raises WrongPassword, or Django's ValidationError for a malformed one.
    """
    email = User.objects.normalize_email(new_email)
    _check_email(user, email)
    if not user.check_password(current_password):
        security_log.record(SecurityEvent.PASSWORD_REFUSED, user_id=user.pk)
        raise WrongPassword(_("The current password is not right."))
    with transaction.atomic():
        queue_mail(users=[user], kind=OutgoingMail.Kind.EMAIL_CHANGE, address=email, state=links.state_mark(user))
        security_log.record_after_commit(SecurityEvent.EMAIL_CHANGE_REQUESTED, user_id=user.pk)


def change_email(*, token: str) -> User:
    """Give the link's user the new email, end all tokens, and mail the old email a notice.

    Of two at once one wins. Raises InvalidLink, ExpiredLink, or EmailTaken, after which the link is still good.
    """
    user, email = links.read_email_change(token)
    with email_taken_named(), transaction.atomic():
        locked = lock_linked_user(user.pk, links.state_mark(user))
        old, locked.email = locked.email, email
        locked.save(update_fields=["email"])
        tokens.end_all(user_id=locked.pk)
        note_email_change(user=locked, old=old)
    return locked


def _check_email(user: User, email: str) -> None:
    """Raise Django's ValidationError, which names the field of the request."""
    candidate = copy(user)
    candidate.email = email
    try:
        check_fields(candidate)
    except ValidationError as error:
        raise ValidationError({"new_email": error.error_dict["email"]}) from error
