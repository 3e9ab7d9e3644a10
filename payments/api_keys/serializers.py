"""The shapes of API keys."""

from typing import Any

from rest_framework import serializers

from accounts.key_scopes import Scope
from accounts.models import ApiKey
from api.fields import IdField, PlainTextField
from api.moment_fields import MomentInputField
from api.serializers import RequestSerializer
from payments.api_keys.services import MAX_NETWORKS

NAME_MAX_LENGTH, NETWORK_MAX_LENGTH = 100, 43


class ApiKeySerializer(serializers.ModelSerializer[ApiKey]):
    user = serializers.IntegerField(source="user_id", read_only=True, help_text="The service whose key it is.")
    prefix = serializers.CharField(read_only=True, help_text="The part of the key that logs and staff know it by.")
    scopes = serializers.ListField(child=serializers.CharField(), read_only=True)
    networks = serializers.ListField(
        child=serializers.CharField(), read_only=True, help_text="Where it may be used from; empty: from everywhere."
    )
    created_by = serializers.IntegerField(source="created_by_id", read_only=True)
    last_used_at = serializers.DateTimeField(read_only=True, allow_null=True, help_text="Exact to a minute.")

    class Meta:
        model = ApiKey
        fields: tuple[str, ...] = (
            "id", "user", "name", "prefix", "scopes", "networks", "created_by", "created_at", "expires_at",
            "revoked_at", "last_used_at",
        )  # fmt: skip
        read_only_fields = fields


class NewApiKeySerializer(ApiKeySerializer):
    key = serializers.SerializerMethodField(help_text="The key itself. It is in no other answer: keep it now.")

    class Meta(ApiKeySerializer.Meta):
        fields = (*ApiKeySerializer.Meta.fields, "key")
        read_only_fields = fields

    def get_key(self, key: ApiKey) -> str:  # noqa: ARG002
        return str(self.context["text"])


class ApiKeyWriteSerializer(RequestSerializer):
    user = IdField(source="user_id", help_text="A user with the role service.")
    name = PlainTextField(max_length=NAME_MAX_LENGTH, help_text="What it is for.")
    scopes = serializers.ListField(
        child=serializers.ChoiceField(choices=Scope.values), allow_empty=False, max_length=len(Scope.values)
    )
    networks = serializers.ListField(
        child=PlainTextField(max_length=NETWORK_MAX_LENGTH),
        max_length=MAX_NETWORKS,
        default=list,
        help_text="CIDR blocks or addresses; empty: from everywhere.",
    )
    expires_at = MomentInputField(default=None, allow_null=True, help_text="Without end when it is missing.")


def new_key_answer(key: ApiKey, text: str) -> dict[str, Any]:
    return dict(NewApiKeySerializer(key, context={"text": text}).data)
