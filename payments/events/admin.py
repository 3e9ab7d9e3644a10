"""Events, as the feed and the deliveries tell them."""

import json
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from payments.events import rendering
from payments.events.models import FREQUENT, Event
from payments.events.types import TYPES
from staff.columns import Id, ListColumn, Word, chip
from staff.read_only import ReadOnlyAdmin, search_help


class RareTypeFilter(admin.SimpleListFilter):
    """Those that an index lists. To look for one of the others would read all events, for as long as there is none."""

    title = _("type")
    parameter_name = "type"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:  # noqa: ARG002
        return [(name, name) for name in TYPES if name not in FREQUENT]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Event]) -> QuerySet[Event]:  # noqa: ARG002
        return queryset.filter(type=self.value()) if self.value() else queryset


def type_chip(event: Event) -> SafeString:
    return chip(Word(event.type, "quiet", TYPES[event.type].description))


@admin.register(Event)
class EventAdmin(ReadOnlyAdmin):
    list_display = ("what", "id_of_event", "about")
    list_display_links = ("id_of_event",)
    list_filter = (RareTypeFilter,)
    search_fields = ("=position",)
    search_help_text = search_help(_("A position, or an event's id"))
    fields = readonly_fields = ("position", "type", "body")
    ordering = ("-position",)
    export_fields = ("position", "type", "source_id")
    what = ListColumn(_("type"), type_chip)
    id_of_event = Id(_("event"), str, order="position")
    about = Id(_("id of what it tells about"), "source_id")
    empty_state = _(
        "Nothing has been told yet. Whatever happens from now on is listed here as soon as the relay has run."
    )

    def get_search_results(self, request: Any, queryset: Any, search_term: str) -> tuple[Any, bool]:  # noqa: ARG002
        term = search_term.strip().removeprefix("evt_")
        if not term:
            return queryset, False
        is_position = term.isascii() and term.isdigit() and len(term) <= 18
        return (queryset.filter(position=int(term)) if is_position else queryset.none()), False

    @admin.display(description=_("body"))
    def body(self, event: Event) -> str:
        [members] = rendering.members([event])
        return format_html("<pre>{}</pre>", json.dumps(members, indent=2, ensure_ascii=False))
