"""Support: users who may look at everything in /admin and change nothing. In the API they are ordinary users."""

from django.contrib.auth.models import Group, Permission
from django.db import transaction
from django.db.models import QuerySet

from accounts import security_log
from accounts.models import Role, User
from accounts.security_log import SecurityEvent
from accounts.services.locking import UserDeleted, lock_user

SUPPORT = "support"
_APPS = ("accounts", "payments", "catalog")
#: What no page shows to anybody: tokens, counters, and answers that are kept for retries.
_HIDDEN = ("tokenfamily", "secondfactor", "recoverycode", "throttlecount", "outgoingmail", "idempotencykey")


class NotAnOrdinaryUser(Exception):
    """Only somebody with the role user can be support: admins may do all of it, services nothing."""

    field = "support"


def keep_support_group() -> Group:
    """Make the group if it is missing, and give it the right to look, nothing else. Safe to repeat.

    Runs after every migration, so that a new model is seen as well.
    """
    with transaction.atomic():
        group, _ = Group.objects.get_or_create(name=SUPPORT)
        group.permissions.set(_to_look())
    return group


def set_support(*, user_id: int, on: bool) -> User:
    """Let a user into the staff site to look, or out of it. Safe to repeat; counts from the next request on.

    Locks the user's row. Raises NotAnOrdinaryUser, UnknownUser or UserDeleted.
    """
    with transaction.atomic():
        user = lock_user(user_id)
        if user.is_deleted:
            raise UserDeleted
        if on and user.role != Role.USER:
            raise NotAnOrdinaryUser(str(NotAnOrdinaryUser.__doc__))
        if on != is_support(user):
            security_log.record_after_commit(SecurityEvent.SUPPORT_CHANGED, user_id=user_id, new=on)
        user.is_staff = on or user.role == Role.ADMIN
        user.save(update_fields=["is_staff"])
        (user.groups.add if on else user.groups.remove)(keep_support_group())
    return user


def is_support(user: User) -> bool:
    return user.is_staff and user.role == Role.USER and user.groups.filter(name=SUPPORT).exists()


def _to_look() -> QuerySet[Permission]:
    ours = Permission.objects.filter(codename__startswith="view_", content_type__app_label__in=_APPS)
    log = Permission.objects.filter(codename="view_logentry", content_type__app_label="admin")
    return ours.exclude(content_type__model__in=_HIDDEN) | log
