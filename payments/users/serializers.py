"""The shapes of users with what they hold."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from accounts.models import Role, User
from accounts.serializers import AddressField, PasswordField, UserSerializer
from accounts.validators import FULL_NAME_MAX_LENGTH, PASSWORD_MIN_LENGTH
from api.fields import FlagField, PlainTextField
from api.serializers import RequestSerializer
from payments.ledger.serializers.transactions import TransactionSerializer
from payments.ledger.serializers.wallets import WalletSerializer
from payments.users.balances import pending_members, pending_orders
from payments.users.queries import MAX_WALLETS, NEWEST_TRANSACTIONS

SOME_WALLETS = f"At most {MAX_WALLETS} of them; `GET wallets` has all."


class MeSerializer(UserSerializer):
    """What `include` adds is absent without it."""

    wallets = WalletSerializer(many=True, required=False, help_text=SOME_WALLETS)
    transactions = TransactionSerializer(
        many=True, required=False, help_text=f"The newest {NEWEST_TRANSACTIONS}; `GET transactions` has all."
    )

    class Meta(UserSerializer.Meta):
        fields = (*UserSerializer.Meta.fields, "wallets", "transactions")
        read_only_fields = UserSerializer.Meta.fields


class UserWithWalletsSerializer(serializers.ModelSerializer[User]):
    """`context["wallets"]` holds the wallets by the id of their owner."""

    wallets = serializers.SerializerMethodField(help_text=SOME_WALLETS)

    class Meta:
        model = User
        fields: tuple[str, ...] = ("id", "email", "full_name", "role", "is_active", "created_at", "wallets")
        read_only_fields = fields

    @extend_schema_field(WalletSerializer(many=True))
    def get_wallets(self, user: User) -> Any:
        return WalletSerializer(self.context["wallets"].get(user.pk, []), many=True).data


class PendingOrdersSerializer(serializers.Serializer[Any]):
    """A sum of pending orders."""

    kind = serializers.ChoiceField(choices=["deposit", "withdrawal"])
    currency = serializers.CharField()
    count = serializers.IntegerField()
    amount = serializers.CharField(help_text="Of all of them, commission included.")


class UserDetailSerializer(UserWithWalletsSerializer):
    """A single user, with pending orders."""

    pending_orders = serializers.SerializerMethodField(
        help_text="Deposits and withdrawals that nobody has settled, a sum for each kind and currency."
    )

    class Meta(UserWithWalletsSerializer.Meta):
        fields = (*UserWithWalletsSerializer.Meta.fields, "pending_orders")
        read_only_fields = fields

    @extend_schema_field(PendingOrdersSerializer(many=True))
    def get_pending_orders(self, user: User) -> Any:
        return pending_members(pending_orders(user.pk))


class CreatedUserSerializer(UserDetailSerializer):
    activation_url = serializers.SerializerMethodField(
        help_text="For a user who is to activate himself; null where he is active, or where it is only mailed."
    )

    class Meta(UserDetailSerializer.Meta):
        fields = (*UserDetailSerializer.Meta.fields, "activation_url")
        read_only_fields = fields

    @extend_schema_field({"type": ["string", "null"], "format": "uri"})
    def get_activation_url(self, user: User) -> str | None:  # noqa: ARG002
        url: str | None = self.context["activation_url"]
        return url


class UserWriteSerializer(RequestSerializer):
    """A whole user: a name that is left out is emptied; role, state and password stay as they are when left out."""

    email = AddressField()
    full_name = PlainTextField(max_length=FULL_NAME_MAX_LENGTH, allow_blank=True, default="")
    password = PasswordField(
        min_length=PASSWORD_MIN_LENGTH, required=False, help_text="A new one, which ends all tokens of the user."
    )
    role = serializers.ChoiceField(choices=Role.choices, required=False)
    is_active = FlagField(required=False, help_text="false ends all tokens of a user who was active.")


class NewUserSerializer(UserWriteSerializer):
    password = PasswordField(
        min_length=PASSWORD_MIN_LENGTH,
        allow_null=True,
        default=None,
        help_text="Without one the user cannot sign in until staff sets one in /admin.",
    )
    role = serializers.ChoiceField(choices=Role.choices, default=Role.USER)
    is_active = FlagField(default=True, help_text="false makes an activation link, mailed as after registering.")
