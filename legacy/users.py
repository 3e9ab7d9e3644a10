"""All users with their accounts, as two of the old services list them: one answer that satisfies both documents."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import User
from accounts.permissions import IsAdmin
from legacy.directory import ACCOUNTS, BILLS, SHOP, WEBHOOK_HANDLER
from legacy.numbers import NumberField, number
from legacy.requests import login_of
from legacy.sign_in import LegacyRegisterView, LegacyRegistration, created
from legacy.views import LegacyView, OldAddress
from payments.ledger.models import Wallet
from payments.users import queries

ACCOUNT_SERVICES = (ACCOUNTS, WEBHOOK_HANDLER)
SHOP_SERVICES = (SHOP, BILLS)
#: The old answers have no pages. Till's own addresses have everything.
MAX_LISTED = 1000


class LegacyAccount(serializers.Serializer[Any]):
    """A wallet, as an account or a bill."""

    id = serializers.IntegerField()
    numericail_id = serializers.IntegerField(help_text="The same as `id`: what webhooks call it.")
    balance = NumberField()
    currency = serializers.CharField()


class ListedUser(serializers.Serializer[Any]):
    """A user with accounts."""

    id = serializers.IntegerField()
    numericail_id = serializers.IntegerField(help_text="The same as `id`: what webhooks call it.")
    email = serializers.CharField()
    full_name = serializers.CharField()
    is_active = serializers.BooleanField()
    is_admin = serializers.BooleanField()
    accounts = LegacyAccount(many=True)


def account_answer(wallet: Wallet) -> dict[str, Any]:
    return {
        "id": wallet.pk,
        "numericail_id": wallet.pk,
        "balance": number(wallet.balance, wallet.currency.decimal_places),
        "currency": wallet.currency_id,
    }


def user_with_accounts(user: User, wallets: list[Wallet]) -> dict[str, Any]:
    return {
        "id": user.pk,
        "numericail_id": user.pk,
        "email": user.email,
        "full_name": user.full_name,
        "is_active": user.is_active,
        "is_admin": user.role == "admin",
        "accounts": [account_answer(wallet) for wallet in wallets],
    }


class ShopUser(serializers.Serializer[Any]):
    """Who registered at the shop."""

    id = serializers.IntegerField()
    numericail_id = serializers.IntegerField(help_text="The same as `id`: what webhooks call it.")
    login = serializers.CharField(help_text="The email, or the login without the end that Till gave it.")
    email = serializers.CharField()
    full_name = serializers.CharField()
    is_active = serializers.BooleanField()
    activation_url = serializers.CharField(allow_null=True, help_text="Open it by GET. null where it is only mailed.")
    activation_link = serializers.CharField(allow_null=True, help_text="The same as `activation_url`.")


def shop_user_answer(user: User, link: str | None) -> dict[str, Any]:
    return {
        "id": user.pk,
        "numericail_id": user.pk,
        "login": login_of(user.email),
        "email": user.email,
        "full_name": user.full_name,
        "is_active": user.is_active,
        "activation_url": link,
        "activation_link": link,
    }


class LegacyUsersView(LegacyRegisterView):
    """Strangers register here, and admins see everybody."""

    addresses = {
        "GET": OldAddress((*ACCOUNT_SERVICES, *SHOP_SERVICES), "GET /api/v1/users"),
        "POST": OldAddress(SHOP_SERVICES, "POST /api/v1/auth/register"),
    }
    shapes = {"POST": LegacyRegistration}
    at_once = False

    def get_authenticators(self) -> list[Any]:
        return [] if self._registers else LegacyView().get_authenticators()

    def get_permissions(self) -> list[Any]:
        return [AllowAny()] if self._registers else [IsAdmin()]

    def get_throttles(self) -> list[Any]:
        return super().get_throttles() if self._registers else LegacyView().get_throttles()

    @property
    def _registers(self) -> bool:
        return getattr(self.request, "method", None) == "POST"  # none while the document is made

    @extend_schema(
        operation_id="legacy_users_list",
        tags=["users"],
        summary="Everybody with accounts (admin)",
        description=f"An array that satisfies both documents: the first {MAX_LISTED}, oldest first.",
        responses=ListedUser(many=True),
    )
    def get(self, request: Request) -> Response:  # noqa: ARG002
        users = list(User.objects.order_by("pk")[:MAX_LISTED])
        wallets = queries.wallets_of([user.pk for user in users])
        return Response([user_with_accounts(user, wallets.get(user.pk, [])) for user in users])

    @extend_schema(
        operation_id="legacy_shop_register",
        tags=["shop"],
        summary="Register, and get the activation link",
        description="Inactive until the link is opened.",
        request=LegacyRegistration,
        responses={201: ShopUser},
    )
    def post(self, request: Request) -> Response:
        user, link = self.register(request)
        return created(shop_user_answer(user, link))
