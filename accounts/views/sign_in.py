"""Login, the next pair of tokens, logout."""

from dataclasses import asdict

from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import examples, serializers, services, tokens
from accounts.networks import caller
from accounts.views.public import PublicView
from api.query_parameters import StrictQueryMixin
from api.validation import checked


class LoginView(StrictQueryMixin, PublicView):
    throttle_scope = "login"

    @extend_schema(
        operation_id="auth_login",
        tags=["auth"],
        summary="Log in",
        description=(
            "Answers the access token for requests and the refresh token for the next pair. A wrong password, an"
            " unknown email and a user who is not active get the same answer. Where the user has a second factor, the"
            " right password alone is 401 `second_factor_required`: send it again with a `code`. A wrong code is 401"
            " `invalid_second_factor`, and counts as a failed login."
        ),
        request=serializers.LoginSerializer,
        responses={200: serializers.TokenPairSerializer, 401: examples.INVALID_CREDENTIALS},
        examples=examples.LOGIN,
    )
    def post(self, request: Request) -> Response:
        body = checked(serializers.LoginSerializer, request)
        return Response(asdict(services.sign_in(**body, request=request._request)))


class RefreshView(StrictQueryMixin, PublicView):
    throttle_scope = "refresh"

    @extend_schema(
        operation_id="auth_refresh",
        tags=["auth"],
        summary="Trade a refresh token for a new pair",
        description=(
            "A refresh token is good for one new pair. If its answer was lost, send it again at once: for ten seconds"
            " it gets the same pair, while that is unused. A spent token that is used later ends its login."
        ),
        request=serializers.RefreshSerializer,
        responses={200: serializers.TokenPairSerializer, 401: examples.INVALID_TOKEN},
        examples=examples.REFRESH,
    )
    def post(self, request: Request) -> Response:
        body = checked(serializers.RefreshSerializer, request)
        return Response(asdict(tokens.rotate(**body, caller=caller(request))))


class LogoutView(StrictQueryMixin, PublicView):
    throttle_scope = "refresh"

    @extend_schema(
        operation_id="auth_logout",
        tags=["auth"],
        summary="Log out",
        description="Ends the login that this refresh token belongs to, with its access token. Safe to repeat.",
        request=serializers.RefreshSerializer,
        responses={204: None, 401: examples.INVALID_TOKEN},
        examples=examples.REFRESH[:1],
    )
    def post(self, request: Request) -> Response:
        tokens.end_family(**checked(serializers.RefreshSerializer, request))
        return Response(status=status.HTTP_204_NO_CONTENT)
