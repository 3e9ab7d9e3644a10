"""Users, with their wallets and their latest transactions; and what staff do to them, with a reason."""

from contextlib import suppress
from typing import Any, ClassVar

from django.conf import settings
from django.contrib import admin
from django.contrib.admin.utils import unquote
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest
from django.template.loader import render_to_string

from accounts import services
from accounts.admin import UserAdmin
from accounts.models import User
from payments.ledger.admin.display import money
from payments.ledger.admin.transactions import of_user
from payments.ledger.admin.wallets import MAX_WALLETS
from payments.ledger.models import Posting, Wallet
from payments.users.balances import user_money
from staff.confirmed_actions import ConfirmedAction, ConfirmedActionsMixin
from staff.history import record
from staff.read_only import BoundedPaginator, ReadOnlyInline, StaffAdmin, link

LATEST = 20


class NotWaiting(Exception):
    """Does not wait for activation."""


class MailsOff(Exception):
    """Mails are switched off (TILL_MAIL_ACTIVATION_LINK)."""


class UserAction(ConfirmedAction):
    refusals: ClassVar[tuple[type[Exception], ...]] = (
        *(services.OwnAccount, services.LastAdmin, services.UnknownUser, services.UserDeleted),
    )
    outcome: ClassVar[str]

    def perform(self, *, target: User, staff: User, data: dict[str, Any], request: HttpRequest) -> str:
        with transaction.atomic():
            self.change(target, staff, request)
            record(about=target, staff=staff, text=f"{self.outcome} Reason: {data['reason']}")
        return self.outcome

    def change(self, target: User, staff: User, request: HttpRequest) -> None:
        raise NotImplementedError


class EnableAction(UserAction):
    name = "enable"
    title = "Enable users"
    button = "Enable"
    outcome = "Enabled."
    explanation = "They can sign in again. You vouch for an address that was never confirmed."

    def is_available(self, target: User) -> bool:
        return not target.is_active and not target.is_deleted

    def describe(self, target: User) -> str:
        return "Is active already." if target.is_active else ""

    def change(self, target: User, staff: User, request: HttpRequest) -> None:  # noqa: ARG002
        services.enable_user(user_id=target.pk)


class DisableAction(UserAction):
    name = "disable"
    title = "Disable users"
    button = "Disable"
    outcome = "Disabled."
    explanation = "They are signed out everywhere at once and cannot sign in. Money that is sent to them still arrives."

    def is_available(self, target: User) -> bool:
        return target.disabled_at is None

    def describe(self, target: User) -> str:
        if target.disabled_at:
            return "Is disabled already."
        money = user_money(target.pk)
        return f"{money}. It stays, and what is pending can still be settled." if money else ""

    def change(self, target: User, staff: User, request: HttpRequest) -> None:  # noqa: ARG002
        services.disable_user(user_id=target.pk, by=staff)


class EndSessionsAction(UserAction):
    name = "end-sessions"
    title = "End all sessions"
    button = "End all sessions"
    outcome = "All sessions were ended."
    explanation = "They are signed out everywhere at once, and can sign in again."

    def is_available(self, target: User) -> bool:
        return target.is_active

    def change(self, target: User, staff: User, request: HttpRequest) -> None:  # noqa: ARG002
        services.end_sessions(user_id=target.pk)


class ResendActivationAction(UserAction):
    name = "resend-activation"
    title = "Resend the activation link"
    button = "Resend the activation link"
    outcome = "A new link is being mailed, unless one was within the last minute, or too many to this inbox in an hour."
    explanation = "Only to those who have not confirmed their address. Links that were sent before stay good."
    refusals: ClassVar[tuple[type[Exception], ...]] = (NotWaiting, MailsOff)

    def is_available(self, target: User) -> bool:
        return target.activated_at is None and target.disabled_at is None

    def describe(self, target: User) -> str:
        return "" if self.is_available(target) else str(NotWaiting.__doc__)

    def change(self, target: User, staff: User, request: HttpRequest) -> None:  # noqa: ARG002
        if not settings.TILL_MAIL_ACTIVATION_LINK:
            raise MailsOff
        if not self.is_available(target):
            raise NotWaiting
        services.resend_activation(email=target.email)


