"""The shapes of what accounts reads and answers."""

from collections.abc import Iterable, Mapping
from typing import Any

from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail, ValidationError

from accounts.models import User
from accounts.validators import (
    EMAIL_MAX_LENGTH,
    FULL_NAME_MAX_LENGTH,
    PASSWORD_MAX_LENGTH,
    PASSWORD_MIN_LENGTH,
    validate_plain_text,
)

TOKEN_MAX_LENGTH = 2048
MAX_UNKNOWN_NAMED = 20
#: Members of a body that stand elsewhere in a request.
_ELSEWHERE = {
    "dryrun": "It goes into the address: `?dry_run=true`.",
    "idempotencykey": "It goes into the header `Idempotency-Key`.",
}


class RequestSerializer(serializers.Serializer[Any]):
    """What a request's body holds. A member that it does not know is refused by name, never dropped."""

    def to_internal_value(self, data: Any) -> Any:
        unknown = self.refused_members(data) if isinstance(data, Mapping) else {}
        try:
            value = super().to_internal_value(data)
        except ValidationError as error:
            if unknown and isinstance(error.detail, dict):
                raise ValidationError({**unknown, **error.detail}) from None
            raise
        if unknown:
            raise ValidationError(unknown)
        return value

    def refused_members(self, data: Mapping[str, Any]) -> dict[str, ErrorDetail]:
        return unknown_members(data, self.fields)


def unknown_members(given: Iterable[str], known: Iterable[str] = ()) -> dict[str, ErrorDetail]:
    """Return an error for each member that is not known, at most for the first twenty."""
    names = set(known)
    unknown = [name for name in given if name not in names][:MAX_UNKNOWN_NAMED]
    return {name: ErrorDetail(_advice(name, names), code="unknown_field") for name in unknown}


def _advice(name: str, known: set[str]) -> str:
    """Say what may have been meant: `expectedPrice` is `expected_price`, and a dry run is asked for elsewhere."""
    bare = _bare(name)
    if meant := next((other for other in known if _bare(other) == bare), None):
        return f"This field is not known here; did you mean `{meant}`?"
    return f"This field is not known here. {_ELSEWHERE.get(bare, '')}".rstrip()


def _bare(name: str) -> str:
    return name.replace("_", "").replace("-", "").lower()


class PlainTextField(serializers.CharField):
    """Text that was sent as text (a number is refused) and holds no control characters."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.validators.append(validate_plain_text)

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            self.fail("invalid")
        text = super().to_internal_value(data)
        if self.max_length and len(text) > self.max_length:  # before each character is looked at
            self.fail("max_length", max_length=self.max_length)
        return text


class AddressField(PlainTextField, serializers.EmailField):
    """An email address; the model's own rules come on top when it is stored."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_length=EMAIL_MAX_LENGTH, **kwargs)


class PasswordField(PlainTextField):
    """A password: never answered, never trimmed, its length bounded before anything hashes it."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(write_only=True, trim_whitespace=False, max_length=PASSWORD_MAX_LENGTH, **kwargs)


class UserSerializer(serializers.ModelSerializer[User]):
    class Meta:
        model = User
        fields: tuple[str, ...] = ("id", "email", "full_name", "role", "is_active")
        read_only_fields = fields


class ProfileSerializer(RequestSerializer):
    full_name = PlainTextField(max_length=FULL_NAME_MAX_LENGTH, allow_blank=True, required=False)


class RegistrationSerializer(RequestSerializer):
    email = AddressField()
    password = PasswordField(min_length=PASSWORD_MIN_LENGTH)
    full_name = PlainTextField(max_length=FULL_NAME_MAX_LENGTH, allow_blank=True, default="")


class RegisteredSerializer(serializers.Serializer[Any]):
    user = UserSerializer()
    activation_url = serializers.URLField(
        allow_null=True, help_text="null where this service only mails the link, as in production."
    )


class ActivatedSerializer(serializers.Serializer[Any]):
    user = UserSerializer()
    status = serializers.ChoiceField(choices=["activated", "already_active"])


class ResendSerializer(RequestSerializer):
    email = AddressField()


class LoginSerializer(RequestSerializer):
    # Whether it is an address at all is not told: what nobody registered is answered like a wrong password.
    email = PlainTextField(max_length=EMAIL_MAX_LENGTH)
    password = PasswordField()


class TokenPairSerializer(serializers.Serializer[Any]):
    access = serializers.CharField(help_text="A JWT; send it as `Authorization: Bearer <access>`.")
    refresh = serializers.CharField(help_text="Good once, for `auth/refresh`, or to log out.")


class RefreshSerializer(RequestSerializer):
    refresh = PlainTextField(max_length=TOKEN_MAX_LENGTH)


class PasswordChangeSerializer(RequestSerializer):
    current_password = PasswordField()
    new_password = PasswordField(min_length=PASSWORD_MIN_LENGTH)
