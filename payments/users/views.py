"""Users: who I am, with what I hold; and all users, for admins."""

from collections.abc import Iterable
from typing import Any, cast

from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_view
from rest_framework import status
from rest_framework.decorators import action
from rest_framework.generics import GenericAPIView
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from accounts import services as accounts
from accounts.models import User
from accounts.permissions import HasRole, IsAdmin
from accounts.serializers import ProfileSerializer, user_answer
from api import etags
from api.locations import Located
from api.path_parameters import ID, ID_PATTERN
from api.query_parameters import list_parameter, listed
from api.validation import checked, refuse_members
from api.versions import digest
from payments.idempotency.dry_run import is_set
from payments.ledger.serializers.transactions import TransactionSerializer
from payments.ledger.serializers.wallets import WalletSerializer
from payments.users import examples, queries, serializers, services

INCLUDABLE = ("wallets", "transactions")
INCLUDE = list_parameter("include", INCLUDABLE, "What to add; without it `wallets` and `transactions` are absent.")


FORCE = OpenApiParameter("force", bool, description="`true`: delete a user who has money or pending orders, too.")


class StrictView(Located, GenericAPIView[User]):
    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Refuse unknown query parameters, of what writes as well."""
        super().initial(request, *args, **kwargs)
        self.filter_queryset(User.objects.none())

    @property
    def user(self) -> User:
        return cast("User", self.request.user)


class MeView(StrictView):
    permission_classes = (HasRole,)
    detail = True
    query_parameters = list_parameters = ("include",)

    @extend_schema(
        operation_id="users_me",
        tags=["users"],
        summary="Who am I",
        description="The user of the token. Wallets and the newest transactions come along if you ask for them.",
        parameters=[INCLUDE],
        responses=serializers.MeSerializer,
        examples=examples.ME,
    )
    def get(self, request: Request) -> Response:
        return self._user_response(self.user, _included(request))

    @extend_schema(
        operation_id="users_me_update",
        tags=["users"],
        summary="Change my name",
        description="Only `full_name` can be changed here; anything else is refused.",
        parameters=[INCLUDE],
        request=ProfileSerializer,
        responses=serializers.MeSerializer,
        examples=examples.ME_UPDATED,
    )
    def patch(self, request: Request) -> Response:
        included = _included(request)
        body = checked(ProfileSerializer, request)
        return self._user_response(accounts.update_user(user=self.user, **body), included)

    def _user_response(self, user: User, included: set[str]) -> Response:
        answer = user_answer(user)
        if included:
            answer |= _money(user, included)
        return Response(answer)


def _money(user: User, included: set[str]) -> dict[str, Any]:
    """The balances and what led to them are of one moment."""
    members = {}
    with queries.one_moment():
        if "wallets" in included:
            members["wallets"] = WalletSerializer(queries.own_wallets(user), many=True).data
        if "transactions" in included:
            members["transactions"] = TransactionSerializer(queries.newest_transactions(user), many=True).data
    return members


def _included(request: Request) -> set[str]:
    """Return what `include` asks for. Raises ValidationError naming the parameter."""
    return listed(request.query_params, "include", INCLUDABLE)


@extend_schema(tags=["users"], responses=serializers.UserDetailSerializer)
@extend_schema_view(
    list=extend_schema(
        operation_id="users_list",
        summary="Everybody (admin)",
        description="Newest first, with wallets.",
        responses=serializers.UserWithWalletsSerializer(many=True),
        examples=examples.USER,
    ),
    create=extend_schema(
        operation_id="users_create",
        summary="Add a user (admin)",
        description="Active at once, unless `is_active` is false: then with an activation link. Only here a user is "
        "made a service or an admin.",
        parameters=[etags.ETAG],
        request=serializers.NewUserSerializer,
        responses={201: serializers.CreatedUserSerializer, 409: examples.CONFLICT},
        examples=examples.USER_CREATED,
    ),
    retrieve=extend_schema(
        operation_id="users_retrieve",
        summary="One user (admin)",
        description="With wallets and balances. A balance that moves makes another `ETag`, but `If-Match` compares only"
        " what admins edit.",
        parameters=[ID, etags.IF_NONE_MATCH, etags.ETAG],
        responses={200: serializers.UserDetailSerializer, 304: etags.NOT_MODIFIED},
        examples=examples.USER_DETAIL,
    ),
    update=extend_schema(
        operation_id="users_replace",
        summary="Replace a user's email, name, role and state, or set a password (admin)",
        description="A name that is left out is emptied; role, state and password stay as they are when left out. A"
        " password ends all tokens of the user.",
        parameters=[ID, etags.IF_MATCH, etags.ETAG],
        request=serializers.UserWriteSerializer,
        responses={200: serializers.UserDetailSerializer, 409: examples.CONFLICT, 412: etags.STALE},
        examples=examples.USER_REPLACED,
    ),
    partial_update=extend_schema(
        operation_id="users_change",
        summary="Change a user (admin)",
        description="What is left out stays as it is.",
        parameters=[ID, etags.IF_MATCH, etags.ETAG],
        request=serializers.UserWriteSerializer(partial=True),
        responses={200: serializers.UserDetailSerializer, 409: examples.CONFLICT, 412: etags.STALE},
        examples=examples.USER_CHANGED,
    ),
    destroy=extend_schema(
        operation_id="users_delete",
        summary="Delete a user (admin)",
        description="One without history is gone, with the empty wallets. Of one with history the id stays, for the "
        "books: email, name and password are scrubbed and the user is disabled for ever. The latter is safe to repeat. "
        "409 `user_has_money`, with `balances` and `pending_orders`, unless `force=true`: then it is noted.",
        parameters=[ID, FORCE, etags.IF_MATCH],
        responses={204: None, 409: examples.CONFLICT, 412: etags.STALE},
    ),
)
class UserViewSet(StrictView, GenericViewSet[User]):
    permission_classes = (IsAdmin,)
    lookup_value_regex = ID_PATTERN
    queryset = User.objects.all()
    serializer_class = serializers.UserWithWalletsSerializer
    filterset_class = queries.UserFilters

    def list(self, request: Request) -> Response:  # noqa: ARG002
        page = self.paginate_queryset(self.filter_queryset(self.get_queryset())) or []
        serializer = serializers.UserWithWalletsSerializer(page, many=True, context=_wallets(page))
        return self.get_paginated_response(serializer.data)

    def create(self, request: Request) -> Response:
        body = checked(serializers.NewUserSerializer, request)
        created = services.create_user(staff=self.user, base_url=request.build_absolute_uri("/"), **body)
        context = {**_wallets([created.user]), "activation_url": created.activation_url}
        answer = serializers.CreatedUserSerializer(created.user, context=context).data
        members = {name: value for name, value in answer.items() if name != "activation_url"}
        return etags.versioned(answer, _version(created.user, members), status.HTTP_201_CREATED, keep=False)

    def retrieve(self, request: Request, pk: str) -> Response:
        user = self.get_queryset().filter(pk=pk).first()
        if user is None:
            raise accounts.UnknownUser(_("There is no user %(user_id)s.") % {"user_id": pk})
        data = _user_data(user)
        return etags.unless_current(request, data, _version(user, data), keep=False)

    def update(self, request: Request, pk: str) -> Response:
        return self._change(request, pk, partial=False)

    def partial_update(self, request: Request, pk: str) -> Response:
        return self._change(request, pk, partial=True)

    def _change(self, request: Request, pk: str, *, partial: bool) -> Response:
        shape = serializers.UserWriteSerializer(data=request.data, partial=partial)
        shape.is_valid(raise_exception=True)
        return _user_response(
            services.change_user(user_id=int(pk), staff=self.user, **_expected(request), **shape.validated_data)
        )

    @property
    def query_parameters(self) -> tuple[str, ...]:
        return ("force",) if self.action == "destroy" else ()

    def destroy(self, request: Request, pk: str) -> Response:
        refuse_members(request)
        services.delete_user(user_id=int(pk), staff=self.user, force=is_set(request, "force"), **_expected(request))
        return Response(status=status.HTTP_204_NO_CONTENT)

    @extend_schema(
        operation_id="users_enable",
        summary="Let a user act again (admin)",
        description="Activated or not: you vouch for the address. Safe to repeat.",
        parameters=[ID, etags.IF_MATCH, etags.ETAG],
        request=None,
        responses={200: serializers.UserDetailSerializer, 409: examples.CONFLICT, 412: etags.STALE},
        examples=examples.USER_DETAIL,
    )
    @action(detail=True, methods=["post"])
    def enable(self, request: Request, pk: str) -> Response:
        refuse_members(request)
        return _user_response(services.enable_user(user_id=int(pk), staff=self.user, **_expected(request)))

    @extend_schema(
        operation_id="users_disable",
        summary="Switch a user off (admin)",
        description="All tokens end at once, an unused activation link is void, money still arrives. Safe to repeat. "
        "`wallets` and `pending_orders` say what is still there.",
        parameters=[ID, etags.IF_MATCH, etags.ETAG],
        request=None,
        responses={200: serializers.UserDetailSerializer, 409: examples.CONFLICT, 412: etags.STALE},
        examples=examples.USER_DETAIL,
    )
    @action(detail=True, methods=["post"])
    def disable(self, request: Request, pk: str) -> Response:
        refuse_members(request)
        return _user_response(services.disable_user(user_id=int(pk), staff=self.user, **_expected(request)))


def _wallets(users: Iterable[User]) -> dict[str, Any]:
    """Return the context that the serializers of users need."""
    return {"wallets": queries.wallets_of([user.pk for user in users])}


def _expected(request: Request) -> Any:
    return {"if_version": etags.expected_versions(request)}


def _user_data(user: User) -> Any:
    return serializers.UserDetailSerializer(user, context=_wallets([user])).data


def _version(user: User, data: Any) -> str:
    """Return what admins edit as one part, which If-Match compares, and all that is shown as the other."""
    return f"{services.user_version(user)}.{digest(JSONRenderer().render(data).decode())}"


def _user_response(user: User) -> Response:
    data = _user_data(user)
    return etags.versioned(data, _version(user, data), keep=False)
