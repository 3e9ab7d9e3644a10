"""The shop: log in, look at products and buy them; and what admins do to products and users."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.permissions import SAFE_METHODS
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.examples import INVALID_CREDENTIALS
from accounts.permissions import IsAdmin, IsNotService
from catalog import services
from catalog.queries import products
from catalog.serializers.examples import INSUFFICIENT_FUNDS
from legacy.history import MAX_TRANSACTIONS, own_postings
from legacy.requests import CredentialsRequest, login_of
from legacy.shop import serializers
from legacy.sign_in import LegacyLoginView, LegacyTokens, created
from legacy.users import MAX_LISTED, SHOP_SERVICES, ListedUser, account_answer, user_with_accounts
from legacy.views import LegacyView, OldAddress, optionally_idempotent
from payments.users import queries
from payments.users import services as users


class ShopLoginView(LegacyLoginView):
    addresses = {"POST": OldAddress(SHOP_SERVICES, "POST /api/v1/auth/login")}
    shapes = {"POST": CredentialsRequest}

    @extend_schema(
        operation_id="legacy_shop_login",
        tags=["shop"],
        summary="Log in",
        description="With the login or the email. Not before the activation link was opened.",
        request=CredentialsRequest,
        responses={200: LegacyTokens, 401: INVALID_CREDENTIALS},
    )
    def post(self, request: Request) -> Response:
        return self.log_in(request, self.checked(request))


class ShopMeView(LegacyView):
    addresses = {"GET": OldAddress(SHOP_SERVICES, "GET /api/v1/users/me?include=wallets,transactions")}

    @extend_schema(
        operation_id="legacy_shop_me",
        tags=["shop"],
        summary="Who I am, all my bills, and my history",
        description=f"The newest {MAX_TRANSACTIONS} transactions, with a line for each bill that they touched.",
        responses=serializers.ShopMe,
    )
    def get(self, request: Request) -> Response:  # noqa: ARG002
        with queries.one_moment():
            wallets = queries.own_wallets(self.user)
            lines = [serializers.bill_line_answer(one) for one in own_postings(self.user)]
        bills = [account_answer(wallet) for wallet in wallets]
        me = user_with_accounts(self.user, wallets) | {"login": login_of(self.user.email)}
        return Response(me | {"bills": bills, "transactions": lines})


class UserSwitchView(LegacyView):
    permission_classes = (IsAdmin,)
    addresses = {"PUT": OldAddress(SHOP_SERVICES, "POST /api/v1/users/{id}/enable or /disable")}
    shapes = {"PUT": serializers.UserSwitch}

    @extend_schema(
        operation_id="legacy_shop_switch_user",
        tags=["shop"],
        summary="Switch a user on or off (admin)",
        description="The tokens of a user who is switched off end at once. Money still arrives.",
        request=serializers.UserSwitch,
        responses=ListedUser,
    )
    def put(self, request: Request, pk: int) -> Response:
        user = users.change_user(user_id=pk, staff=self.user, **self.checked(request))
        return Response(user_with_accounts(user, queries.wallets_of([user.pk]).get(user.pk, [])))


class _ProductsView(LegacyView):
    def get_permissions(self) -> list[Any]:
        return [IsNotService()] if self.request.method in SAFE_METHODS else [IsAdmin()]


class LegacyProductsView(_ProductsView):
    addresses = {
        "GET": OldAddress(SHOP_SERVICES, "GET /api/v1/products"),
        "POST": OldAddress(SHOP_SERVICES, "POST /api/v1/products"),
    }
    shapes = {"POST": serializers.NewLegacyProduct}
    location = "/api/v1/products/{id}"

    @extend_schema(
        operation_id="legacy_shop_products_list",
        tags=["shop"],
        summary="What is on sale",
        description=f"The first {MAX_LISTED}, oldest first. Admins see archived products too.",
        responses=serializers.LegacyProduct(many=True),
    )
    def get(self, request: Request) -> Response:  # noqa: ARG002
        on_sale = products.visible_to(self.user).order_by("pk")[:MAX_LISTED]
        return Response([serializers.legacy_product_answer(product) for product in on_sale])

    @extend_schema(
        operation_id="legacy_shop_products_create",
        tags=["shop"],
        summary="Add a product (admin)",
        description="In the default currency unless another is named.",
        request=serializers.NewLegacyProduct,
        responses={201: serializers.LegacyProduct},
    )
    def post(self, request: Request) -> Response:
        product = services.create_product(by=self.user, **self.checked(request))
        return created(serializers.legacy_product_answer(product))


class LegacyProductView(_ProductsView):
    addresses = {
        method: OldAddress(SHOP_SERVICES, f"{method} /api/v1/products/{{id}}")
        for method in ("GET", "PUT", "PATCH", "DELETE")
    }
    shapes = {"PUT": serializers.LegacyProductChange, "PATCH": serializers.LegacyProductChange}

    @extend_schema(
        operation_id="legacy_shop_products_retrieve",
        tags=["shop"],
        summary="One product",
        description="An archived one only for admins.",
        responses=serializers.LegacyProduct,
    )
    def get(self, request: Request, pk: int) -> Response:  # noqa: ARG002
        return Response(serializers.legacy_product_answer(products.visible_to(self.user).get(pk=pk)))

    @extend_schema(
        operation_id="legacy_shop_products_replace",
        tags=["shop"],
        summary="Change a product (admin)",
        description="What is left out stays.",
        request=serializers.LegacyProductChange,
        responses=serializers.LegacyProduct,
    )
    def put(self, request: Request, pk: int) -> Response:
        product = services.change_product(product_id=pk, by=self.user, **self.checked(request))
        return Response(serializers.legacy_product_answer(product))

    @extend_schema(
        operation_id="legacy_shop_products_change",
        tags=["shop"],
        summary="Change a product (admin)",
        description="The same as PUT.",
        request=serializers.LegacyProductChange,
        responses=serializers.LegacyProduct,
    )
    def patch(self, request: Request, pk: int) -> Response:
        return self.put(request, pk)

    @extend_schema(
        operation_id="legacy_shop_products_delete",
        tags=["shop"],
        summary="Delete a product (admin)",
        description="One that was sold is archived instead.",
        responses={200: serializers.ProductDeleted},
    )
    def delete(self, request: Request, pk: int) -> Response:  # noqa: ARG002
        services.delete_product(product_id=pk, by=self.user)
        return Response({"message": "Product deleted successfully"})


class LegacyBuyView(LegacyView):
    addresses = {"POST": OldAddress(SHOP_SERVICES, "POST /api/v1/purchases")}
    shapes = {"POST": serializers.LegacyPurchaseRequest}
    location = "/api/v1/purchases/{id}"

    @extend_schema(
        operation_id="legacy_shop_buy",
        tags=["shop"],
        summary="Buy",
        description="At the price of this moment. Without a bill, the first one that has enough pays.",
        request=serializers.LegacyPurchaseRequest,
        responses={201: serializers.LegacyPurchase, 409: INSUFFICIENT_FUNDS},
    )
    @optionally_idempotent
    def post(self, request: Request) -> Response:
        data = self.checked(request)
        purchase = services.buy(user_id=self.user.pk, wallet_id=data.pop("bill_id", None), **data)
        return created(serializers.legacy_purchase_answer(purchase))
