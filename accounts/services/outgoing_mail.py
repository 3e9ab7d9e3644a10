"""Mail to users: queued with the change it tells of, sent later by whoever calls `send_next_mail`.

No request speaks to the mail server: one that accepts and says nothing would hold every request thread.
"""

import logging
import threading
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.core.mail import EmailMessage
from django.db import connection, transaction
from django.db.models import QuerySet
from django.utils import timezone, translation

from accounts import links
from accounts.models import OutgoingMail, Role, User
from accounts.services.mail_limits import Limited, limit_reached
from accounts.services.mail_texts import text_of

logger = logging.getLogger("till.mail")

#: Set when this process has queued a mail; its sender, if it has one, waits for it.
queued = threading.Event()

MAX_ATTEMPTS = 10
FIRST_PAUSE = timedelta(minutes=1)  # doubled after each attempt: ten attempts span eight and a half hours
KEPT = timedelta(days=7)
_PRUNED_AT_A_TIME = 1000
#: Reserved for what never exists (RFC 2606).
NOWHERE = ".invalid"
#: What was done, and was proven before: it is told however many links strangers asked for.
_NOTICES = {OutgoingMail.Kind.PASSWORD_CHANGED, OutgoingMail.Kind.EMAIL_CHANGED}
# One statement whoever is meant, and whether anybody is: neither its time nor its number tells.
_QUEUE_LINK = """
    INSERT INTO accounts_outgoingmail (user_id, kind, language, queued_at, attempts, next_attempt_at, last_error)
    SELECT id, CASE WHEN activated_at IS NULL THEN 'activation' ELSE %(kind)s END, %(language)s, %(now)s, 0, %(now)s, ''
    FROM accounts_user WHERE lower(email COLLATE "C") = lower(%(email)s COLLATE "C") AND disabled_at IS NULL
        AND (activated_at IS NULL OR is_active AND %(kind)s <> 'activation')
    ON CONFLICT (user_id, kind) DO UPDATE SET language = excluded.language, queued_at = excluded.queued_at,
        attempts = 0, next_attempt_at = excluded.next_attempt_at, sent_at = NULL, last_error = ''
"""


def queue_activation_mail(*, user: User) -> None:
    """Queue the activation link for a user, within the caller's atomic block; again replaces the one that waits."""
    queue_mail(users=[user], kind=OutgoingMail.Kind.ACTIVATION)


def queue_mail(*, users: Iterable[User], kind: OutgoingMail.Kind, address: str = "", state: str = "") -> None:
    """Queue a mail of this kind for each user, unless mails are switched off; again replaces the one that waits.

    It goes to `address`, or to the email that the user has when it is sent. With a `state` it is sent only while the
    user's is the same.
    """
    if not settings.TILL_MAIL_ACTIVATION_LINK:
        return
    now = timezone.now()
    fresh = {"queued_at": now, "attempts": 0, "next_attempt_at": now, "sent_at": None, "last_error": ""}
    fresh |= {"address": address, "state": state, "language": translation.get_language() or ""}
    OutgoingMail.objects.bulk_create(
        [OutgoingMail(user=user, kind=kind, **fresh) for user in users],
        update_conflicts=True,
        unique_fields=["user", "kind"],
        update_fields=list(fresh),
    )
    transaction.on_commit(queued.set, robust=True)


def queue_link_mail(*, email: str, kind: OutgoingMail.Kind) -> None:
    """Queue a link for whoever has this email: to activate while the user waits for that, else of this kind.

    Nothing for a user who is disabled or deleted, or whom nobody knows; with the same statement.
    """
    if not settings.TILL_MAIL_ACTIVATION_LINK:
        return
    values: dict[str, Any] = {
        "email": email,
        "kind": kind.value,
        "language": translation.get_language() or "",
        "now": timezone.now(),
    }
    with connection.cursor() as cursor:
        cursor.execute(_QUEUE_LINK, values)
    transaction.on_commit(queued.set, robust=True)


def queue_email_changed(*, user: User, old: str) -> None:
    """Queue the notice to the old email; together with notices to older ones that still wait.

    The caller holds the lock of the user's row.
    """
    waiting = OutgoingMail.objects.filter(
        user=user, kind=OutgoingMail.Kind.EMAIL_CHANGED, next_attempt_at__isnull=False
    )
    addresses = [*"".join(waiting.values_list("address", flat=True)).split(), old]
    queue_mail(users=[user], kind=OutgoingMail.Kind.EMAIL_CHANGED, address=" ".join(dict.fromkeys(addresses)))


def forget_mail(*, user: User) -> None:
    """Delete what waits for a user, and the addresses in it."""
    OutgoingMail.objects.filter(user=user).delete()


def send_next_mail() -> bool:
    """Send the mail that has been due longest; tell whether one was due. Several callers at once share the queue.

    Holds no lock and no transaction while it speaks to the mail server (EMAIL_TIMEOUT for each answer). A process
    that dies before it has noted the success leaves the mail to be sent again: at least once, not exactly once.
    """
    mail = _claimed()
    if mail is None:
        return False
    if not _is_waited_for(mail):
        _finish(mail, last_error="Not sent: the user no longer waits for it.")
    elif not _recipients(mail):
        _finish(mail, last_error="Not sent: no mail reaches this address.")
    elif mail.attempts > 1 or not _is_held_back(mail):
        _send(mail)
    return True


