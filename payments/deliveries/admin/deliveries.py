"""Deliveries: what was sent to endpoints, each attempt with its answer, and sending one again."""

from typing import Any

from django.contrib import admin
from django.contrib.admin.utils import display_for_value
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html_join

from accounts.models import User
from payments.deliveries import services
from payments.deliveries.models import EventDelivery, EventEndpoint
from payments.deliveries.queries import endpoints, position_or_none
from staff.confirmed_actions import ConfirmedAction, ConfirmedActionsMixin
from staff.period_filters import PeriodFilter
from staff.read_only import MAX_LISTED, ReadOnlyAdmin, link


class NotRedeliverable(Exception):
    """A test event is not sent again: send another."""


class RedeliverAction(ConfirmedAction):
    name = "redeliver"
    title = "Send events again"
    button = "Send again"
    explanation = "Each with the same id and body as before. The worker sends them."
    refusals = (NotRedeliverable, EventEndpoint.DoesNotExist, services.EndpointInactive)

    def is_available(self, target: EventDelivery) -> bool:
        return target.position is not None

    def describe(self, target: EventDelivery) -> str:
        return f"{target.get_status_display()}, after {target.attempts} attempts."

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
        return "waits for the worker."


@admin.register(EventDelivery)
class EventDeliveryAdmin(ConfirmedActionsMixin, ReadOnlyAdmin):
    confirmed_actions = (RedeliverAction,)
    list_display = ("id", "event", "type", "to_endpoint", "status", "attempts", "last_answer", "next_attempt")
    list_filter = ("status", PeriodFilter, "endpoint")
    list_select_related = ("endpoint",)
    search_fields = ("type",)
    search_help_text = f"The id of an event, such as evt_17 (of more than {MAX_LISTED:,}, the newest are listed)"
    fields = readonly_fields = (
        *("id", "event", "type", "to_endpoint", "status", "attempts", "next_attempt", "delivered_at", "created_at"),
        "each_attempt",
    )
    export_fields = (
        *("id", "endpoint_id", "endpoint__url", "position", "type", "status", "attempts", "created_at", "delivered_at"),
    )
    empty_state = "Nothing was sent yet. Add an endpoint, and let a worker run (manage.py worker)."

    def get_search_results(self, request: Any, queryset: QuerySet[Any], search_term: str) -> tuple[Any, bool]:  # noqa: ARG002
        term = search_term.strip()
        if not term:
            return queryset, False
        position = position_or_none(term)
        if position is None:
            return queryset.none(), False
        # Their index begins with the endpoint: before 18, PostgreSQL reads the whole table if none is named.
        return queryset.filter(endpoint__in=endpoints().order_by().values("pk"), position=position), False

    @admin.display(description="event", ordering="position")
    def event(self, delivery: EventDelivery) -> str:
        return delivery.message_id

    @admin.display(description="endpoint", ordering="endpoint_id")
    def to_endpoint(self, delivery: EventDelivery) -> str:
        return link(delivery.endpoint)

    @admin.display(description="next attempt", ordering="next_attempt_at")
    def next_attempt(self, delivery: EventDelivery) -> str:
        waits = delivery.status == EventDelivery.Status.PENDING
        return display_for_value(delivery.next_attempt_at if waits else None, "-")

    @admin.display(description="last answer")
    def last_answer(self, delivery: EventDelivery) -> str:
        return _answer(delivery.log[-1]) if delivery.log else ""

    @admin.display(description="the last attempts")
    def each_attempt(self, delivery: EventDelivery) -> str:
        rows = (
            (entry["number"], entry["at"], _answer(entry), entry["milliseconds"], entry["answer"])
            for entry in delivery.log
        )
        return format_html_join("", "<p>{}. {}: {} in {} ms</p><pre>{}</pre>", rows)


def _answer(entry: dict[str, Any]) -> str:
    return str(entry["error"] or entry["status_code"])
