"""Strangers who ask for a link. The answer, the statements and the time are the same whoever is meant."""

from django.db import connection, transaction
from django.utils.crypto import salted_hmac

from accounts import security_log
from accounts.counters import count_hit
from accounts.models import OutgoingMail
from accounts.security_log import SecurityEvent
from accounts.services.outgoing_mail import queue_link_mail

_SECONDS_BETWEEN_MAILS = 60


def request_password_reset(*, email: str) -> None:
    """Queue a link to a new password for an active user, at most one a minute.

    A user who waits for activation gets that link again. Nothing for anybody else.
    """
    _request(email, OutgoingMail.Kind.PASSWORD_RESET)
    security_log.record(SecurityEvent.PASSWORD_RESET_REQUESTED, name=email)


def resend_activation(*, email: str) -> None:
    """Queue a new link for a user who waits for activation, at most one a minute; nothing for anybody else."""
    _request(email, OutgoingMail.Kind.ACTIVATION)


def _request(email: str, kind: OutgoingMail.Kind) -> None:
    with transaction.atomic():
        # Nobody waits for the disk: it would be asked only where there is a mail to keep, and that takes longer.
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL synchronous_commit TO off")
        if count_hit(key=f"{kind.value}:{_mark(email)}", seconds=_SECONDS_BETWEEN_MAILS).hits == 1:
            queue_link_mail(email=email, kind=kind)


def _mark(email: str) -> str:
    """A keyed digest: the counters hold nobody's address."""
    return salted_hmac("accounts.services.link_requests", email.lower()).hexdigest()
