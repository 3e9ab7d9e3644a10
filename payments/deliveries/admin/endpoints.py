"""Endpoints: added, changed, switched on and off, tested and removed. A secret is shown once, when it is new."""

from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.contrib.admin.utils import unquote
from django.contrib.postgres.forms import SimpleArrayField
from django.core.exceptions import PermissionDenied
from django.db.models import Count, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.cache import add_never_cache_headers
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from api.filters import id_or_none
from payments.deliveries import services
from payments.deliveries.addresses import MAX_LENGTH, InvalidUrl
from payments.deliveries.models import TYPE_MAX_LENGTH, EventDelivery, EventEndpoint
from staff.columns import ListColumn, Prose, Status, Text, When, Word, number
from staff.confirmed_actions import ConfirmedAction, ConfirmedActionsMixin
from staff.formats import grouped
from staff.service_forms import InstructionField, ServiceAdmin, ServiceForm

EDITED = ("url", "types", "description")


class EndpointForm(ServiceForm):
    url = forms.CharField(label=_("URL"), max_length=MAX_LENGTH, widget=forms.URLInput(attrs={"size": 60}))
    types = SimpleArrayField(
        forms.CharField(max_length=TYPE_MAX_LENGTH),
        required=False,
        widget=forms.TextInput(attrs={"size": 60}),
        help_text=_("With commas between: deposit.paid, or a family such as wallet.*. Empty for all events."),
    )
    rotate = InstructionField(
        required=False,
        label=_("Make a new secret"),
        help_text=_("Shown once when this is saved. For a day each delivery has the signatures of both."),
    )
    refusals = (
        *(InvalidUrl, services.InvalidTypes, services.TooManyEndpoints, services.EventsBehind),
        EventEndpoint.DoesNotExist,
    )
    has_new_secret = False

    class Meta:
        model = EventEndpoint
        fields = EDITED

    def carry_out(self) -> EventEndpoint:
        data = {name: self.cleaned_data[name] for name in EDITED}
        if self.instance.pk is None:
            self.has_new_secret = True
            return services.add_endpoint(**data, staff=self.staff)
        endpoint = services.change_endpoint(endpoint_id=self.instance.pk, data=data, staff=self.staff)
        if self.cleaned_data.get("rotate"):
            self.has_new_secret = True
            endpoint = services.rotate_secret(endpoint_id=endpoint.pk, staff=self.staff)
        return endpoint


class EndpointAction(ConfirmedAction):
    refusals: ClassVar[tuple[type[Exception], ...]] = (
        *(EventEndpoint.DoesNotExist, services.EndpointInactive, InvalidUrl, services.InvalidTypes),
    )


class SwitchOnAction(EndpointAction):
    name = "switch_on"
    title = _("Switch endpoints on")
    button = _("Switch on")
    explanation = _("They get what they missed, the oldest first.")

    def is_available(self, target: EventEndpoint) -> bool:
        return not target.is_active

    def perform(self, *, target: EventEndpoint, staff: User, data: dict[str, Any], request: HttpRequest) -> str:  # noqa: ARG002
        services.change_endpoint(endpoint_id=target.pk, data={"is_active": True}, staff=staff, reason=data["reason"])
        return gettext("switched on.")


class SwitchOffAction(EndpointAction):
    name = "switch_off"
    title = _("Switch endpoints off")
    button = _("Switch off")
    explanation = _("Nothing is sent there until they are switched on. Nothing is lost: it waits.")

    def is_available(self, target: EventEndpoint) -> bool:
        return target.is_active

    def perform(self, *, target: EventEndpoint, staff: User, data: dict[str, Any], request: HttpRequest) -> str:  # noqa: ARG002
        services.change_endpoint(endpoint_id=target.pk, data={"is_active": False}, staff=staff, reason=data["reason"])
        return gettext("switched off.")


class SendTestAction(EndpointAction):
    name = "send_test"
    title = _("Send a test event")
    button = _("Send a test event")
    explanation = _("The worker sends an event of the type endpoint.test. The deliveries show what was answered.")

    def is_available(self, target: EventEndpoint) -> bool:
        return target.is_active

    def perform(self, *, target: EventEndpoint, staff: User, data: dict[str, Any], request: HttpRequest) -> str:  # noqa: ARG002
        delivery = services.send_test(endpoint_id=target.pk, staff=staff, reason=data["reason"])
        return gettext("%(delivery)s waits for the worker.") % {"delivery": delivery}


class RemoveEndpointAction(EndpointAction):
    name = "remove"
    title = _("Delete endpoints")
    button = _("Delete")
    permission = "delete"
    explanation = _("With their deliveries. The events stay in the feed.")

    def is_available(self, target: EventEndpoint) -> bool:  # noqa: ARG002
        """The page has a button of Django's own, which leads here (`delete_view`)."""
        return False

    def perform(self, *, target: EventEndpoint, staff: User, data: dict[str, Any], request: HttpRequest) -> str:  # noqa: ARG002
        services.remove_endpoint(endpoint_id=target.pk, staff=staff, reason=data["reason"])
        return gettext("deleted.")


