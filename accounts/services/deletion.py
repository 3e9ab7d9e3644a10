"""What is left of a user who was deleted but stays in the books: an id, and nothing about the user."""

from django.contrib.admin.models import LogEntry
from django.contrib.auth.hashers import make_password
from django.contrib.contenttypes.models import ContentType
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts import security_log, tokens
from accounts.login_lock import forget_name
from accounts.models import DELETED_ADDRESS_END, Role, User
from accounts.security_log import SecurityEvent
from accounts.services.administration import refuse_own_account, refuse_without_admin
from accounts.services.locking import lock_with_admins
from accounts.services.outgoing_mail import forget_mail
from accounts.services.second_factor import forget_second_factor


def anonymise_user(*, user_id: int, by: User | None) -> User:
    """Scrub the user's row, disable the user and end all tokens. Safe to repeat.

    payments.users.services.anonymise is what to call: it also scrubs what payments keeps about the user.
    Locks the row, of an admin with all active admins'. Raises OwnAccount, LastAdmin or UnknownUser.
    """
    refuse_own_account(user_id, by, _("You cannot delete yourself."))
    with transaction.atomic():
        user = lock_with_admins(user_id)
        if not user.is_deleted:
            refuse_without_admin(user, by)
            _scrub(user)
            tokens.end_all(user_id=user_id)
            forget_second_factor(user_id=user_id)
            user.token_families.all().delete()  # They say from where the user came, and with what.
            security_log.record_after_commit(SecurityEvent.USER_DELETED, user_id=user_id)
    return user


def destroy_user(*, user_id: int, by: User | None) -> None:
    """Delete a user to whom nothing of value refers, with tokens and keys. The id is never given again.

    Raises Django's ProtectedError when something does (IntegrityError at the commit when it was written meanwhile),
    OwnAccount, LastAdmin or UnknownUser.
    """
    refuse_own_account(user_id, by, _("You cannot delete yourself."))
    with transaction.atomic():
        user = lock_with_admins(user_id)
        refuse_without_admin(user, by)
        forget_traces(user, known_as=f"user {user_id}, deleted")
        user.delete()
        security_log.record_after_commit(SecurityEvent.USER_DELETED, user_id=user_id)


def forget_traces(user: User, *, known_as: str) -> None:
    """Take the email out of the history of what staff did to the user, the counters of failed logins and the mail."""
    about = LogEntry.objects.filter(content_type=ContentType.objects.get_for_model(User), object_id=str(user.pk))
    about.update(object_repr=known_as)
    forget_name(user.email.lower())
    forget_mail(user=user)


def _scrub(user: User) -> None:
    address = f"deleted-{user.pk}{DELETED_ADDRESS_END}"
    forget_traces(user, known_as=address)
    user.email, user.full_name, user.password, user.last_login = address, "", make_password(None), None
    user.take_role(Role.USER)
    user.is_active, user.disabled_at = False, user.disabled_at or timezone.now()
    user.save()
    user.groups.clear()
    user.user_permissions.clear()
