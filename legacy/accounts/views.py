"""Accounts and payments: who I am, what I hold, what came in, and what admins do to users."""

from django.conf import settings
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.examples import INVALID_CREDENTIALS
from accounts.permissions import HasRole, IsAdmin
from legacy.accounts import serializers
from legacy.history import MAX_TRANSACTIONS, own_postings
from legacy.requests import CredentialsRequest
from legacy.sign_in import (
    LegacyLoginView,
    LegacyRegisterView,
    LegacyTokens,
    Registered,
    created,
    registered_answer,
)
from legacy.users import ACCOUNT_SERVICES
from legacy.views import LegacyView, OldAddress
from payments.users import queries, services


class AccountsRegisterView(LegacyRegisterView):
    addresses = {"POST": OldAddress(ACCOUNT_SERVICES, "POST /api/v1/auth/register")}
    shapes = {"POST": serializers.AccountsRegistration}

    @extend_schema(
        operation_id="legacy_accounts_register",
        tags=["accounts"],
        summary="Register",
        description="Active at once in development mode; elsewhere as the setting TILL_ACTIVATION says.",
        request=serializers.AccountsRegistration,
        responses={201: Registered},
    )
    def post(self, request: Request) -> Response:
        return created(registered_answer(*self.register(request)))


class AccountsLoginView(LegacyLoginView):
    addresses = {"POST": OldAddress(ACCOUNT_SERVICES, "POST /api/v1/auth/login")}
    shapes = {"POST": CredentialsRequest}

    @extend_schema(
        operation_id="legacy_accounts_login",
        tags=["accounts"],
        summary="Log in",
        description="Users and admins alike.",
        request=CredentialsRequest,
        responses={200: LegacyTokens, 401: INVALID_CREDENTIALS},
    )
    def post(self, request: Request) -> Response:
        return self.log_in(request, self.checked(request))


class AboutView(LegacyView):
    permission_classes = (HasRole,)
    addresses = {"GET": OldAddress(ACCOUNT_SERVICES, "GET /api/v1/users/me")}

    @extend_schema(
        operation_id="legacy_accounts_about",
        tags=["accounts"],
        summary="Who am I",
        description="The user of the token.",
        responses=serializers.AboutUser,
    )
    def get(self, request: Request) -> Response:  # noqa: ARG002
        return Response(serializers.about_answer(self.user))


class OwnAccountsView(LegacyView):
    addresses = {"GET": OldAddress(ACCOUNT_SERVICES, "GET /api/v1/wallets")}

    @extend_schema(
        operation_id="legacy_accounts_own",
        tags=["accounts"],
        summary="My accounts with their balances",
        description=f"At most {queries.MAX_WALLETS}.",
        responses=serializers.AccountWithBalance(many=True),
    )
    def get(self, request: Request) -> Response:  # noqa: ARG002
        return Response([serializers.own_account_answer(wallet) for wallet in queries.own_wallets(self.user)])


class PaymentsView(LegacyView):
    addresses = {"GET": OldAddress(ACCOUNT_SERVICES, "GET /api/v1/transactions?kind=deposit")}

    @extend_schema(
        operation_id="legacy_accounts_payments",
        tags=["accounts"],
        summary="My payments",
        description=f"What came into my accounts from outside, the newest first: {MAX_TRANSACTIONS} at most.",
        responses=serializers.Payment(many=True),
    )
    def get(self, request: Request) -> Response:  # noqa: ARG002
        credits_ = (one for one in own_postings(self.user, kind="deposit") if one.comes_in)
        return Response([serializers.payment_answer(one.transaction, one.posting, self.user) for one in credits_])


class CreateUserView(LegacyView):
    permission_classes = (IsAdmin,)
    addresses = {"POST": OldAddress(ACCOUNT_SERVICES, "POST /api/v1/users")}
    shapes = {"POST": serializers.AccountsRegistration}
    location = "/api/v1/users/{id}"

    @extend_schema(
        operation_id="legacy_accounts_create_user",
        tags=["accounts"],
        summary="Add a user (admin)",
        description="Active at once: you vouch for the address.",
        request=serializers.AccountsRegistration,
        responses={201: serializers.AboutUser},
    )
    def post(self, request: Request) -> Response:
        data = self.checked(request)
        added = services.create_user(staff=self.user, **data, any_password=settings.TILL_DEBUG)
        return created(serializers.about_answer(added.user))


class UpdateUserView(LegacyView):
    permission_classes = (IsAdmin,)
    addresses = {"PUT": OldAddress(ACCOUNT_SERVICES, "PATCH /api/v1/users/{id}")}
    shapes = {"PUT": serializers.AccountsUserChange}

    @extend_schema(
        operation_id="legacy_accounts_update_user",
        tags=["accounts"],
        summary="Change a user (admin)",
        description="What is left out stays. A password ends the tokens of the user.",
        request=serializers.AccountsUserChange,
        responses=serializers.AboutUser,
    )
    def put(self, request: Request, user_id: int) -> Response:
        data = self.checked(request)
        changed = services.change_user(user_id=user_id, staff=self.user, any_password=settings.TILL_DEBUG, **data)
        return Response(serializers.about_answer(changed))


class DeleteUserView(LegacyView):
    permission_classes = (IsAdmin,)
    addresses = {"DELETE": OldAddress(ACCOUNT_SERVICES, "DELETE /api/v1/users/{id}")}

    @extend_schema(
        operation_id="legacy_accounts_delete_user",
        tags=["accounts"],
        summary="Delete a user (admin)",
        description="A user with history is anonymised, one with money is 409 `user_has_money`.",
        responses={200: serializers.DoneMessage},
    )
    def delete(self, request: Request, user_id: int) -> Response:  # noqa: ARG002
        services.delete_user(user_id=user_id, staff=self.user)
        return Response({"message": "User deleted successfully"})
