"""The password of somebody who has signed in, or has forgotten it."""

from typing import Any, ClassVar, cast

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts import examples, links, serializers, services
from accounts.models import User
from accounts.permissions import HasRole
from accounts.throttling import WindowThrottle
from accounts.views.pages import LinkPageMixin, PageFormParser, page
from accounts.views.public import PublicView
from api.parsers import StrictJSONParser
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


class PasswordResetView(StrictQueryMixin, PublicView):
    throttle_scope = "password_reset"

    @extend_schema(
        operation_id="auth_request_password_reset",
        tags=["auth"],
        summary="Mail a link to a new password",
        description="The answer is the same whether or not the address is known. A user who still waits for activation"
        " is mailed the activation link again.",
        request=serializers.PasswordResetRequestSerializer,
        responses={202: OpenApiResponse(description="Queued to be mailed, if there is somebody to mail to.")},
        examples=examples.RESEND,
    )
    def post(self, request: Request) -> Response:
        services.request_password_reset(**checked(serializers.PasswordResetRequestSerializer, request))
        return Response(status=status.HTTP_202_ACCEPTED)


class PasswordResetLinkView(LinkPageMixin, PublicView):
    """Mail programs add parameters to links: those are not read."""

    throttle_scope = "activation"
    http_method_names = ("get", "post", "options")
    parser_classes = (StrictJSONParser, PageFormParser)  # the latter for our own page alone
    problem_pages: ClassVar[dict[str, str]] = {"weak_password": "password_reset", "invalid_request": "password_reset"}

    @property
    def shows_page(self) -> bool:
        return super().shows_page or self.request._request.content_type == PageFormParser.media_type

    @extend_schema(
        operation_id="auth_password_reset_page",
        tags=["auth"],
        summary="The page for a new password (opened from the mail)",
        description="For teams without a page of their own. It changes nothing: its form does.",
        responses={(200, "text/html"): OpenApiTypes.STR, 410: examples.EXPIRED_LINK},
        examples=examples.LINK_PAGE,
    )
    def get(self, request: Request, token: str) -> Any:
        links.user_of_password_reset(token)
        return page(request, "password_reset")

    @extend_schema(
        operation_id="auth_reset_password",
        tags=["auth"],
        summary="Set a new password by a link",
        description="Works once, and ends every token of the user: log in afterwards. After `weak_password` the link"
        " is still good.",
        request={"application/json": serializers.PasswordResetSerializer},
        responses={204: None, 410: examples.EXPIRED_LINK},
        examples=examples.PASSWORD_RESET,
    )
    def post(self, request: Request, token: str) -> Any:
        services.reset_password(token=token, **checked(serializers.PasswordResetSerializer, request))
        return page(request, "password_was_reset") if self.shows_page else Response(status=status.HTTP_204_NO_CONTENT)
