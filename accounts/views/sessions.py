"""The own logins: which last, and an end to one or all."""

import uuid

from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_view
from rest_framework import status
from rest_framework.exceptions import ErrorDetail, ValidationError
from rest_framework.mixins import ListModelMixin
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from accounts import examples, serializers, services, tokens
from accounts.models import TokenFamily
from accounts.permissions import HasRole
from accounts.viewsets import StrictWrites
from api.validation import refuse_members

KEEP = OpenApiParameter("keep", str, enum=["current"], description="`current`: all but the login of this request.")


@extend_schema(tags=["auth"], examples=examples.SESSION)
@extend_schema_view(
    list=extend_schema(
        operation_id="auth_sessions_list",
        summary="Own sessions",
        description="The logins that last, newest first. Logins of the staff site are not among them.",
    ),
)
class SessionViewSet(StrictWrites, ListModelMixin, GenericViewSet[TokenFamily]):
    permission_classes = (HasRole,)
    queryset = TokenFamily.objects.all()
    serializer_class = serializers.SessionSerializer
    ordering = ("-created_at", "-id")

    @property
    def query_parameters(self) -> tuple[str, ...]:
        return ("keep",) if self.action == "end_all" else ()

    def get_queryset(self) -> QuerySet[TokenFamily]:
        return tokens.lasting_logins(user_id=self.user.pk)

    @extend_schema(
        operation_id="auth_sessions_end",
        summary="End one of the own sessions",
        description="Its access token and its refresh token stop at once.",
        responses={204: None},
    )
    def destroy(self, request: Request, pk: uuid.UUID) -> Response:
        refuse_members(request)
        services.end_session(user=self.user, session_id=pk)
        return Response(status=status.HTTP_204_NO_CONTENT)

    @extend_schema(
        operation_id="auth_sessions_end_all",
        summary="End all own sessions",
        description=(
            "Ends every token of this user, the one in use too, and the user's sessions of the staff site. With"
            " `keep=current` only the other logins end."
        ),
        parameters=[KEEP],
        responses={204: None},
    )
    def end_all(self, request: Request) -> Response:
        refuse_members(request)
        if _keeps_current(request) and self.user.login_id:
            services.end_other_sessions(user_id=self.user.pk, current=self.user.login_id)
        else:
            services.end_sessions(user_id=self.user.pk)
        return Response(status=status.HTTP_204_NO_CONTENT)


def _keeps_current(request: Request) -> bool:
    keep = request.query_params.get("keep")
    if keep not in (None, "current"):
        raise ValidationError({"keep": ErrorDetail("Knows current only.", code="invalid_choice")})
    return keep is not None