#: An endpoint that is on has none.
NO_REASON = "on"
STATES = {
    NO_REASON: Word(_("On"), "good", _("Events are sent there.")),
    EventEndpoint.DisabledReason.STAFF: Word(_("Switched off"), "quiet", _("Staff switched it off. Nothing is lost.")),
    EventEndpoint.DisabledReason.GONE: Word(
        _("Gone"), "bad", _("Till switched it off: it answered 410 Gone. Nothing is lost.")
    ),
    EventEndpoint.DisabledReason.FAILING: Word(
        _("Failed"), "bad", _("Till switched it off: nothing was delivered for five days. Nothing is lost.")
    ),
}


def state_of(endpoint: EventEndpoint) -> Any:
    return NO_REASON if endpoint.is_active else endpoint.disabled_reason


def with_waiting(endpoints: QuerySet[EventEndpoint]) -> QuerySet[EventEndpoint]:
    """Count what waits for each, in the same statement."""
    pending = EventDelivery.objects.filter(endpoint=OuterRef("pk"), status=EventDelivery.Status.PENDING).order_by()
    count = pending.values("endpoint").annotate(count=Count("pk")).values("count")
    return endpoints.annotate(waiting_count=Coalesce(Subquery(count), 0))


def waiting_link(endpoint: EventEndpoint) -> SafeString:
    page = reverse("admin:payments_eventdelivery_changelist")
    address = f"{page}?endpoint__id__exact={endpoint.pk}&status__exact=pending"
    waiting = number(grouped(str(vars(endpoint)["waiting_count"])))
    return format_html('<a href="{}">{}</a>', address, waiting)


@admin.register(EventEndpoint)
class EventEndpointAdmin(ConfirmedActionsMixin, ServiceAdmin):
    form = EndpointForm
    confirmed_actions = (SwitchOnAction, SwitchOffAction, SendTestAction, RemoveEndpointAction)
    list_display = ("state", "failing", "waiting", "short_url", "wanted", "time")
    list_display_links = ("short_url",)
    list_filter = ("is_active", "disabled_reason")
    search_fields = ("url", "description")
    search_help_text = _("Address or description")
    ordering = ("-id",)
    export_fields = (
        *("id", "url", "types", "description", "is_active", "disabled_reason", "failing_since", "position"),
        "created_at",
    )
    state = Status(_("state"), state_of, STATES)
    failing = When(_("failing since (UTC)"), "failing_since", order="failing_since")
    waiting = ListColumn(_("waiting events"), waiting_link)
    short_url = Text(_("address"), "url", order="url")
    wanted = Prose(_("types"), lambda endpoint: ", ".join(endpoint.types) or _("all"))
    time = When(_("added (UTC)"), "created_at", order="id")
    empty_state = _("Events are sent nowhere yet. Add the address of a program that wants to know what happens.")

    def get_queryset(self, request: HttpRequest) -> QuerySet[EventEndpoint]:
        return with_waiting(super().get_queryset(request))

    def get_fields(self, request: HttpRequest, obj: EventEndpoint | None = None) -> tuple[str, ...]:
        if obj is None:
            return EDITED
        rotate = ("rotate",) if self.has_change_permission(request, obj) else ()
        return (*EDITED, *rotate, *self.get_readonly_fields(request, obj))

    def get_readonly_fields(self, request: HttpRequest, obj: EventEndpoint | None = None) -> tuple[str, ...]:  # noqa: ARG002
        if obj is None:
            return ()
        now = ("state", "failing_since", "position")
        return (*now, "previous_secret_until", "waiting", "created_at")

    def lookup_allowed(self, lookup: str, value: Any, request: HttpRequest) -> bool:
        """A list narrowed by the first letters of a secret would spell it out."""
        return "secret" not in lookup and super().lookup_allowed(lookup, value, request)

    def delete_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> Any:  # noqa: ARG002
        """Asks on a page of ours: Django's would list every delivery."""
        if not self.has_delete_permission(request):
            raise PermissionDenied
        return redirect(self.confirm_address(RemoveEndpointAction(), [id_or_none(unquote(object_id)) or 0]))

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        obj.shows_secret = form.has_new_secret  # for the answer to this request alone

    def response_add(self, request: HttpRequest, obj: EventEndpoint, post_url_continue: Any = None) -> Any:
        return self._show_once(request, obj) or super().response_add(request, obj, post_url_continue)

    def response_change(self, request: HttpRequest, obj: EventEndpoint) -> Any:
        return self._show_once(request, obj) or super().response_change(request, obj)

    def _show_once(self, request: HttpRequest, endpoint: EventEndpoint) -> HttpResponseBase | None:
        """Return the page with the new secret; no message, for a cookie keeps it until it is read."""
        if not getattr(endpoint, "shows_secret", False):
            return None
        context = {**self.admin_site.each_context(request), "title": gettext("The new secret"), "endpoint": endpoint}
        page = TemplateResponse(
            request, "admin/endpoint_secret.html", {**context, "secret": endpoint.secret, "opts": self.opts}
        )
        add_never_cache_headers(page)
        return page
