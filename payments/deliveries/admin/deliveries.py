"""Deliveries: what was sent to endpoints, each attempt with its answer, and sending one again."""

from datetime import datetime
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html_join
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from payments.deliveries import services
from payments.deliveries.models import EventDelivery, EventEndpoint
from payments.deliveries.queries import endpoints, position_or_none
from staff.columns import Id, Link, NumberColumn, Status, Text, When, Word
from staff.confirmed_actions import ConfirmedAction, ConfirmedActionsMixin
from staff.period_filters import PeriodFilter
from staff.read_only import ReadOnlyAdmin, search_help


class NotRedeliverable(Exception):
    """A test event is not sent again: send another."""


class RedeliverAction(ConfirmedAction):
    name = "redeliver"
    title = _("Send events again")
    button = _("Send again")
    explanation = _("Each with the same id and body as before. The worker sends them.")
    refusals = (NotRedeliverable, EventEndpoint.DoesNotExist, services.EndpointInactive)

    def is_available(self, target: EventDelivery) -> bool:
        return target.position is not None

    def describe(self, target: EventDelivery) -> str:
        text = ngettext(
            "%(status)s, after %(count)s attempt.", "%(status)s, after %(count)s attempts.", target.attempts
        )
        return text % {"status": target.get_status_display(), "count": target.attempts}

    def perform(self, *, target: EventDelivery, staff: User, data: dict[str, Any], request: HttpRequest) -> str:  # noqa: ARG002
        if target.position is None:
            raise NotRedeliverable
        services.redeliver(
            endpoint_id=target.endpoint_id,
            first=target.position,
            last=target.position,
            staff=staff,
            reason=data["reason"],
        )
        return gettext("waits for the worker.")


STATUSES = {
    EventDelivery.Status.PENDING: Word(_("Pending"), "wait", _("The worker sends it, or sends it again.")),
    EventDelivery.Status.DELIVERED: Word(_("Delivered"), "good", _("The endpoint has confirmed it.")),
    EventDelivery.Status.FAILED: Word(_("Failed"), "bad", _("No attempt succeeded. It is not sent again by itself.")),
}


def next_attempt_of(delivery: EventDelivery) -> datetime | None:
    return delivery.next_attempt_at if delivery.status == EventDelivery.Status.PENDING else None


@admin.register(EventDelivery)
class EventDeliveryAdmin(ConfirmedActionsMixin, ReadOnlyAdmin):
    confirmed_actions = (RedeliverAction,)
    list_display = ("state", "time", "to_endpoint", "event", "type", "tries", "last_answer", "next_attempt", "id")
    list_display_links = ("time", "id")
    list_filter = ("status", PeriodFilter, "endpoint")
    list_select_related = ("endpoint",)
    search_fields = ("type",)
    search_help_text = search_help(_("The id of an event, such as evt_17"))
    fields = readonly_fields = (
        *("id", "event", "type", "to_endpoint", "state", "attempts", "next_attempt", "delivered_at", "created_at"),
        "each_attempt",
    )
    export_fields = (
        *("id", "endpoint_id", "endpoint__url", "position", "type", "status", "attempts", "created_at", "delivered_at"),
    )
    state = Status(_("status"), "status", STATUSES)
    time = When(_("time (UTC)"), "created_at", order="id")
    event = Id(_("event"), "message_id", order="position")
    to_endpoint = Link(_("endpoint"), "endpoint", order="endpoint_id")
    tries = NumberColumn(_("tries"), "attempts", order="attempts")
    last_answer = Text(_("last answer"), lambda delivery: _answer(delivery.log[-1]) if delivery.log else "")
    next_attempt = When(_("next attempt (UTC)"), next_attempt_of, order="next_attempt_at")
    empty_state = _("Nothing was sent yet. Add an endpoint, and let a worker run (manage.py worker).")

    def get_search_results(self, request: Any, queryset: QuerySet[Any], search_term: str) -> tuple[Any, bool]:  # noqa: ARG002
        term = search_term.strip()
        if not term:
            return queryset, False
        position = position_or_none(term)
        if position is None:
            return queryset.none(), False
        # Their index begins with the endpoint: before 18, PostgreSQL reads the whole table if none is named.
        return queryset.filter(endpoint__in=endpoints().order_by().values("pk"), position=position), False

    @admin.display(description=_("the last attempts"))
    def each_attempt(self, delivery: EventDelivery) -> str:
        rows = ((entry["number"], entry["at"], _timed_answer(entry), entry["answer"]) for entry in delivery.log)
        return format_html_join("", "<p>{}. {}: {}</p><pre>{}</pre>", rows)


def _answer(entry: dict[str, Any]) -> str:
    return str(entry["error"] or entry["status_code"])


def _timed_answer(entry: dict[str, Any]) -> str:
    return gettext("%(answer)s in %(count)s ms") % {"answer": _answer(entry), "count": entry["milliseconds"]}
