"""The wallet service's accounts: registration, log in, who I am, my wallets and their history."""

from typing import Any

from django.conf import settings
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.examples import INVALID_CREDENTIALS
from accounts.models import Role
from accounts.permissions import HasRole, IsAdmin
from legacy.directory import WALLETS
from legacy.history import MAX_TRANSACTIONS
from legacy.requests import CredentialsRequest
from legacy.sign_in import (
    LegacyLoginView,
    LegacyRegisterView,
    LegacyRegistration,
    LegacyTokens,
    basic_credentials,
    created,
    registered_answer,
)
from legacy.views import LegacyView, OldAddress
from legacy.wallets import requests, serializers
from legacy.wallets.choice import chosen_wallet, history
from payments.orders.services.external_wallets import add_external_wallet
from payments.users import queries
from payments.users import services as users


def moved_to(here: str) -> OldAddress:
    return OldAddress((WALLETS,), here)


class WalletRegisterView(LegacyRegisterView):
    addresses = {"POST": moved_to("POST /api/v1/auth/register")}
    shapes = {"POST": LegacyRegistration}

    @extend_schema(
        operation_id="legacy_wallets_register",
        tags=["wallets"],
        summary="Register",
        description="Opens wallets in all currencies. Active at once in development mode; elsewhere as the setting"
        " TILL_ACTIVATION says.",
        request=LegacyRegistration,
        responses={201: serializers.WalletRegistered},
    )
    def post(self, request: Request) -> Response:
        user, link = self.register(request)
        wallets = [serializers.legacy_wallet_answer(wallet) for wallet in queries.own_wallets(user)]
        return created(registered_answer(user, link) | {"wallets": wallets})


class WalletLoginView(LegacyLoginView):
    addresses = {"POST": moved_to("POST /api/v1/auth/login")}
    shapes = {"POST": CredentialsRequest}

    @extend_schema(
        operation_id="legacy_wallets_login",
        tags=["wallets"],
        summary="Log in",
        description="As JSON or as a form.",
        request=CredentialsRequest,
        responses={200: LegacyTokens, 401: INVALID_CREDENTIALS},
    )
    def post(self, request: Request) -> Response:
        return self.log_in(request, self.checked(request))


class ServiceLoginView(LegacyLoginView):
    addresses = {
        "GET": moved_to("POST /api/v1/auth/login"),
        "POST": moved_to("POST /api/v1/auth/login"),
    }
    shapes = {"GET": CredentialsRequest, "POST": CredentialsRequest}

    @extend_schema(
        operation_id="legacy_wallets_service_login",
        tags=["wallets"],
        summary="Log in as a service",
        description="Email and password in the header `Authorization: Basic`, or in a body. In the address they are"
        " refused: every log on the way keeps it.",
        responses={200: LegacyTokens, 401: INVALID_CREDENTIALS},
    )
    def get(self, request: Request) -> Response:
        return self.log_in(request, self.checked_credentials(basic_credentials(request) | self.members(request)))

    @extend_schema(
        operation_id="legacy_wallets_service_login_by_post",
        tags=["wallets"],
        summary="Log in as a service",
        description="The same, for clients that send no body with GET.",
        request=CredentialsRequest,
        responses={200: LegacyTokens, 401: INVALID_CREDENTIALS},
    )
    def post(self, request: Request) -> Response:
        return self.get(request)


class RegisterServiceView(LegacyView):
    permission_classes = (IsAdmin,)
    addresses = {"POST": moved_to("POST /api/v1/users with the role service")}
    shapes = {"POST": LegacyRegistration}
    location = "/api/v1/users/{id}"

    @extend_schema(
        operation_id="legacy_wallets_register_service",
        tags=["wallets"],
        summary="Add a service user (admin)",
        description="A service settles everybody's deposits and withdrawals, so only admins add one.",
        request=LegacyRegistration,
        responses={201: serializers.ServiceUser},
    )
    def post(self, request: Request) -> Response:
        data = self.checked(request)
        any_password = settings.TILL_DEBUG
        added = users.create_user(staff=self.user, role=Role.SERVICE, any_password=any_password, **data)
        return created(serializers.token_user_answer(added.user))


