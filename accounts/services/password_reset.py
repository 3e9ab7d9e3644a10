"""A new password for who proves to read the user's mail."""

from django.contrib.auth.hashers import make_password
from django.db import transaction

from accounts import links, security_log, tokens
from accounts.login_lock import forget_failures
from accounts.models import OutgoingMail, User
from accounts.security_log import SecurityEvent
from accounts.services.locking import lock_linked_user
from accounts.services.outgoing_mail import queue_mail
from accounts.services.passwords import check_new_password


def reset_password(*, token: str, new_password: str) -> None:
    """Set the password of the link's user, end all tokens and sessions, and mail the user that it was done.

    Hashes only after the link was verified, and before the lock. Of two at once one wins. What failed logins had
    locked is open again. Raises InvalidLink, ExpiredLink or WeakPassword, after which the link is still good.
    """
    user = links.user_of_password_reset(token)
    check_new_password(password=new_password, user=user, field="new_password")
    chosen, mark = make_password(new_password), links.state_mark(user)
    with transaction.atomic():
        lock_linked_user(user.pk, mark)
        User.objects.filter(pk=user.pk).update(password=chosen)
        tokens.end_all(user_id=user.pk)
        forget_failures(user.email.lower())
        queue_mail(users=[user], kind=OutgoingMail.Kind.PASSWORD_CHANGED)
        security_log.record_after_commit(SecurityEvent.PASSWORD_RESET, user_id=user.pk)
