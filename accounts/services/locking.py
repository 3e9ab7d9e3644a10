"""Rows of users, locked before they are changed. Nobody locks a user's row after a wallet's."""

from django.db.models import Q
from django.utils.translation import gettext as _

from accounts import links
from accounts.models import Role, User


class UnknownUser(Exception):
    """There is no such user."""

    field: str | None = None


class UserDeleted(Exception):
    """This user was deleted: only the id is left, for the history of money, and nothing of it changes."""

    field: str | None = None


def lock_user(user_id: int) -> User:
    """Lock the user's row without blocking inserts of rows that refer to it. Raises UnknownUser."""
    return _pick(user_id, list(User.objects.select_for_update(no_key=True).filter(pk=user_id)))


def lock_linked_user(user_id: int, mark: str) -> User:
    """Lock the user of a link that is bound to the state. Raises InvalidLink if that is another by now."""
    try:
        user = lock_user(user_id)
    except UnknownUser as error:
        raise links.InvalidLink(links.USED) from error
    links.refuse_other_state(user, mark)
    return user


def lock_with_admins(user_id: int) -> User:
    """Lock the user's row and, when it is an admin's, those of all active admins: by ascending id, in one statement.

    So admins who switch each other off at the same moment come one after the other. Raises UnknownUser.
    """
    if not User.objects.filter(pk=user_id, role=Role.ADMIN).exists():
        return lock_user(user_id)
    wanted = User.objects.filter(Q(pk=user_id) | Q(role=Role.ADMIN, is_active=True)).order_by("pk")
    return _pick(user_id, list(wanted.select_for_update(no_key=True)))


def _pick(user_id: int, users: list[User]) -> User:
    for user in users:
        if user.pk == user_id:
            return user
    raise UnknownUser(_("There is no user %(user_id)s.") % {"user_id": user_id})
