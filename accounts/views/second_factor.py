"""The own second factor: set it up, get new recovery codes, switch it off."""

from dataclasses import asdict
from typing import Any, cast

from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.permissions import SAFE_METHODS
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts import examples, serializers, services
from accounts.models import User
from accounts.permissions import HasRole
from accounts.throttling import WindowThrottle
from api.query_parameters import StrictQueryMixin
from api.validation import checked


class OwnSecondFactorView(StrictQueryMixin, APIView):
    """Each change is counted as a try of the own password is: none is to be guessed with a stolen token."""

    permission_classes = (HasRole,)
    throttle_scope = "password"
    request: Any

    def get_throttles(self) -> list[Any]:
        return [] if self.request.method in SAFE_METHODS else [WindowThrottle()]

    @property
    def user(self) -> User:
        return cast("User", self.request.user)


class SecondFactorView(OwnSecondFactorView):
    @extend_schema(
        operation_id="auth_second_factor",
        tags=["auth"],
        summary="The own second factor",
        description="Whether it is on, since when, and how many recovery codes are left.",
        responses={200: serializers.SecondFactorSerializer},
        examples=examples.SECOND_FACTOR,
    )
    def get(self, request: Request) -> Response:  # noqa: ARG002
        since = self.user.second_factor_at
        left = services.recovery_codes_left(user=self.user) if since else 0
        answer = {"enabled": since is not None, "since": since, "recovery_codes_left": left}
        return Response(serializers.SecondFactorSerializer(answer).data)

    @extend_schema(
        operation_id="auth_second_factor_begin",
        tags=["auth"],
        summary="Begin to set up a second factor",
        description=(
            "Answers a new secret for an authenticator app (TOTP, six digits, 30 seconds). Nothing changes until its"
            " first code is confirmed within an hour. Each request replaces the secret of the one before. While a"
            " second factor is on, this is 409 `second_factor_enabled`."
        ),
        request=serializers.OwnPasswordSerializer,
        responses={200: serializers.EnrolmentSerializer},
        examples=examples.ENROLMENT,
    )
    def post(self, request: Request) -> Response:
        return Response(
            asdict(services.begin_second_factor(user=self.user, **checked(serializers.OwnPasswordSerializer, request)))
        )


class ConfirmSecondFactorView(OwnSecondFactorView):
    @extend_schema(
        operation_id="auth_second_factor_confirm",
        tags=["auth"],
        summary="Switch the second factor on",
        description=(
            "With the first code of the authenticator. From then on each login needs a code, over the API and at the"
            " staff site. Ends every token of this user, the one in use too: log in again with the next code. This"
            " answer alone has the recovery codes."
        ),
        request=serializers.FirstCodeSerializer,
        responses={200: serializers.RecoveryCodesSerializer},
        examples=examples.FIRST_CODE,
    )
    def post(self, request: Request) -> Response:
        codes = services.confirm_second_factor(user=self.user, **checked(serializers.FirstCodeSerializer, request))
        return Response({"recovery_codes": codes})


class RecoveryCodesView(OwnSecondFactorView):
    @extend_schema(
        operation_id="auth_second_factor_recovery_codes",
        tags=["auth"],
        summary="Get new recovery codes",
        description="The old ones are void. This answer alone has the new ones.",
        request=serializers.SecondFactorProofSerializer,
        responses={200: serializers.RecoveryCodesSerializer},
        examples=examples.RENEWAL,
    )
    def post(self, request: Request) -> Response:
        codes = services.renew_recovery_codes(
            user=self.user, **checked(serializers.SecondFactorProofSerializer, request)
        )
        return Response({"recovery_codes": codes})


class DisableSecondFactorView(OwnSecondFactorView):
    @extend_schema(
        operation_id="auth_second_factor_disable",
        tags=["auth"],
        summary="Switch the second factor off",
        description="Needs the password and a code. Ends every token of this user, the one in use too.",
        request=serializers.SecondFactorProofSerializer,
        responses={204: None},
        examples=examples.DISABLING,
    )
    def post(self, request: Request) -> Response:
        services.disable_second_factor(user=self.user, **checked(serializers.SecondFactorProofSerializer, request))
        return Response(status=status.HTTP_204_NO_CONTENT)
