"""The feed of events."""

from django import forms
from django_filters.utils import translate_validation
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.exceptions import ErrorDetail, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.urls import replace_query_param
from rest_framework.viewsets import GenericViewSet

from accounts.permissions import IsAdmin
from api.fields import MAX_ID
from api.filters import CountField
from api.pagination import MAX_LIMIT
from api.path_parameters import ID_PATTERN
from api.query_parameters import refuse_unknown_parameters
from payments.events import examples, queries, relay
from payments.events.models import Event
from payments.events.serializers import EventSerializer, FeedSerializer, feed_answer
from payments.events.types import UnknownEventType, expand

_DEFAULT_LIMIT = 50
_PARAMETERS = [
    OpenApiParameter(
        "after", {"type": "integer", "minimum": 0, "default": 0}, description="Only events after this position."
    ),
    OpenApiParameter(
        "types",
        {"type": "array", "items": {"type": "string", "example": "wallet.credited"}},
        style="form",
        explode=True,
        description="Only these types, repeated or with commas. `wallet.*` is a whole family.",
    ),
    OpenApiParameter(
        "limit",
        {"type": "integer", "minimum": 1, "maximum": MAX_LIMIT, "default": _DEFAULT_LIMIT},
        description=f"How many results a page holds, 1 to {MAX_LIMIT}.",
    ),
]


class _FeedForm(forms.Form):
    after = CountField(required=False, min_value=0, max_value=MAX_ID)
    limit = CountField(required=False, min_value=1, max_value=MAX_LIMIT)


@extend_schema(tags=["events"])
class EventViewSet(GenericViewSet[Event]):
    permission_classes = (IsAdmin,)
    queryset = Event.objects.all()
    serializer_class = EventSerializer
    lookup_url_kwarg = "position"
    lookup_value_regex = ID_PATTERN
    pagination_class = None
    filter_backends = ()

    @extend_schema(
        operation_id="events_list",
        summary="What happened, oldest first (admin)",
        description=(
            "Every change that an outsider may have to know. Begin with `after=0` and go on from `next`, or later from"
            " `position`: nothing is missed, and no event comes before a position that was given. A page of few types"
            " may be empty and have a `next`."
        ),
        parameters=_PARAMETERS,
        responses=FeedSerializer,
        examples=examples.FEED,
    )
    def list(self, request: Request) -> Response:
        after, types, limit = _wanted(request)
        relay.sequence()  # so that what is committed is in the feed at once
        page = queries.page(after, types, limit)
        url = replace_query_param(request.build_absolute_uri(), "after", str(page.position))
        return Response(feed_answer(page.events, url if page.has_more else None, page.position))

    @extend_schema(
        operation_id="events_retrieve",
        summary="One event (admin)",
        description="The same as in the feed, each time.",
        parameters=[OpenApiParameter("position", int, OpenApiParameter.PATH)],
        examples=examples.EVENT,
    )
    def retrieve(self, request: Request, position: str) -> Response:  # noqa: ARG002
        refuse_unknown_parameters(request.query_params, ())
        return Response(self.get_serializer(self.get_object()).data)


def _wanted(request: Request) -> tuple[int, list[str] | None, int]:
    """Return position, types and limit. Raises ValidationError naming each parameter that is wrong."""
    given = request.query_params.copy()
    patterns = [pattern for text in given.pop("types", []) for pattern in text.split(",")]
    refuse_unknown_parameters(given, ("after", "limit"))
    form = _FeedForm(given)
    if not form.is_valid():
        raise translate_validation(form.errors)
    limit = form.cleaned_data["limit"]
    try:
        types = expand(patterns) if patterns else None
    except UnknownEventType as error:
        raise ValidationError({"types": ErrorDetail(str(error), code="invalid")}) from None
    return form.cleaned_data["after"] or 0, types, limit or _DEFAULT_LIMIT
