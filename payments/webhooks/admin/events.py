"""Webhook events: what providers sent, and staff's second try at what could not be credited."""

from typing import Any

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.db.models.functions import Coalesce
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from payments.ledger.admin.display import money
from payments.webhooks import receiving
from payments.webhooks.models import WebhookEvent
from payments.webhooks.queries import search
from payments.webhooks.receiving.replay import replay_event
from staff.columns import (
    Amount,
    Explained,
    Id,
    Link,
    ListColumn,
    Meaning,
    Status,
    Text,
    When,
    Word,
    short_id,
    short_link_to,
)
from staff.confirmed_actions import ConfirmedAction, ConfirmedActionsMixin
from staff.lists import StaffList
from staff.period_filters import ReceivedFilter
from staff.read_only import ReadOnlyAdmin, link_to, search_help
from staff.separation_of_duties import OwnOrder


class AttentionFilter(admin.SimpleListFilter):
    title = _("needs attention")
    parameter_name = "attention"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:  # noqa: ARG002
        return [("yes", _("Yes: unmatched or in conflict"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[WebhookEvent]) -> QuerySet[WebhookEvent]:  # noqa: ARG002
        return queryset.filter(~Q(verdict="credited")) if self.value() == "yes" else queryset


class ReplayAction(ConfirmedAction):
    name = "replay"
    title = _("Replay events")
    button = _("Replay")
    explanation = _(
        "What could not be credited is tried again, as if the provider had sent it now. It is credited once."
    )
    refusals = (OwnOrder, receiving.EventNotReplayable, receiving.WebhookRefused)

    def is_available(self, target: WebhookEvent) -> bool:
        return bool(target.verdict == WebhookEvent.Status.UNMATCHED)

    def describe(self, target: WebhookEvent) -> str:
        amount = money(target.amount, target.paid_in)
        if self.is_available(target):
            text = gettext("%(amount)s to the first wallet of user %(user)s, if that is possible by now.")
            if target.wallet:
                text = gettext("%(amount)s to wallet %(wallet)s of user %(user)s, if that is possible by now.")
            return text % {"amount": amount, "wallet": target.wallet, "user": target.user_id}
        return gettext("%(status)s: nothing will move.") % {"status": target.get_verdict_display()}

    def perform(self, *, target: WebhookEvent, staff: User, data: dict[str, Any], request: HttpRequest) -> str:  # noqa: ARG002
        credited = replay_event(event=target, staff=staff, reason=data["reason"])
        if credited.duplicate:
            return gettext("was credited already; nothing moved.")
        return gettext("credited to wallet %(id)s.") % {"id": credited.wallet_id}


VERDICTS = {
    WebhookEvent.Status.CREDITED: Word(_("Credited"), "good", _("The wallet has the money.")),
    WebhookEvent.Status.UNMATCHED: Word(
        _("Unmatched"), "wait", _("Paid, but not credited: the reason says why. Replay it when that is mended.")
    ),
    WebhookEvent.Status.CONFLICT: Word(
        _("Conflict"), "bad", _("Another content under an id that is known. The first was credited, this one was not.")
    ),
}
REASONS = {
    "transaction_id_conflict": Word(_("Id is known"), "quiet", _("Its id was received before with other content.")),
    "user_not_found": Word(_("No such user"), "quiet", _("There is no user with the id that the notice names.")),
    "wallet_not_found": Word(_("No such wallet"), "quiet", _("No provider may choose an id such as the wallet's.")),
    "wallet_owner_mismatch": Word(_("Another's wallet"), "quiet", _("The wallet belongs to another user.")),
    "currency_mismatch": Word(_("Other currency"), "quiet", _("The wallet holds another currency.")),
    "balance_too_large": Word(_("Balance too large"), "quiet", _("The wallet would hold more than can be stored.")),
}


class EventList(StaffList):
    """Names the users of a page, all at once: events refer to them by id alone."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        self.result_list = list(self.result_list)
        name_users(self.result_list)


def name_users(events: list[WebhookEvent]) -> None:
    emails = dict(User.objects.filter(pk__in={event.user_id for event in events}).values_list("pk", "email"))
    for event in events:
        vars(event)["user_email"] = emails.get(event.user_id, "")


def user_link(event: WebhookEvent) -> SafeString:
    email = vars(event)["user_email"]
    return short_link_to("accounts_user", event.user_id, email) if email else short_id(str(event.user_id))


def wallet_link(event: WebhookEvent) -> str:
    return link_to("payments_wallet", event.wallet, str(event.wallet)) if event.wallet else str(_("the user's first"))


@admin.register(WebhookEvent)
class WebhookEventAdmin(ConfirmedActionsMixin, ReadOnlyAdmin):
    list_display = (*("state", "why", "time", "amount_sent", "user_named", "by_provider", "id_of_provider", "id"),)
    list_display_links = ("time", "id")
    list_filter = (AttentionFilter, "verdict", "provider", ReceivedFilter)
    list_select_related = ("provider__currency", "currency")
    search_fields = ("external_id",)
    search_help_text = search_help(_("The provider's transaction id, an id of event, user or wallet, or an email"))
    fields = readonly_fields = (
        *("id", "provider", "id_of_provider", "user_named", "wallet_named", "amount_sent", "verdict_explained"),
        *("reason_explained", "booked_as", "balance_after", "received_at", "body_shown", "headers_shown"),
    )
    confirmed_actions = (ReplayAction,)
    export_fields = (
        *("id", "provider__slug", "external_id", "user_id", "account_id", "amount", "currency_code"),
        *("verdict", "reason", "transaction_id", "balance", "received_at", "wallet_id"),
    )
    export_places = "places"
    state = Status(_("status"), "verdict", VERDICTS)
    why = Meaning(_("reason"), "reason", REASONS)
    time = When(_("received (UTC)"), "received_at", order="id")
    amount_sent = Amount(_("amount"), "amount", currency="paid_in", order="amount")
    user_named = ListColumn(_("user"), user_link, order="user_id")
    wallet_named = ListColumn(_("wallet"), wallet_link, order="account_id")
    by_provider = Text(_("provider"), "provider.slug", order="provider")
    booked_as = Link(_("transaction"), "transaction")
    balance_after = Amount(_("balance after"), "balance", currency="paid_in")
    empty_state = _("No provider has sent an authentic notice yet. manage.py send_webhook sends one to try it out.")

    id_of_provider = Id(_("provider's id"), "external_id")
    verdict_explained = Explained(_("verdict"), "verdict", VERDICTS)
    reason_explained = Explained(_("reason"), "reason", REASONS)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """A list shows no bodies, which may be long. The page of one event reads them when it shows them."""
        events: QuerySet[WebhookEvent] = (
            super().get_queryset(request).select_related("provider__currency", "currency", "transaction")
        )
        return events.defer("body", "headers").annotate(
            currency_code=Coalesce("currency_id", "provider__currency_id"),
            places=Coalesce("currency__decimal_places", "provider__currency__decimal_places"),
        )

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[StaffList]:  # noqa: ARG002
        return EventList

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> WebhookEvent | None:
        event: WebhookEvent | None = super().get_object(request, object_id, from_field)
        if event:
            name_users([event])
        return event

    def get_search_results(self, request: Any, queryset: Any, search_term: str) -> tuple[Any, bool]:  # noqa: ARG002
        term = search_term.strip()
        return (queryset.filter(search.events(term)) if term else queryset), False

    @admin.display(description=_("body, as it came"))
    def body_shown(self, event: WebhookEvent) -> str:
        """Long, and a stranger's words: shown as text."""
        return format_html('<pre class="till-raw">{}</pre>', event.shown_body) if event.body else ""

    @admin.display(description=_("headers"))
    def headers_shown(self, event: WebhookEvent) -> str:
        return format_html('<pre class="till-raw">{}</pre>', event.headers) if event.headers else ""
