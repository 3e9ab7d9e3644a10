"""Endpoints and deliveries, and their filters."""

import re

from django import forms
from django.db.models import QuerySet
from django.utils.translation import gettext as _
from django_filters import rest_framework as filters
from drf_spectacular.utils import extend_schema_field

from api.filters import Filter, FilterSet, id_or_none
from payments.deliveries.models import EventDelivery, EventEndpoint

EVENT_ID = {"type": "string", "pattern": "^evt_[1-9][0-9]{0,18}$", "example": "evt_17"}
_EVENT = re.compile(r"evt_([1-9][0-9]{0,18})", re.ASCII)


def position_or_none(event_id: str) -> int | None:
    """Return the position of the event with this id, as `evt_17` has 17; None when the text is no such id."""
    match = _EVENT.fullmatch(event_id)
    return id_or_none(match[1]) if match else None


def endpoints() -> QuerySet[EventEndpoint]:
    return EventEndpoint.objects.all()


def deliveries(endpoint_id: int) -> QuerySet[EventDelivery]:
    """Return those of an endpoint. Raises EventEndpoint.DoesNotExist."""
    return EventEndpoint.objects.only("pk").get(pk=endpoint_id).deliveries.all()


class EventIdFormField(forms.Field):
    def to_python(self, value: str | None) -> int | None:
        if not value:
            return None
        if position := position_or_none(value):
            return position
        raise forms.ValidationError(_("The id of an event, such as evt_17."), "invalid")


@extend_schema_field(EVENT_ID)
class EventIdFilter(Filter):
    field_class = EventIdFormField


class DeliveryFilters(FilterSet):
    status = filters.ChoiceFilter(choices=EventDelivery.Status.choices, label="Only deliveries with this status.")
    event = EventIdFilter(field_name="position", label="Only the delivery of this event.")
    type = filters.CharFilter(label="Only deliveries of events of this type.")
