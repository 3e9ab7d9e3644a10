"""What staff do to users over the API, noted in the user's history; and how a user is deleted."""

from collections.abc import Collection
from copy import copy
from typing import NamedTuple, TypedDict, Unpack

from django.conf import settings
from django.contrib.admin.models import LogEntry
from django.db import IntegrityError, OperationalError, connection, transaction
from django.db.models import ProtectedError
from django.utils.translation import gettext as _

from accounts import services
from accounts.models import Role, User
from api.versions import refuse_stale, row_version
from payments.idempotency.models import IdempotencyKey
from payments.ledger import booking
from payments.ledger.models import Wallet
from payments.orders.services.external_wallets import forget_external_wallets
from payments.users.balances import UserMoney, user_money
from staff.history import describe_changes, record


class UserHasMoney(Exception):
    """The user holds money, or has orders that nobody settled."""

    def __init__(self, money: UserMoney) -> None:
        super().__init__(_("The user %(money)s. Settle it first, or force it.") % {"money": money})
        self.extra = money.members


class UserFields(TypedDict, total=False):
    """What staff may set."""

    email: str
    full_name: str
    password: str
    role: str
    is_active: bool


class Created(NamedTuple):
    user: User
    activation_url: str | None


@transaction.atomic
def create_user(
    *,
    staff: User,
    email: str,
    password: str | None = None,
    full_name: str = "",
    role: str = Role.USER,
    is_active: bool = True,
    base_url: str = "",
    any_password: bool = False,
) -> Created:
    """Add a user: active at once, or with an activation link (returned and mailed where the settings say so).

    `any_password` is for development mode.

    Raises WeakPassword, EmailTaken, or Django's ValidationError.
    """
    link = None
    if is_active:
        user = services.create_user(
            email=email, password=password, full_name=full_name, role=Role(role), any_password=any_password
        )
    else:
        user, link = services.register_with_link(
            email=email,
            password=password,
            full_name=full_name,
            role=Role(role),
            base_url=base_url,
            any_password=any_password,
        )
    record(
        about=user, staff=staff, text=f"Created with the role {user.role}{'' if is_active else ', to be activated'}."
    )
    return Created(user, link if settings.TILL_RETURN_ACTIVATION_LINK else None)


def user_version(user: User) -> str:
    """Return the version of what staff edit. Money that moves leaves it as it is."""
    return row_version(user, "email", "full_name", "role", "is_active", "is_staff", "disabled_at")


@transaction.atomic
def change_user(
    *,
    user_id: int,
    staff: User,
    if_version: Collection[str] | None = None,
    any_password: bool = False,
    **fields: Unpack[UserFields],
) -> User:
    """Change what is given, all or nothing; the same again changes and records nothing.

    An email that changes voids the activation link to the old one. A password that is set ends all tokens, also when
    it is the same again, and is recorded each time. Locks the user, of an admin all active admins.
    Raises StaleVersion when the user's version is none of `if_version`. Raises EmailTaken, WeakPassword, OwnAccount,
    LastAdmin, UnknownUser, UserDeleted, or Django's ValidationError.
    """
    user = _locked(user_id, if_version)
    _change_texts(user, staff, fields)
    if "password" in fields:
        _set_password(user, staff, fields["password"], any_password=any_password)
    if "role" in fields and fields["role"] != user.role:
        services.set_role(user_id=user_id, role=Role(fields["role"]), by=staff)
        record(about=user, staff=staff, text=f"Role changed from {user.role} to {fields['role']}.")
    if "is_active" in fields and fields["is_active"] != user.is_active:
        switch = enable_user if fields["is_active"] else disable_user
        switch(user_id=user_id, staff=staff)
    return User.objects.get(pk=user_id)


@transaction.atomic
def enable_user(*, user_id: int, staff: User, if_version: Collection[str] | None = None) -> User:
    """Let a user act again. Safe to repeat. Raises StaleVersion, UnknownUser or UserDeleted."""
    was_active = _locked(user_id, if_version).is_active
    user = services.enable_user(user_id=user_id)
    if not was_active:
        record(about=user, staff=staff, text="Enabled.")
    return user


