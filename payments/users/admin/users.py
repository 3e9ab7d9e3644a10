"""Users, with their wallets and their latest transactions; and what staff do to them, with a reason."""

from contextlib import suppress
from typing import Any, ClassVar

from django.conf import settings
from django.contrib import admin
from django.db import transaction
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.utils.translation import gettext, gettext_noop
from django.utils.translation import gettext as translated
from django.utils.translation import gettext_lazy as _

from accounts import services
from accounts.admin import UserAdmin
from accounts.models import Role, User
from api.refusals import line_of
from payments.users.admin.money import latest_lines, money_of
from payments.users.balances import user_money
from staff.columns import ListColumn, Status, Text, When, Word
from staff.confirmed_actions import ConfirmedAction, ConfirmedActionsMixin
from staff.history import record
from staff.read_only import BoundedPaginator, StaffAdmin


class NotWaiting(Exception):
    """Does not wait for activation."""


class MailsOff(Exception):
    """Mails are switched off (TILL_MAIL_ACTIVATION_LINK)."""


class UserAction(ConfirmedAction):
    refusals: ClassVar[tuple[type[Exception], ...]] = (
        *(services.OwnAccount, services.LastAdmin, services.UnknownUser, services.UserDeleted),
    )
    #: In English, as the history has it.
    outcome: ClassVar[str]

    def perform(self, *, target: User, staff: User, data: dict[str, Any], request: HttpRequest) -> str:
        with transaction.atomic():
            self.change(target, staff, request)
            record(about=target, staff=staff, text=f"{self.outcome} Reason: {data['reason']}")
        return translated(self.outcome)

    def change(self, target: User, staff: User, request: HttpRequest) -> None:
        raise NotImplementedError


class EnableAction(UserAction):
    name = "enable"
    title = _("Enable users")
    button = _("Enable")
    outcome = gettext_noop("Enabled.")
    explanation = _("They can sign in again. You vouch for an address that was never confirmed.")

    def is_available(self, target: User) -> bool:
        return not target.is_active and not target.is_deleted

    def describe(self, target: User) -> str:
        return gettext("Is active already.") if target.is_active else ""

    def change(self, target: User, staff: User, request: HttpRequest) -> None:  # noqa: ARG002
        services.enable_user(user_id=target.pk)


class DisableAction(UserAction):
    name = "disable"
    title = _("Disable users")
    button = _("Disable")
    outcome = gettext_noop("Disabled.")
    explanation = _(
        "They are signed out everywhere at once and cannot sign in. Money that is sent to them still arrives."
    )

    def is_available(self, target: User) -> bool:
        return target.disabled_at is None

    def describe(self, target: User) -> str:
        if target.disabled_at:
            return gettext("Is disabled already.")
        money = user_money(target.pk)
        text = gettext("%(money)s. It stays, and what is pending can still be settled.")
        return text % {"money": money} if money else ""

    def change(self, target: User, staff: User, request: HttpRequest) -> None:  # noqa: ARG002
        services.disable_user(user_id=target.pk, by=staff)


class EndSessionsAction(UserAction):
    name = "end-sessions"
    title = _("End all sessions")
    button = _("End all sessions")
    outcome = gettext_noop("All sessions were ended.")
    explanation = _("They are signed out everywhere at once, and can sign in again.")

    def is_available(self, target: User) -> bool:
        return target.is_active

    def change(self, target: User, staff: User, request: HttpRequest) -> None:  # noqa: ARG002
        services.end_sessions(user_id=target.pk)


class ResetSecondFactorAction(UserAction):
    name = "reset-second-factor"
    title = _("Reset the second factor")
    button = _("Reset the second factor")
    outcome = gettext_noop("The second factor was taken away.")
    explanation = _(
        "For a user whose authenticator and codes are lost. They are signed out everywhere, and the password alone"
        " signs in until they set up another. Be sure who asks."
    )
    one_at_a_time = True
    refusals: ClassVar[tuple[type[Exception], ...]] = (*UserAction.refusals, services.NoSecondFactor)

    def is_available(self, target: User) -> bool:
        return target.second_factor_at is not None

    def change(self, target: User, staff: User, request: HttpRequest) -> None:  # noqa: ARG002
        services.reset_second_factor(user_id=target.pk, by=staff)


