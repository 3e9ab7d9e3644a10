"""What staff do to users. `by` is the staff member, or None for a command."""

from django.contrib.auth.hashers import make_password
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts import security_log, tokens, user_changes
from accounts.models import Role, User
from accounts.security_log import SecurityEvent
from accounts.services.locking import UserDeleted, lock_user, lock_with_admins
from accounts.services.passwords import check_new_password
from accounts.services.registration import insert_user


class OwnAccount(Exception):
    """Staff may not disable, demote or delete themselves."""

    field: str | None = None


class LastAdmin(Exception):
    """At least one active admin has to remain."""

    field: str | None = None


def create_user(
    *, email: str, password: str | None, full_name: str = "", role: Role = Role.USER, any_password: bool = False
) -> User:
    """Add a user who is active at once, because staff vouch for the address.

    One without a password cannot sign in until staff sets one. `any_password` is for development mode.
    Raises WeakPassword, EmailTaken, or Django's ValidationError for a malformed email or name.
    """
    user = User(email=User.objects.normalize_email(email), full_name=full_name)
    if password is not None:
        check_new_password(password=password, user=user, any_password=any_password)
    user.password = make_password(password)
    return insert_active_user(user=user, role=role)


def insert_active_user(*, user: User, role: Role) -> User:
    """Insert a user whose password is hashed already. Raises EmailTaken or Django's ValidationError."""
    user.take_role(role)
    user.is_active, user.activated_at = True, timezone.now()
    return insert_user(user=user)


def enable_user(*, user_id: int) -> User:
    """Let a user act again, activated or not: staff vouch for the address. Safe to repeat.

    Raises UnknownUser or UserDeleted.
    """
    with transaction.atomic():
        user = lock_user(user_id)
        if user.is_deleted:
            raise UserDeleted
        was_active = user.is_active
        user.is_active, user.disabled_at = True, None
        user.activated_at = user.activated_at or timezone.now()
        if not was_active:
            user.save(update_fields=["is_active", "disabled_at", "activated_at"])
            security_log.record_after_commit(SecurityEvent.USER_ENABLED, user_id=user_id)
    return user


def disable_user(*, user_id: int, by: User | None) -> User:
    """Switch a user off and end every token; money still arrives. Safe to repeat.

    Also voids an activation link that was never used. Raises OwnAccount, LastAdmin or UnknownUser.
    """
    refuse_own_account(user_id, by, _("You cannot disable yourself."))
    with transaction.atomic():
        user = lock_with_admins(user_id)
        if user.disabled_at is None:
            refuse_without_admin(user, by)
            user.is_active, user.disabled_at = False, timezone.now()
            user.save(update_fields=["is_active", "disabled_at"])
            tokens.end_all(user_id=user_id)
            security_log.record_after_commit(SecurityEvent.USER_DISABLED, user_id=user_id)
            user.refresh_from_db()
    return user


def set_role(*, user_id: int, role: Role, by: User | None) -> User:
    """Give a user a role; it counts from the next request on.

    Raises OwnAccount, LastAdmin, UnknownUser or UserDeleted.
    """
    if by is not None and by.pk == user_id and role != by.role:
        raise OwnAccount(_("You cannot change your own role."))
    with transaction.atomic():
        user = lock_with_admins(user_id)
        if user.is_deleted:
            raise UserDeleted
        if role != Role.ADMIN:
            refuse_without_admin(user, by)
        if role != user.role:  # the same role again leaves support what it is
            security_log.record_after_commit(SecurityEvent.ROLE_CHANGED, user_id=user_id, old=user.role, new=role.value)
            user.take_role(role)
            user.save(update_fields=["role", "is_staff", "is_superuser"])
            user_changes.run(user_changes.after_role_change, [user])
    return user


def refuse_own_account(user_id: int, by: User | None, why: str) -> None:
    """Raise OwnAccount when staff would do that to themselves."""
    if by is not None and by.pk == user_id:
        raise OwnAccount(why)


def refuse_without_admin(user: User, by: User | None) -> None:
    """Raise LastAdmin when staff would take away the last active admin; an operator's command may.

    The caller holds the locks of `lock_with_admins`, so what is read here stays true.
    """
    if by is None or user.role != Role.ADMIN or not user.is_active:
        return
    if not User.objects.filter(role=Role.ADMIN, is_active=True).exclude(pk=user.pk).exists():
        raise LastAdmin
