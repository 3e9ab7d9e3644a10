"""The shapes of what accounts reads and answers."""

from typing import Any

from rest_framework import serializers

from accounts.models import TokenFamily, User
from accounts.validators import EMAIL_MAX_LENGTH, FULL_NAME_MAX_LENGTH, PASSWORD_MAX_LENGTH, PASSWORD_MIN_LENGTH
from api.fields import PlainTextField
from api.serializers import RequestSerializer

TOKEN_MAX_LENGTH = 2048
CODE_MAX_LENGTH = 40


class AddressField(PlainTextField, serializers.EmailField):
    """An email address; the model's own rules come on top when it is stored."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_length=EMAIL_MAX_LENGTH, **kwargs)


class PasswordField(PlainTextField):
    """A password: never answered, never trimmed, its length bounded before anything hashes it."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(write_only=True, trim_whitespace=False, max_length=PASSWORD_MAX_LENGTH, **kwargs)


class CodeField(PlainTextField):
    """A code of an authenticator, or a recovery code, however it is grouped."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(write_only=True, max_length=CODE_MAX_LENGTH, **kwargs)


def user_answer(user: User) -> dict[str, Any]:
    return {
        "id": user.pk,
        "email": user.email,
        "full_name": user.full_name,
        "role": str(user.role),
        "is_active": user.is_active,
    }


class UserSerializer(serializers.ModelSerializer[User]):
    class Meta:
        model = User
        fields: tuple[str, ...] = ("id", "email", "full_name", "role", "is_active")
        read_only_fields = fields

    def to_representation(self, instance: User) -> dict[str, Any]:
        return user_answer(instance)


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


class PasswordResetRequestSerializer(RequestSerializer):
    email = AddressField()


class PasswordResetSerializer(RequestSerializer):
    new_password = PasswordField(min_length=PASSWORD_MIN_LENGTH)


class EmailChangeSerializer(RequestSerializer):
    current_password = PasswordField()
    new_email = AddressField()


class LoginSerializer(RequestSerializer):
    # Whether it is an address at all is not told: what nobody registered is answered like a wrong password.
    email = PlainTextField(max_length=EMAIL_MAX_LENGTH)
    password = PasswordField()
    code = CodeField(required=False, help_text="Where a second factor is on: of the authenticator, or to recover.")


class TokenPairSerializer(serializers.Serializer[Any]):
    access = serializers.CharField(help_text="A JWT; send it as `Authorization: Bearer <access>`.")
    refresh = serializers.CharField(help_text="Good for one new pair by `auth/refresh`, or to log out.")


class RefreshSerializer(RequestSerializer):
    refresh = PlainTextField(max_length=TOKEN_MAX_LENGTH)


class SessionSerializer(serializers.ModelSerializer[TokenFamily]):
    last_used_at = serializers.DateTimeField(help_text="The login, or the latest `auth/refresh`.")
    user_agent = serializers.CharField(help_text="What the program called itself then, cut to 200 characters.")
    address = serializers.IPAddressField(allow_null=True, help_text="Where that came from.")
    expires_at = serializers.DateTimeField(help_text="When it ends unless it is refreshed.")
    current = serializers.SerializerMethodField(help_text="Whether this request belongs to it.")

    class Meta:
        model = TokenFamily
        fields = ("id", "created_at", "last_used_at", "expires_at", "user_agent", "address", "current")
        read_only_fields = fields

    def get_current(self, session: TokenFamily) -> bool:
        return bool(session.pk == self.context["request"].user.login_id)


class PasswordChangeSerializer(RequestSerializer):
    current_password = PasswordField()
    new_password = PasswordField(min_length=PASSWORD_MIN_LENGTH)


class SecondFactorSerializer(serializers.Serializer[Any]):
    enabled = serializers.BooleanField()
    since = serializers.DateTimeField(allow_null=True)
    recovery_codes_left = serializers.IntegerField()


class OwnPasswordSerializer(RequestSerializer):
    password = PasswordField()


class FirstCodeSerializer(RequestSerializer):
    code = CodeField()


class SecondFactorProofSerializer(RequestSerializer):
    password = PasswordField()
    code = CodeField(help_text="Of the authenticator, or a recovery code.")


class EnrolmentSerializer(serializers.Serializer[Any]):
    secret = serializers.CharField(help_text="For typing it into the authenticator (base32).")
    otpauth_uri = serializers.CharField(help_text="The same for a link or a QR code of your own.")
    qr_svg = serializers.CharField(help_text="The address as an `<svg>` element, dark on white.")


class RecoveryCodesSerializer(serializers.Serializer[Any]):
    recovery_codes = serializers.ListField(
        child=serializers.CharField(), help_text="Shown this once. Each takes the place of one code, once."
    )
