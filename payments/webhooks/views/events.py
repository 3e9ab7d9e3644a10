"""The API of webhook events."""

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.permissions import IsAdmin
from accounts.viewsets import ReadingViewSet
from api.path_parameters import ID
from api.validation import refuse_members
from payments.webhooks.models import WebhookEvent
from payments.webhooks.queries import filters
from payments.webhooks.receiving.replay import replay_event
from payments.webhooks.serializers import events, examples
from payments.webhooks.serializers import notices as webhook_shapes


@extend_schema(tags=["webhook-events"])
@extend_schema_view(
    list=extend_schema(
        operation_id="webhook_events_list",
        summary="Authentic notices and their verdicts (admin)",
        description="Newest first. `verdict=unmatched` and `verdict=conflict` are those that need attention.",
        examples=examples.EVENT,
    ),
    retrieve=extend_schema(
        operation_id="webhook_events_retrieve",
        summary="One notice, as it came (admin)",
        description="With the notice's fields, its verdict, what was booked, and the webhook itself without secrets.",
        parameters=[ID],
        responses={200: events.WebhookEventDetailSerializer},
        examples=examples.EVENT_WITH_WEBHOOK,
    ),
)
class WebhookEventViewSet(ReadingViewSet):
    permission_classes = (IsAdmin,)
    queryset = WebhookEvent.objects.select_related("provider__currency", "currency")
    filterset_class = filters.WebhookEventFilters

    def get_serializer_class(self) -> type[events.WebhookEventSerializer]:
        return events.WebhookEventDetailSerializer if self.action == "retrieve" else events.WebhookEventSerializer

    def get_queryset(self) -> QuerySet[WebhookEvent]:
        """A list shows no bodies, which may be long."""
        queryset = super().get_queryset()
        return queryset if self.action == "retrieve" else queryset.defer("body", "headers")

    @extend_schema(
        operation_id="webhook_events_replay",
        summary="Try an unmatched notice again (admin)",
        description="Answers as the provider would be answered now. Safe to repeat: it is credited once. 403"
        " `own_order` when it is for you.",
        parameters=[ID],
        request=None,
        responses={200: webhook_shapes.CreditedSerializer},
        examples=examples.REPLAYED,
    )
    @action(detail=True, methods=["post"])
    def replay(self, request: Request, pk: str) -> Response:  # noqa: ARG002
        refuse_members(request)
        credited = replay_event(event=self.get_object(), staff=self.user)
        return Response(webhook_shapes.answer(credited))
