"""The password of somebody who has signed in."""

from typing import cast

from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts import examples, serializers, services
from accounts.models import User
from accounts.permissions import HasRole
from accounts.throttling import WindowThrottle
from api.query_parameters import StrictQueryMixin
from api.validation import checked


class PasswordView(StrictQueryMixin, APIView):
    permission_classes = (HasRole,)
    throttle_classes = (WindowThrottle,)
    throttle_scope = "password"

    @extend_schema(
        operation_id="auth_change_password",
        tags=["auth"],
        summary="Change the password",
        description="Ends every token of this user, the one in use too: log in again afterwards.",
        request=serializers.PasswordChangeSerializer,
        responses={204: None},
        examples=examples.PASSWORD,
    )
    def post(self, request: Request) -> Response:
        body = checked(serializers.PasswordChangeSerializer, request)
        services.change_password(user=cast("User", request.user), **body)
        return Response(status=status.HTTP_204_NO_CONTENT)