class ResendActivationAction(UserAction):
    name = "resend-activation"
    title = _("Resend the activation link")
    button = _("Resend the activation link")
    outcome = gettext_noop(
        "A new link is being mailed, unless one was within the last minute, or too many to this inbox in an hour."
    )
    explanation = _("Only to those who have not confirmed their address. Links that were sent before stay good.")
    refusals: ClassVar[tuple[type[Exception], ...]] = (NotWaiting, MailsOff)

    def is_available(self, target: User) -> bool:
        return target.activated_at is None and target.disabled_at is None

    def describe(self, target: User) -> str:
        return "" if self.is_available(target) else line_of(NotWaiting)

    def change(self, target: User, staff: User, request: HttpRequest) -> None:  # noqa: ARG002
        if not settings.TILL_MAIL_ACTIVATION_LINK:
            raise MailsOff
        if not self.is_available(target):
            raise NotWaiting
        services.resend_activation(email=target.email)


STATES = {
    "active": Word(_("Active"), "good", _("May sign in.")),
    "waiting": Word(_("Not activated"), "wait", _("The address was not confirmed yet.")),
    "disabled": Word(_("Disabled"), "quiet", _("Staff disabled the user. The money stays.")),
    "deleted": Word(_("Deleted"), "quiet", _("Only what the books need is left.")),
}


def state_of(user: User) -> str:
    if user.is_deleted:
        return "deleted"
    if user.is_active:
        return "active"
    return "disabled" if user.disabled_at else "waiting"


def role_of(user: User) -> str:
    """Return the role. Of the role user, only support may enter the staff site."""
    return str(_("support")) if user.is_staff and user.role == Role.USER else user.get_role_display()


admin.site.unregister(User)


@admin.register(User)
class UserWithMoneyAdmin(ConfirmedActionsMixin, StaffAdmin, UserAdmin):
    list_display = ("state", "mail_address", "name_given", "what_role", "registered", "seen", "id")
    list_display_links = ("mail_address", "id")
    confirmed_actions = (
        EnableAction,
        DisableAction,
        EndSessionsAction,
        ResetSecondFactorAction,
        ResendActivationAction,
    )
    paginator = BoundedPaginator
    readonly_fields = (*UserAdmin.readonly_fields, "money_now", "latest_transactions")
    fieldsets = (
        (_("Wallets, and what waits"), {"fields": ("money_now",), "classes": ("till-latest", "till-money")}),
        *UserAdmin.fieldsets,
        (_("The latest transactions"), {"fields": ("latest_transactions",), "classes": ("till-latest",)}),
    )
    export_fields = (
        *("id", "email", "full_name", "role", "is_active", "is_staff", "created_at", "activated_at", "disabled_at"),
        "last_login",
    )
    state = Status(_("state"), state_of, STATES)
    mail_address = Text(_("email"), "email", order="email")
    name_given = Text(_("name"), "full_name", order="full_name")
    what_role = ListColumn(_("role"), role_of, order="role")
    registered = When(_("registered (UTC)"), "created_at", order="created_at")
    seen = When(_("last sign-in (UTC)"), "last_login", order="last_login")
    empty_state = _("People come by registering, or are added here.")

    def lock(self, ids: list[Any]) -> None:
        """Lock as the services do, for an admin all active admins, so that there is no deadlock."""
        for user_id in ids:
            with suppress(services.UnknownUser):
                services.lock_with_admins(user_id)

    def get_fieldsets(self, request: HttpRequest, obj: User | None = None) -> Any:
        """Money is for those who may look at it."""
        hidden = [field for field, rights in _MONEY_FIELDS.items() if not request.user.has_perms(rights)]
        fieldsets = super().get_fieldsets(request, obj)
        return [(title, options) for title, options in fieldsets if not set(hidden) & set(options["fields"])]

    @admin.display(description="")
    def money_now(self, user: User) -> str:
        return render_to_string("admin/user_money.html", money_of(user))

    @admin.display(description="")
    def latest_transactions(self, user: User) -> str:
        return render_to_string("admin/latest_transactions.html", {"user": user, "lines": latest_lines(user)})


#: Fields about money, and the rights to look at all that each shows.
_MONEY_FIELDS = {
    "money_now": [f"payments.view_{kind}" for kind in ("wallet", "deposit", "withdrawal", "webhookevent")],
    "latest_transactions": ["payments.view_transaction"],
}
