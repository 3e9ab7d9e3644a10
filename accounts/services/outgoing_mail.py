"""Mail to users: queued with the change it tells of, sent later by whoever calls `send_next_mail`.

No request speaks to the mail server: one that accepts and says nothing would hold every request thread.
"""

import logging
import threading
from collections.abc import Iterable
from datetime import datetime, timedelta

from django.conf import settings
from django.core.mail import send_mail
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from accounts import links
from accounts.models import OutgoingMail, Role, User
from accounts.services.mail_limits import Limited, limit_reached

logger = logging.getLogger("till.mail")

#: Set when this process has queued a mail; its sender, if it has one, waits for it.
queued = threading.Event()

MAX_ATTEMPTS = 10
FIRST_PAUSE = timedelta(minutes=1)  # doubled after each attempt: ten attempts span eight and a half hours
KEPT = timedelta(days=7)
_PRUNED_AT_A_TIME = 1000


def queue_activation_mail(*, user: User) -> None:
    """Queue the activation link for a user, within the caller's atomic block; again replaces the one that waits."""
    queue_mail(users=[user], kind=OutgoingMail.Kind.ACTIVATION)


def queue_mail(*, users: Iterable[User], kind: OutgoingMail.Kind) -> None:
    """Queue a mail of this kind for each user, unless mails are switched off; again replaces the one that waits."""
    if not settings.TILL_MAIL_ACTIVATION_LINK:
        return
    now = timezone.now()
    fresh = {"queued_at": now, "attempts": 0, "next_attempt_at": now, "sent_at": None, "last_error": ""}
    OutgoingMail.objects.bulk_create(
        [OutgoingMail(user=user, kind=kind, **fresh) for user in users],
        update_conflicts=True,
        unique_fields=["user", "kind"],
        update_fields=list(fresh),
    )
    transaction.on_commit(queued.set, robust=True)


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
    return timezone.now() + FIRST_PAUSE * (1 << (attempts - 1))


def _is_waited_for(mail: OutgoingMail) -> bool:
    user = mail.user
    if mail.kind == OutgoingMail.Kind.ENDPOINT_DISABLED:
        return user.is_active and user.role == Role.ADMIN
    return user.activated_at is None and user.disabled_at is None


def _text(mail: OutgoingMail) -> tuple[str, str]:
    """Return the subject and the body."""
    if mail.kind == OutgoingMail.Kind.ENDPOINT_DISABLED:
        return "An endpoint of events was switched off", (
            "Till switched off an endpoint that events are sent to: for five days nothing was delivered there, or it"
            f" answered that it is gone.\n\nThe staff site says which one:\n\n{settings.TILL_PUBLIC_URL}/admin/\n"
        )
    link = links.activation_url(user=mail.user, base_url="")
    return "Activate your account", f"Open this link to activate your account:\n\n{link}\n"


def _is_held_back(mail: OutgoingMail) -> bool:
    """Count the mail; drop it where its inbox has had enough, postpone it where its domain has. Nobody is told."""
    limit = limit_reached(mail.user.email)
    if limit is None:
        return False
    logger.warning("mail %s is beyond the limit %s", mail.pk, limit.by.name)
    if limit.by is Limited.BY_INBOX:
        _finish(mail, last_error="Not sent: too many mails to this inbox.")
    else:
        later = timezone.now() + timedelta(seconds=limit.seconds_left)
        _unchanged(mail).update(attempts=0, next_attempt_at=later, last_error="Postponed: many mails to this domain.")
    return True


def _send(mail: OutgoingMail) -> None:
    try:
        send_mail(*_text(mail), None, [mail.user.email])
    except Exception as error:  # whatever one mail meets, the others are sent
        _note_failure(mail, error)
    else:
        _finish(mail, sent_at=timezone.now(), last_error="")


def _note_failure(mail: OutgoingMail, error: Exception) -> None:
    reason = f"{type(error).__name__}: {error}".replace("\0", "")[:200]
    logger.warning("mail %s failed, attempt %s of %s: %s", mail.pk, mail.attempts, MAX_ATTEMPTS, reason)
    if mail.attempts >= MAX_ATTEMPTS:
        _finish(mail, last_error=reason)
    else:
        _unchanged(mail).update(last_error=reason)


def _finish(mail: OutgoingMail, *, last_error: str, sent_at: datetime | None = None) -> None:
    _unchanged(mail).update(next_attempt_at=None, sent_at=sent_at, last_error=last_error)


def _unchanged(mail: OutgoingMail) -> QuerySet[OutgoingMail]:
    """The row, unless it was queued anew or taken by somebody else since we took it."""
    return OutgoingMail.objects.filter(pk=mail.pk, attempts=mail.attempts, next_attempt_at=mail.next_attempt_at)