@transaction.atomic
def disable_user(*, user_id: int, staff: User, if_version: Collection[str] | None = None) -> User:
    """Switch a user off and end the tokens; money still arrives. Safe to repeat.

    Raises StaleVersion, OwnAccount, LastAdmin or UnknownUser.
    """
    before = _locked(user_id, if_version).disabled_at
    user = services.disable_user(user_id=user_id, by=staff)
    if before is None:
        record(about=user, staff=staff, text="Disabled; the tokens ended.")
    return user


@transaction.atomic
def delete_user(*, user_id: int, staff: User, force: bool = False, if_version: Collection[str] | None = None) -> None:
    """Destroy a user without history, with the empty wallets. Anonymise one whom the books need. Safe to repeat.

    Locks the user (for an admin all active admins), then the wallets when none has history.
    Raises UserHasMoney unless it is forced, which is noted; StaleVersion, OwnAccount, LastAdmin or UnknownUser.
    """
    user = _locked(user_id, if_version)
    money = user_money(user_id)
    if money and not force and not user.is_deleted and user_id != staff.pk:  # of oneself the account is refused
        raise UserHasMoney(money)
    if not _destroyed(user, staff):
        anonymise(user_id=user_id, staff=staff, money=money)


@transaction.atomic
def anonymise(*, user_id: int, staff: User, money: UserMoney | None = None) -> User:
    """Scrub everything that Till keeps about the user and leave the id to the books. Safe to repeat.

    The one place for it: a table that comes to hold personal data is scrubbed here. What was booked stays, and
    money still arrives. `money` is what the user leaves behind, for the note. Raises OwnAccount, LastAdmin or
    UnknownUser.
    """
    was_deleted = services.lock_with_admins(user_id).is_deleted
    user = services.anonymise_user(user_id=user_id, by=staff)
    forget_external_wallets(owner_id=user_id)  # Again each time: a withdrawal that was pending may be settled by now.
    if not was_deleted:
        left = f" Forced, although the user {money}." if money else ""
        IdempotencyKey.objects.filter(user=user).delete()  # Their stored answers have data about the user.
        record(about=user, staff=staff, text=f"Deleted: anonymised and disabled, the books stay.{left}")
    return user


def _locked(user_id: int, if_version: Collection[str] | None) -> User:
    user = services.lock_with_admins(user_id)
    refuse_stale(user_version(user), if_version)
    return user


def _change_texts(user: User, staff: User, fields: UserFields) -> None:
    wanted = {"email": fields.get("email", user.email), "full_name": fields.get("full_name", user.full_name)}
    wanted["email"] = User.objects.normalize_email(wanted["email"])
    if changed := {name: text for name, text in wanted.items() if text != getattr(user, name)}:
        if user.is_deleted:
            raise services.UserDeleted
        before = copy(user)
        services.update_user(user=user, **changed)
        record(about=user, staff=staff, text=f"Changed: {describe_changes(before, user, changed)}.")


def _set_password(user: User, staff: User, password: str, *, any_password: bool) -> None:
    if user.is_deleted:
        raise services.UserDeleted
    services.set_password(user=user, password=password, any_password=any_password)
    record(about=user, staff=staff, text="Password set; the tokens ended.")


def _destroyed(user: User, staff: User) -> bool:
    """Destroy the user if nothing refers to the user, which PostgreSQL decides. Return whether it was possible."""
    if user.is_deleted or _has_history(user):
        return False
    try:
        with transaction.atomic():
            _destroy_wallets(user)
            record(about=user, staff=staff, text="Deleted.")
            services.destroy_user(user_id=user.pk, by=staff)
            with connection.cursor() as cursor:
                cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")  # So that a reference fails here and not at the commit.
    except (ProtectedError, IntegrityError, OperationalError):
        # A row refers to the user or is about to, or searching all postings for one takes too long.
        return False
    return True


def _has_history(user: User) -> bool:
    """Tell whether money moved in the wallets, or the staff log has entries of the user, which would go too."""
    return (
        Wallet.objects.filter(owner=user, sequence__gt=0).exists() or LogEntry.objects.filter(user_id=user.pk).exists()
    )


def _destroy_wallets(user: User) -> None:
    """Delete the wallets under their locks. PostgreSQL refuses to delete one that was used."""
    ids = list(Wallet.objects.filter(owner=user).values_list("pk", flat=True))
    booking.lock(ids, transactions=0)
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM payments_wallet WHERE id = ANY(%s::bigint[])", [ids])
