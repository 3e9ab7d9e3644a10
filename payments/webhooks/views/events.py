"""The API of webhook events."""

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
        summary="One notice (admin)",
        description="With the notice's fields, its verdict, and what was booked.",
        parameters=[ID],
        examples=examples.EVENT,
    ),
)
class WebhookEventViewSet(ReadingViewSet):
    permission_classes = (IsAdmin,)
    queryset = WebhookEvent.objects.select_related("provider__currency")
    serializer_class = events.WebhookEventSerializer
    filterset_class = filters.WebhookEventFilters

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