def prune_mail() -> int:
    """Forget mails that were done with a week ago; return how many."""
    old = OutgoingMail.objects.filter(next_attempt_at__isnull=True, queued_at__lt=timezone.now() - KEPT)
    deleted, _ = OutgoingMail.objects.filter(pk__in=list(old.values_list("pk", flat=True)[:_PRUNED_AT_A_TIME])).delete()
    return deleted


def waiting_mail() -> int:
    return OutgoingMail.objects.filter(next_attempt_at__isnull=False).count()


def _claimed() -> OutgoingMail | None:
    """Take the next mail by moving its next attempt into the future: by then whoever took it has noted the outcome.

    Commits at once, and skips what others are taking at the same moment.
    """
    with transaction.atomic(durable=True):
        due = OutgoingMail.objects.filter(next_attempt_at__lte=timezone.now()).select_related("user")
        mail = due.order_by("next_attempt_at").select_for_update(skip_locked=True, of=("self",)).first()
        if mail is not None:
            mail.attempts += 1
            mail.next_attempt_at = _after(mail.attempts)
            mail.save(update_fields=["attempts", "next_attempt_at"])
    return mail


def _after(attempts: int) -> datetime:
    return timezone.now() + FIRST_PAUSE * (1 << (min(attempts, MAX_ATTEMPTS) - 1))


def _is_waited_for(mail: OutgoingMail) -> bool:
    user = mail.user
    if mail.kind == OutgoingMail.Kind.ENDPOINT_DISABLED:
        return user.is_active and user.role == Role.ADMIN
    if mail.kind == OutgoingMail.Kind.ACTIVATION:
        return user.activated_at is None and user.disabled_at is None
    if mail.kind == OutgoingMail.Kind.PASSWORD_RESET:
        return user.is_active and _is_younger(mail, settings.TILL_PASSWORD_RESET_LINK_SECONDS)
    if mail.kind == OutgoingMail.Kind.EMAIL_CHANGE:
        same = user.is_active and links.state_mark(user) == mail.state
        return same and _is_younger(mail, settings.TILL_EMAIL_CHANGE_LINK_SECONDS)
    return not user.is_deleted


def _is_younger(mail: OutgoingMail, seconds: int) -> bool:
    """Nobody waits for a link after the time for which it would have been good."""
    return timezone.now() - mail.queued_at < timedelta(seconds=seconds)


def _recipients(mail: OutgoingMail) -> list[str]:
    """No mail reaches a domain that never exists. There end the logins that are no address."""
    addresses = mail.address.split() or [mail.user.email]
    return [address for address in addresses if not address.lower().endswith(NOWHERE)]


def _is_held_back(mail: OutgoingMail) -> bool:
    """Count the mail; drop it where its inbox has had enough, postpone it where its domain has. Nobody is told.

    A notice is postponed in both cases.
    """
    is_notice = mail.kind in _NOTICES
    limit = limit_reached(_recipients(mail)[-1], is_notice=is_notice)
    if limit is None:
        return False
    logger.warning("mail %s is beyond the limit %s", mail.pk, limit.by.name)
    if limit.by is Limited.BY_INBOX and not is_notice:
        _finish(mail, last_error="Not sent: too many mails to this inbox.")
    else:
        later = timezone.now() + timedelta(seconds=limit.seconds_left)
        _unchanged(mail).update(
            attempts=0, next_attempt_at=later, last_error="Postponed: many mails to this domain or inbox."
        )
    return True


def _send(mail: OutgoingMail) -> None:
    """Send the mail, and note what became of it.

    A text that cannot be written is tried until it can: whoever has broken a template mends it. A mail server that
    refuses a mail ten times goes on doing so.
    """
    try:
        text = text_of(mail)
    except Exception as error:  # whatever a team's own template does, the others are sent
        _note_failure(mail, error, is_last=False)
        return
    try:
        _message(mail, *text).send()
    except Exception as error:  # whatever one mail meets, the others are sent
        _note_failure(mail, error, is_last=mail.attempts >= MAX_ATTEMPTS)
    else:
        _finish(mail, sent_at=timezone.now(), last_error="")


def _message(mail: OutgoingMail, subject: str, body: str) -> EmailMessage:
    """Old addresses of one user may belong to several people: none sees the others."""
    to = _recipients(mail)
    return EmailMessage(subject, body, to=to) if len(to) == 1 else EmailMessage(subject, body, bcc=to)


def _note_failure(mail: OutgoingMail, error: Exception, *, is_last: bool) -> None:
    reason = f"{type(error).__name__}: {error}".replace("\0", "")[:200]
    logger.warning("mail %s failed, attempt %s of %s: %s", mail.pk, mail.attempts, MAX_ATTEMPTS, reason)
    if is_last:
        _finish(mail, last_error=reason)
    else:
        _unchanged(mail).update(last_error=reason)


def _finish(mail: OutgoingMail, *, last_error: str, sent_at: datetime | None = None) -> None:
    _unchanged(mail).update(next_attempt_at=None, sent_at=sent_at, last_error=last_error)


def _unchanged(mail: OutgoingMail) -> QuerySet[OutgoingMail]:
    """The row, unless it was queued anew or taken by somebody else since we took it."""
    return OutgoingMail.objects.filter(pk=mail.pk, attempts=mail.attempts, next_attempt_at=mail.next_attempt_at)
