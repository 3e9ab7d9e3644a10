"""Another email for somebody who has signed in: asked for here, confirmed by a link to it."""

from typing import Any, cast

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
from accounts.views.pages import LinkPageMixin, page
from accounts.views.public import PublicView
from api.query_parameters import StrictQueryMixin
from api.validation import checked, refuse_members


class EmailView(StrictQueryMixin, APIView):
    permission_classes = (HasRole,)
    throttle_classes = (WindowThrottle,)
    throttle_scope = "password"

    @extend_schema(
        operation_id="auth_request_email_change",
        tags=["auth"],
        summary="Mail a link to a new email",
        description="The email changes when the link is opened. Whether another user has it is not told here.",
        request=serializers.EmailChangeSerializer,
        responses={202: OpenApiResponse(description="Queued to be mailed to the new email.")},
        examples=examples.EMAIL_CHANGE,
    )
    def post(self, request: Request) -> Response:
        body = checked(serializers.EmailChangeSerializer, request)
        services.request_email_change(user=cast("User", request.user), **body)
        return Response(status=status.HTTP_202_ACCEPTED)


class EmailLinkView(LinkPageMixin, PublicView):
    """Mail programs add parameters to links: those are not read."""

    throttle_scope = "activation"
    http_method_names = ("get", "post", "options")

    @extend_schema(
        operation_id="auth_email_page",
        tags=["auth"],
        summary="The page to confirm a new email (opened from the mail)",
        description="For teams without a page of their own. It changes nothing: its button does.",
        responses={(200, "text/html"): OpenApiTypes.STR, 410: examples.EXPIRED_LINK},
        examples=examples.LINK_PAGE,
    )
    def get(self, request: Request, token: str) -> Any:
        _, email = links.read_email_change(token)
        return page(request, "email_change", email=email)

    @extend_schema(
        operation_id="auth_confirm_email",
        tags=["auth"],
        summary="Confirm a new email by a link",
        description="Works once, and ends every token of the user: log in with the new email afterwards. 409"
        " `email_taken` when another user has it by now. The old email is mailed a notice.",
        request=None,
        responses={200: serializers.UserSerializer, 410: examples.EXPIRED_LINK},
        examples=examples.EMAIL_CHANGED,
    )
    def post(self, request: Request, token: str) -> Any:
        refuse_members(request)
        user = services.change_email(token=token)
        if self.shows_page:
            return page(request, "email_was_changed", email=user.email)
        return Response(serializers.UserSerializer(user).data)
