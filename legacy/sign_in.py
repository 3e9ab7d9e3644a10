"""Logging in and registering at the old addresses: the same services, throttles and locks as in Till's own API."""

import base64
import binascii
from typing import Any

from django.conf import settings
from rest_framework import serializers, status
from rest_framework.authentication import get_authorization_header
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import services
from accounts.models import User
from accounts.tokens import TokenPair
from legacy.requests import (
    EMAIL_ALIASES,
    NAME_ALIASES,
    CredentialsRequest,
    LegacyRequest,
    LoginNameField,
    NameField,
    NewPasswordField,
    address_of,
)
from legacy.views import PublicLegacyView


class LegacyTokens(serializers.Serializer[Any]):
    """Two tokens, under every name that an old client may look for."""

    access_token = serializers.CharField(help_text="A JWT; send it as `Authorization: Bearer <access_token>`.")
    token_type = serializers.ChoiceField(choices=["bearer"])
    refresh_token = serializers.CharField(help_text="Good once, for `POST /api/v1/auth/refresh`.")
    token = serializers.CharField(help_text="The same as `access_token`.")
    access = serializers.CharField(help_text="The same as `access_token`.")
    refresh = serializers.CharField(help_text="The same as `refresh_token`.")


def tokens_answer(pair: TokenPair) -> dict[str, str]:
    return {
        "access_token": pair.access,
        "token_type": "bearer",
        "refresh_token": pair.refresh,
        "token": pair.access,
        "access": pair.access,
        "refresh": pair.refresh,
    }


class LegacyLoginView(PublicLegacyView):
    """Whoever logs in here gets what `POST /api/v1/auth/login` answers, and is locked out as there."""

    throttle_scope = "login"

    def log_in(self, request: Request, credentials: dict[str, Any]) -> Response:
        proof = {name: credentials[name] for name in ("password", "code") if name in credentials}
        email = address_of(credentials["email"])
        return Response(tokens_answer(services.sign_in(email=email, **proof, request=request._request)))

    def checked_credentials(self, members: dict[str, Any]) -> dict[str, Any]:
        shape = CredentialsRequest(data=members)
        shape.is_valid(raise_exception=True)
        return dict(shape.validated_data)


def basic_credentials(request: Request) -> dict[str, str]:
    """Return email and password of a header `Authorization: Basic`; nothing where it is another, or is unreadable."""
    scheme, _, encoded = get_authorization_header(request).partition(b" ")
    if scheme.lower() != b"basic":
        return {}
    try:
        email, colon, password = base64.b64decode(encoded.strip(), validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return {}
    return {"email": email, "password": password} if colon else {}


class LegacyRegistration(LegacyRequest):
    """A new user."""

    aliases = {"email": EMAIL_ALIASES, "full_name": NAME_ALIASES}

    email = LoginNameField(help_text="Or `login`, or `username`. A login without `@` becomes an address of its own.")
    password = NewPasswordField()
    full_name = NameField(default="", help_text="Or `name`.")


class Registered(serializers.Serializer[Any]):
    """Who registered."""

    id = serializers.IntegerField()
    email = serializers.CharField()
    full_name = serializers.CharField()
    is_active = serializers.BooleanField(help_text="false: the activation link must be opened first.")
    activation_url = serializers.CharField(allow_null=True, help_text="null where it is only mailed, or not needed.")


class LegacyRegisterView(PublicLegacyView):
    """`at_once`: the old service knew no activation. In development mode there is none here, either."""

    throttle_scope = "register"
    location = "/api/v1/users/me"
    at_once = True

    def register(self, request: Request) -> tuple[User, str | None]:
        """Return the new user, and the activation link where it is needed and may be answered."""
        data = self.checked(request)
        if self.at_once and settings.TILL_DEBUG:
            return services.create_user(**data, any_password=True), None
        base_url = request.build_absolute_uri("/")
        user, link = services.register(**data, base_url=base_url, any_password=settings.TILL_DEBUG)
        shows_link = settings.TILL_RETURN_ACTIVATION_LINK and not user.is_active
        return user, link if shows_link else None


def registered_answer(user: User, link: str | None) -> dict[str, Any]:
    return {
        "id": user.pk,
        "email": user.email,
        "full_name": user.full_name,
        "is_active": user.is_active,
        "activation_url": link,
    }


def created(answer: dict[str, Any]) -> Response:
    return Response(answer, status.HTTP_201_CREATED)