class OwnIdView(LegacyView):
    permission_classes = (HasRole,)
    addresses = {"GET": moved_to("GET /api/v1/users/me")}

    @extend_schema(
        operation_id="legacy_wallets_my_id",
        tags=["wallets"],
        summary="My id",
        description="Of the user of the token.",
        responses=serializers.WalletUserId,
    )
    def get(self, request: Request) -> Response:  # noqa: ARG002
        return Response({"id": self.user.pk, "user_id": self.user.pk})


class OwnTokenView(LegacyView):
    permission_classes = (HasRole,)
    addresses = {"GET": moved_to("GET /api/v1/users/me")}

    @extend_schema(
        operation_id="legacy_wallets_my_token",
        tags=["wallets"],
        summary="Whose token this is",
        description="The token in the header `Authorization`, never in the address.",
        responses=serializers.TokenUser,
    )
    def get(self, request: Request) -> Response:  # noqa: ARG002
        return Response(serializers.token_user_answer(self.user))


class OwnWalletsView(LegacyView):
    addresses = {"GET": moved_to("GET /api/v1/wallets")}

    @extend_schema(
        operation_id="legacy_wallets_list",
        tags=["wallets"],
        summary="My wallets",
        description=f"At most {queries.MAX_WALLETS}.",
        responses=serializers.WalletWithBalance(many=True),
    )
    def get(self, request: Request) -> Response:  # noqa: ARG002
        return Response([serializers.legacy_wallet_answer(wallet) for wallet in queries.own_wallets(self.user)])


class OwnWalletView(LegacyView):
    addresses = {"GET": moved_to("GET /api/v1/wallets/{id}")}
    shapes = {"GET": requests.WalletChoice}

    @extend_schema(
        operation_id="legacy_wallets_retrieve",
        tags=["wallets"],
        summary="One of my wallets",
        description="By its id, or the first one in a currency.",
        parameters=[requests.WalletChoice],
        responses=serializers.WalletWithBalance,
    )
    def get(self, request: Request) -> Response:
        return Response(serializers.legacy_wallet_answer(chosen_wallet(self.user, self.checked(request))))


class AddExternalWalletView(LegacyView):
    addresses = {"POST": moved_to("POST /api/v1/external-wallets")}
    shapes = {"POST": requests.NewExternalWallet}
    location = "/api/v1/external-wallets/{id}"

    @extend_schema(
        operation_id="legacy_wallets_add_external",
        tags=["wallets"],
        summary="Add an external wallet, for withdrawals",
        description="A card's number is never taken, only its last four digits.",
        request=requests.NewExternalWallet,
        responses={201: serializers.ExternalWalletAnswer},
    )
    def post(self, request: Request) -> Response:
        data: dict[str, Any] = {"currency": settings.TILL_DEFAULT_CURRENCY, **self.checked(request)}
        return created(serializers.external_wallet_answer(add_external_wallet(owner_id=self.user.pk, **data)))


class OwnTransactionsView(LegacyView):
    addresses = {"GET": moved_to("GET /api/v1/transactions")}

    @extend_schema(
        operation_id="legacy_wallets_transactions",
        tags=["wallets"],
        summary="My transactions",
        description=f"Deposits and withdrawals with their status, and what was booked. The newest {MAX_TRANSACTIONS}.",
        responses=serializers.WalletTransaction(many=True),
    )
    def get(self, request: Request) -> Response:  # noqa: ARG002
        return Response(history(self.user))


class WalletTransactionsView(LegacyView):
    addresses = {"GET": moved_to("GET /api/v1/transactions?wallet={id}")}
    shapes = {"GET": requests.WalletChoice}

    @extend_schema(
        operation_id="legacy_wallets_transactions_of_one",
        tags=["wallets"],
        summary="The transactions of one wallet",
        description=f"The newest {MAX_TRANSACTIONS}.",
        parameters=[requests.WalletChoice],
        responses=serializers.WalletTransaction(many=True),
    )
    def get(self, request: Request) -> Response:
        return Response(history(self.user, chosen_wallet(self.user, self.checked(request)).pk))
