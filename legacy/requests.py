"""What requests to the old addresses hold: the names that old clients use, and nothing that is unknown or unclear."""

from collections.abc import Mapping
from typing import IO, Any, ClassVar
from urllib.parse import parse_qsl

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.utils.translation import gettext as _
from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail, ParseError, ValidationError
from rest_framework.parsers import BaseParser

from accounts.serializers import AddressField, CodeField, PasswordField
from accounts.validators import EMAIL_MAX_LENGTH, FULL_NAME_MAX_LENGTH
from api.fields import FlagField, IdField, PlainTextField
from api.parsers import MAX_MEMBERS, UnreadableField
from api.serializers import RequestSerializer

#: Where the addresses of users end who registered with a login that is no address: a domain that never exists.
LOGIN_ADDRESS_END = "@login.invalid"
EMAIL_ALIASES = ("login", "username")
NAME_ALIASES = ("name", "fullname")
_MAX_DIGITS = 19
_MAX_NAME_LENGTH = 100
_FLAGS = {"true": True, "1": True, "false": False, "0": False}


class LegacyRequest(RequestSerializer):
    """The members of a request. `aliases` are other names of a member, of which a request uses one."""

    aliases: ClassVar[Mapping[str, tuple[str, ...]]] = {}

    @classmethod
    def known_names(cls) -> set[str]:
        """Return every name that a request may use."""
        return {*cls().fields, *(alias for names in cls.aliases.values() for alias in names)}

    def to_internal_value(self, data: Any) -> Any:
        return super().to_internal_value(self._renamed(data) if isinstance(data, Mapping) else data)

    def _renamed(self, data: Mapping[str, Any]) -> dict[str, Any]:
        renamed = dict(data)
        for name, others in self.aliases.items():
            given = [one for one in (name, *others) if one in renamed]
            if len(given) > 1:
                detail = _("One of these names: %(names)s.") % {"names": ", ".join(given)}
                raise ValidationError({one: ErrorDetail(detail, code="exactly_one") for one in given})
            if given:
                renamed[name] = renamed.pop(given[0])
        return renamed


class StrictFormParser(BaseParser):
    """The fields of a form, each once, as texts: what FastAPI's clients send to log in."""

    media_type = "application/x-www-form-urlencoded"

    def parse(
        self,
        stream: IO[Any],
        media_type: str | None = None,  # noqa: ARG002
        parser_context: Mapping[str, Any] | None = None,  # noqa: ARG002
    ) -> dict[str, str]:
        """Raise RequestDataTooBig, or ParseError naming what is wrong."""
        limit = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
        body = stream.read(limit + 1)
        if len(body) > limit:
            raise RequestDataTooBig
        try:
            pairs = parse_qsl(body.decode("ascii"), keep_blank_values=True, max_num_fields=MAX_MEMBERS, errors="strict")
        except ValueError:
            raise ParseError(_("The body is not a form.")) from None
        fields: dict[str, str] = {}
        for name, value in pairs:
            if name in fields or len(name) > _MAX_NAME_LENGTH:
                raise UnreadableField(
                    _("A field is given twice, or its name is too long."), field=name[:_MAX_NAME_LENGTH]
                )
            if "\0" in name + value:
                raise ParseError(_("The body holds a NUL character."))
            fields[name] = value
        return fields


class LooseIdField(IdField):
    """An id as a JSON integer, or as the digits that an address or a form has."""

    def to_internal_value(self, data: Any) -> int:
        if isinstance(data, str) and data.isascii() and data.isdigit() and len(data) <= _MAX_DIGITS:
            data = int(data)
        return super().to_internal_value(data)


class LooseFlagField(FlagField):
    """true or false, as JSON or as the text that an address or a form has."""

    def to_internal_value(self, data: Any) -> bool:
        if isinstance(data, str):
            data = _FLAGS.get(data.lower(), data)
        return super().to_internal_value(data)


def address_of(login: str) -> str:
    """Return the email of a login. One without `@` has an address in a domain that never exists."""
    return login if "@" in login else f"{login.strip()}{LOGIN_ADDRESS_END}"


def login_of(email: str) -> str:
    """Return what its user registered with: the email, or the login that it was made of."""
    return email.removesuffix(LOGIN_ADDRESS_END)


class LoginNameField(AddressField):
    """The email of a new user, or a login that becomes one."""

    def to_internal_value(self, data: Any) -> str:
        return address_of(super().to_internal_value(data))


class NewPasswordField(PasswordField):
    """Judged by the service, which knows the rules that hold."""


class NameField(PlainTextField):
    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_length=FULL_NAME_MAX_LENGTH, allow_blank=True, **kwargs)


class OAuthField(PlainTextField):
    def __init__(self, **kwargs: Any) -> None:
        super().__init__(
            max_length=EMAIL_MAX_LENGTH, required=False, allow_blank=True, help_text="Does nothing.", **kwargs
        )


class CredentialsRequest(LegacyRequest):
    aliases = {"email": EMAIL_ALIASES}

    # Whether it is an address at all is not told, as in `POST /api/v1/auth/login`.
    email = PlainTextField(max_length=EMAIL_MAX_LENGTH, help_text="Or `login`, or `username`.")
    password = PasswordField()
    code = CodeField(required=False, help_text="Where a second factor is on: of the authenticator, or to recover.")
    #: What OAuth's clients add to a form, mostly empty. Nothing of it counts.
    grant_type = serializers.ChoiceField(choices=["password"], required=False, allow_blank=True)
    scope = OAuthField()
    client_id = OAuthField()
    client_secret = OAuthField(write_only=True)
