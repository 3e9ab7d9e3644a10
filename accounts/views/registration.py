"""Registration and activation."""

from typing import Any

from django.conf import settings
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import examples, serializers, services
from accounts.views.pages import LinkPageMixin, page
from accounts.views.public import PublicView
from api.locations import Located
from api.query_parameters import StrictQueryMixin
from api.validation import checked, refuse_members


class RegisterView(StrictQueryMixin, Located, PublicView):
    location = "/api/v1/users/me"
    throttle_scope = "register"

    @extend_schema(
        operation_id="auth_register",
        tags=["auth"],
        summary="Register",
        description="The user is inactive until the activation link is opened. With `TILL_ACTIVATION=none` the user is"
        " active at once, and `activation_url` is null.",
        request=serializers.RegistrationSerializer,
        responses={201: serializers.RegisteredSerializer},
        examples=examples.REGISTER,
    )
    def post(self, request: Request) -> Response:
        body = checked(serializers.RegistrationSerializer, request)
        user, link = services.register(**body, base_url=request.build_absolute_uri("/"))
        answer = {"user": user, "activation_url": (settings.TILL_RETURN_ACTIVATION_LINK and link) or None}
        return Response(serializers.RegisteredSerializer(answer).data, status.HTTP_201_CREATED)


class ActivateView(LinkPageMixin, PublicView):
    """Mail programs add parameters to links: those are not read."""

    throttle_scope = "activation"
    http_method_names = ("get", "post", "options")  # Without HEAD, with which mail scanners probe links.

    @extend_schema(
        operation_id="auth_activate_by_link",
        tags=["auth"],
        summary="Activate a user (opened from the mail)",
        description="It is good once; opened again it says `already_active`. A browser gets a page, whatever the link"
        " turns out to be.",
        responses={
            (200, "application/json"): serializers.ActivatedSerializer,
            (200, "text/html"): OpenApiTypes.STR,
            410: examples.EXPIRED_LINK,
        },
        examples=examples.ACTIVATED + examples.LINK_PAGE,
    )
    def get(self, request: Request, token: str) -> Any:  # noqa: ARG002
        return self._activate(token)

    @extend_schema(
        operation_id="auth_activate",
        tags=["auth"],
        summary="Activate a user",
        description="For a page of your own that the mail leads to. Safe to repeat: `already_active`.",
        request=None,
        responses={200: serializers.ActivatedSerializer, 410: examples.EXPIRED_LINK},
        examples=examples.ACTIVATED,
    )
    def post(self, request: Request, token: str) -> Any:
        refuse_members(request)
        return self._activate(token)

    def _activate(self, token: str) -> Any:
        user, already_active = services.activate(token=token)
        if self.shows_page:
            return page(self.request, "activated", already_active=already_active)
        answer = {"user": user, "status": "already_active" if already_active else "activated"}
        return Response(serializers.ActivatedSerializer(answer).data)


class ResendActivationView(StrictQueryMixin, PublicView):
    throttle_scope = "resend"

    @extend_schema(
        operation_id="auth_resend_activation",
        tags=["auth"],
        summary="Mail a new activation link",
        description="The answer is the same whether or not the address waits for activation.",
        request=serializers.ResendSerializer,
        responses={202: OpenApiResponse(description="Queued to be mailed, if there is somebody to mail to.")},
        examples=examples.RESEND,
    )
    def post(self, request: Request) -> Response:
        body = checked(serializers.ResendSerializer, request)
        services.resend_activation(email=body["email"])
        return Response(status=status.HTTP_202_ACCEPTED)
