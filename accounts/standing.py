"""Whether the login of an access token lasts, and whose it is: for many requests in one statement."""

from datetime import datetime, timedelta
from typing import Final

from django.conf import settings
from django.db import DEFAULT_DB_ALIAS
from django.utils import timezone

from accounts.models import User
from accounts.tokens import AccessClaims
from postgres.parameters import BIGINT, TEXT
from postgres.pipeline_connection import Rows
from postgres.questions import Question, QuestionBatch

_STANDING: Final = Question(
    """
SELECT login.n, member.id, member.email, member.role, member.is_active
FROM {rows} AS login (n, family_id, user_id, epoch, began_after)
JOIN accounts_tokenfamily family ON family.id = login.family_id::uuid AND family.user_id = login.user_id
    AND family.ended_at IS NULL AND family.created_at > login.began_after::timestamptz
JOIN accounts_user member ON member.id = login.user_id AND member.is_active AND member.token_epoch = login.epoch
""",
    *(TEXT, BIGINT, BIGINT, TEXT),
)

#: In the order of the table's columns. Making a user with all of them would take three times as long.
_READ: Final = ("id", "email", "role", "is_active")


def ask_standing(questions: QuestionBatch, claims: AccessClaims) -> Rows:
    """Ask whether the login lasts and its user is active. Read the answer with `user_from`."""
    return questions.ask(_STANDING, claims.family_id.hex, claims.user_id, claims.epoch, _oldest_login().isoformat())


def user_from(rows: Rows) -> User | None:
    """Return the user with what was read, and nothing else. None: the token is no longer valid."""
    return User.from_db(DEFAULT_DB_ALIAS, _READ, rows[0]) if rows else None


def _oldest_login() -> datetime:
    """Return the time after which a login that lasts has begun, rounded up to the second: equal questions are equal."""
    return timezone.now().replace(microsecond=0) + timedelta(seconds=1) - settings.TILL_LOGIN_LIFETIME
