"""Webhook events: what providers sent, and staff's second try at what could not be credited."""

from typing import Any

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.db.models.functions import Coalesce
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from payments.ledger.admin.display import money
from payments.webhooks import receiving
from payments.webhooks.models import WebhookEvent
from payments.webhooks.queries import search
from payments.webhooks.receiving.replay import replay_event
from staff.columns import Explained, Id, Word
from staff.confirmed_actions import ConfirmedAction, ConfirmedActionsMixin
from staff.period_filters import ReceivedFilter
from staff.read_only import MAX_LISTED, ReadOnlyAdmin, link, link_to
from staff.separation_of_duties import OwnOrder


class AttentionFilter(admin.SimpleListFilter):
    title = "needs attention"
    parameter_name = "attention"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:  # noqa: ARG002
        return [("yes", "Yes: unmatched or in conflict")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[WebhookEvent]) -> QuerySet[WebhookEvent]:  # noqa: ARG002
        return queryset.filter(~Q(verdict="credited")) if self.value() == "yes" else queryset


class ReplayAction(ConfirmedAction):
    name = "replay"
    title = "Replay events"
    button = "Replay"
    explanation = "What could not be credited is tried again, as if the provider had sent it now. It is credited once."
    refusals = (OwnOrder, receiving.EventNotReplayable, receiving.WebhookRefused)

    def is_available(self, target: WebhookEvent) -> bool:
        return bool(target.verdict == WebhookEvent.Status.UNMATCHED)

    def describe(self, target: WebhookEvent) -> str:
        amount = money(target.amount, target.paid_in)
        if self.is_available(target):
            wallet = f"wallet {target.wallet}" if target.wallet else "the first wallet"
            return f"{amount} to {wallet} of user {target.user_id}, if that is possible by now."
        return f"{target.get_verdict_display()}: nothing will move."

    def perform(self, *, target: WebhookEvent, staff: User, data: dict[str, Any], request: HttpRequest) -> str:  # noqa: ARG002
        credited = replay_event(event=target, staff=staff, reason=data["reason"])
        if credited.duplicate:
            return "was credited already; nothing moved."
        return f"credited to wallet {credited.wallet_id}."


VERDICTS = {
    WebhookEvent.Status.CREDITED: Word(_("Credited"), "good", _("The wallet has the money.")),
    WebhookEvent.Status.UNMATCHED: Word(
        _("Unmatched"), "wait", _("Paid, but not credited: the reason says why. Replay it when that is mended.")
    ),
    WebhookEvent.Status.CONFLICT: Word(
        _("Conflict"), "bad", _("Another content under an id that is known. The first was credited, this one was not.")
    ),
}


@admin.register(WebhookEvent)
class WebhookEventAdmin(ConfirmedActionsMixin, ReadOnlyAdmin):
    list_display = (
        *("id", "provider", "external_id", "user_named", "wallet_named", "amount_sent", "verdict", "reason"),
        "received_at",
    )
    list_filter = (AttentionFilter, "verdict", "provider", ReceivedFilter)
    list_select_related = ("provider__currency", "currency")
    search_fields = ("external_id",)
    search_help_text = (
        f"The provider's transaction id, an id of event, user or wallet, or an email (of more than {MAX_LISTED:,}, "
        "the newest are listed)"
    )
    fields = readonly_fields = (
        *("id", "provider", "id_of_provider", "user_named", "wallet_named", "amount_sent", "verdict_explained"),
        *("reason", "booked_as", "balance_after", "received_at", "body_shown", "headers_shown"),
    )
    confirmed_actions = (ReplayAction,)
    export_fields = (
        *("id", "provider__slug", "external_id", "user_id", "account_id", "amount", "currency_code"),
        *("verdict", "reason", "transaction_id", "balance", "received_at", "wallet_id"),
    )
    export_places = "places"
    empty_state = "No provider has sent an authentic notice yet. manage.py send_webhook sends one to try it out."

    id_of_provider = Id(_("provider's id"), "external_id")
    verdict_explained = Explained(_("verdict"), "verdict", VERDICTS)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """A list shows no bodies, which may be long. The page of one event reads them when it shows them."""
        events: QuerySet[WebhookEvent] = (
            super().get_queryset(request).select_related("provider__currency", "currency", "transaction")
        )
        return events.defer("body", "headers").annotate(
            currency_code=Coalesce("currency_id", "provider__currency_id"),
            places=Coalesce("currency__decimal_places", "provider__currency__decimal_places"),
        )

    def get_search_results(self, request: Any, queryset: Any, search_term: str) -> tuple[Any, bool]:  # noqa: ARG002
        term = search_term.strip()
        return (queryset.filter(search.events(term)) if term else queryset), False

    @admin.display(description="user", ordering="user_id")
    def user_named(self, event: WebhookEvent) -> str:
        return link_to("accounts_user", event.user_id, str(event.user_id))

    @admin.display(description="wallet", ordering="account_id")
    def wallet_named(self, event: WebhookEvent) -> str:
        return link_to("payments_wallet", event.wallet, str(event.wallet)) if event.wallet else "the user's first"

    @admin.display(description="amount", ordering="amount")
    def amount_sent(self, event: WebhookEvent) -> str:
        return money(event.amount, event.paid_in)

    @admin.display(description="transaction")
    def booked_as(self, event: WebhookEvent) -> str:
        return link(event.transaction)

    @admin.display(description="balance after")
    def balance_after(self, event: WebhookEvent) -> str:
        return money(event.balance, event.paid_in)

    @admin.display(description="body, as it came")
    def body_shown(self, event: WebhookEvent) -> str:
        """Long, and a stranger's words: shown as text."""
        return format_html('<pre class="till-raw">{}</pre>', event.shown_body) if event.body else ""

    @admin.display(description="headers")
    def headers_shown(self, event: WebhookEvent) -> str:
        return format_html('<pre class="till-raw">{}</pre>', event.headers) if event.headers else ""
