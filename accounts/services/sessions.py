"""The logins of a user, as the user sees them: which last, and an end to one, to the others, or to all."""

import uuid

from django.db import transaction

from accounts import security_log, tokens
from accounts.models import User
from accounts.security_log import SecurityEvent


class UnknownSession(Exception):
    """The user has no such session, or it has ended."""


def end_session(*, user: User, session_id: uuid.UUID) -> None:
    """End one login of the user, with its access token. Raises UnknownSession."""
    if not tokens.end_login(user_id=user.pk, login_id=session_id):
        raise UnknownSession
    security_log.record(SecurityEvent.SESSIONS_ENDED, user_id=user.pk, sessions="one")


def end_other_sessions(*, user_id: int, current: uuid.UUID) -> None:
    """End all logins but the one of this request. Sessions of the staff site go on: they know no login."""
    tokens.end_others(user_id=user_id, current=current)
    security_log.record(SecurityEvent.SESSIONS_ENDED, user_id=user_id, sessions="others")


def end_sessions(*, user_id: int) -> None:
    """End every token of the user, the caller's too, and every session of the staff site."""
    with transaction.atomic():
        tokens.end_all(user_id=user_id)
        security_log.record_after_commit(SecurityEvent.SESSIONS_ENDED, user_id=user_id, sessions="all")
