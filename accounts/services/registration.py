"""New users: registration, activation, and what every other way to add a user shares with them."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts import links, security_log, user_changes
from accounts.models import EMAIL_CONSTRAINT, Role, User
from accounts.security_log import SecurityEvent
from accounts.services.locking import UserDeleted, lock_user
from accounts.services.outgoing_mail import queue_activation_mail, queue_email_changed
from accounts.services.passwords import check_new_password


class EmailTaken(Exception):
    """Somebody has this email, in whatever case."""

    field = "email"


class Activation(NamedTuple):
    user: User
    already_active: bool


def register(
    *,
    email: str,
    password: str | None,
    full_name: str = "",
    role: Role = Role.USER,
    base_url: str = "",
    any_password: bool = False,
) -> tuple[User, str]:
    """Add a user who registers: as `register_with_link`, unless nobody proves an address here (TILL_ACTIVATION=none).

    Then the user is active at once, nothing is mailed, and the link is empty.
    """
    user = _prepared(email, password, full_name, role, any_password=any_password)
    if settings.TILL_ACTIVATION == "link":
        return _insert_with_link(user, base_url)
    with transaction.atomic():
        insert_user(user=user)
        user.is_active, user.activated_at = True, timezone.now()
        user.save(update_fields=["is_active", "activated_at"])  # an UPDATE, of which PostgreSQL tells the feed
        security_log.record_after_commit(SecurityEvent.USER_ACTIVATED, user_id=user.pk)
    return user, ""


def register_with_link(
    *,
    email: str,
    password: str | None,
    full_name: str = "",
    role: Role = Role.USER,
    base_url: str = "",
    any_password: bool = False,
) -> tuple[User, str]:
    """Add an inactive user; return it with its activation link, which is also queued to be mailed (setting).

    `base_url` is where the returned link points when TILL_PUBLIC_URL is empty. The mail is queued in the same atomic
    block and sent later, by another thread. Only staff give a role, or no password: such a user cannot sign in until
    staff sets one, or a link does. `any_password` is for development mode.
    Raises WeakPassword, EmailTaken, or Django's ValidationError for a malformed email or name.
    """
    return _insert_with_link(_prepared(email, password, full_name, role, any_password=any_password), base_url)


def _prepared(email: str, password: str | None, full_name: str, role: Role, *, any_password: bool) -> User:
    """Return the user to insert. The hash is slow by design, so it comes before the atomic block."""
    user = User(email=User.objects.normalize_email(email), full_name=full_name)
    user.take_role(role)
    if password is not None:
        check_new_password(password=password, user=user, any_password=any_password)
    user.password = make_password(password)
    return user


def _insert_with_link(user: User, base_url: str) -> tuple[User, str]:
    with transaction.atomic():
        insert_user(user=user)
        queue_activation_mail(user=user)
    return user, links.activation_url(user=user, base_url=base_url)


def insert_user(*, user: User) -> User:
    """Insert a prepared user and run `user_changes.after_insert` in the same atomic block.

    Of two equal emails at once the unique index lets one in; the other raises EmailTaken. Raises Django's
    ValidationError when a field is malformed.
    """
    check_fields(user)
    with transaction.atomic():
        _save_new(user)
        user_changes.run(user_changes.after_insert, [user])
    return user


def update_user(*, user: User, **fields: str) -> User:
    """Change `email` or `full_name`, nothing else. A proven email that is replaced is mailed a notice.

    Raises EmailTaken, UnknownUser, UserDeleted, or Django's ValidationError.
    """
    if unknown := fields.keys() - {"email", "full_name"}:
        raise TypeError(f"update_user does not change {sorted(unknown)}")
    for name, value in fields.items():
        setattr(user, name, value)
    check_fields(user)
    with email_taken_named(), transaction.atomic():
        before = lock_user(user.pk)
        if before.is_deleted:
            raise UserDeleted
        user.save(update_fields=list(fields))
        if "email" in fields:
            note_email_change(user=user, old=before.email)
    return user


def note_email_change(*, user: User, old: str) -> None:
    """Log that the email was changed and, if the old one was proven, mail it. The caller holds the row's lock."""
    security_log.record_after_commit(SecurityEvent.EMAIL_CHANGED, user_id=user.pk)
    if user.activated_at is not None:
        queue_email_changed(user=user, old=old)


def activate(*, token: str) -> Activation:
    """Activate the user of a link. Safe to repeat while that user is active.

    The conditional UPDATE lets one of several clicks win, and never switches on a user whom staff disabled.
    Raises InvalidLink or ExpiredLink.
    """
    user_id, mark = links.read_activation_token(token)
    user = User.objects.filter(pk=user_id).first()
    if user is None or links.address_mark(user.email) != mark:
        raise links.InvalidLink(_("This link is not valid."))
    won = User.objects.filter(pk=user_id, email=user.email, activated_at__isnull=True, disabled_at__isnull=True).update(
        is_active=True, activated_at=timezone.now()
    )
    if won:
        security_log.record_after_commit(SecurityEvent.USER_ACTIVATED, user_id=user_id)
    user.refresh_from_db()
    if not user.is_active:
        raise links.InvalidLink(links.USED)
    return Activation(user=user, already_active=not won)


@contextmanager
def email_taken_named() -> Iterator[None]:
    """Give the unique index's refusal its name."""
    try:
        yield
    except IntegrityError as error:
        if getattr(getattr(error.__cause__, "diag", None), "constraint_name", "") == EMAIL_CONSTRAINT:
            raise EmailTaken(_("This email is taken.")) from error
        raise


def check_fields(user: User) -> None:
    """Raise Django's ValidationError for what is malformed, and for the address of a deleted user."""
    user.clean_fields(exclude=["password"])
    if user.is_deleted:
        raise ValidationError({"email": ValidationError(_("This address is reserved."), code="reserved")})


def _save_new(user: User) -> None:
    with email_taken_named(), transaction.atomic():
        user.save(force_insert=True)