class WalletInline(ReadOnlyInline):
    model = Wallet
    fk_name = "owner"
    fields = readonly_fields = ("wallet", "balance_now", "held_now", "available_now", "created_at")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """The first wallets of this page's user: each costs two hidden fields, and a form may have a thousand."""
        user_id = request.resolver_match.kwargs.get("object_id", "0") if request.resolver_match else "0"
        wallets = Wallet.objects.filter(owner_id=int(unquote(user_id))).order_by("pk").values("pk")[:MAX_WALLETS]
        return super().get_queryset(request).filter(pk__in=wallets).select_related("currency")

    @admin.display(description="wallet")
    def wallet(self, wallet: Wallet) -> str:
        return link(wallet)

    @admin.display(description="balance")
    def balance_now(self, wallet: Wallet) -> str:
        return money(wallet.balance, wallet.currency)

    @admin.display(description="held")
    def held_now(self, wallet: Wallet) -> str:
        return money(wallet.held, wallet.currency)

    @admin.display(description="available")
    def available_now(self, wallet: Wallet) -> str:
        return money(wallet.available, wallet.currency)


admin.site.unregister(User)


@admin.register(User)
class UserWithMoneyAdmin(ConfirmedActionsMixin, StaffAdmin, UserAdmin):
    inlines = (WalletInline,)
    confirmed_actions = (EnableAction, DisableAction, EndSessionsAction, ResendActivationAction)
    paginator = BoundedPaginator
    readonly_fields = (*UserAdmin.readonly_fields, "latest_transactions")
    fieldsets = (
        *UserAdmin.fieldsets,
        (f"The latest {LATEST} transactions", {"fields": ("latest_transactions",), "classes": ("till-latest",)}),
    )
    export_fields = (
        *("id", "email", "full_name", "role", "is_active", "is_staff", "created_at", "activated_at", "disabled_at"),
        "last_login",
    )
    empty_state = "People come by registering, or are added here."

    def lock(self, ids: list[Any]) -> None:
        """Lock as the services do, for an admin all active admins, so that there is no deadlock."""
        for user_id in ids:
            with suppress(services.UnknownUser):
                services.lock_with_admins(user_id)

    def get_inlines(self, request: HttpRequest, obj: User | None) -> Any:
        """A user who is being added has no wallets yet."""
        return super().get_inlines(request, obj) if obj else ()

    @admin.display(description="")
    def latest_transactions(self, user: User) -> str:
        return render_to_string("admin/latest_transactions.html", {"user": user, "lines": latest_lines(user)})


def latest_lines(user: User) -> list[dict[str, Any]]:
    """What the newest transactions did to the user's wallets: a line for each posting, the newest first."""
    postings = Posting.objects.filter(transaction_id__in=of_user(user.pk, limit=LATEST)).select_related(
        "transaction", "currency", "source", "destination"
    )
    lines = [_line(posting, user) for posting in postings.order_by("-transaction_id", "pk")[: 2 * LATEST]]
    return [line for line in lines if line]


def _line(posting: Posting, user: User) -> dict[str, Any]:
    """Describe a posting from the user's side. If both wallets are theirs, from the source's side."""
    if user.pk not in (posting.source.owner_id, posting.destination.owner_id):
        return {}
    out = posting.source.owner_id == user.pk
    mine, other = (posting.source, posting.destination) if out else (posting.destination, posting.source)
    return {
        "transaction": link(posting.transaction),
        "wallet": link(mine),
        "amount": f"{'-' if out else '+'}{money(posting.amount, posting.currency)}",
        "balance": money(posting.source_balance if out else posting.destination_balance, posting.currency),
        "other": other.get_house_display() if other.house else link(other, f"wallet {other.pk}"),
        "created_at": posting.transaction.created_at,
        "reference": posting.transaction.reference,
    }
