"""What every column type of ours shares, and columns of secrets."""

from typing import Any

from django.conf import settings
from django.core.validators import MaxLengthValidator
from django.db import models
from django.utils.functional import cached_property

from api.encryption import Undecryptable, decrypt, encrypt


class FrozenField:
    """Mixed into a field: migrations name the Django field that it extends.

    So no migration imports code that may change, and a rule about values can change without a migration. What a field
    adds in the database, such as a domain, is said by the migrations' SQL.
    """

    def deconstruct(self) -> Any:
        name, _, args, kwargs = super().deconstruct()  # type: ignore[misc] # it is mixed into a Field
        extended = next(kind for kind in type(self).__mro__ if kind.__module__.startswith("django.db.models."))
        return name, f"django.db.models.{extended.__name__}", args, kwargs


class EncryptedField(FrozenField, models.TextField):  # type: ignore[type-arg]
    """Text that PostgreSQL holds encrypted with the first of TILL_ENCRYPTION_KEYS; an empty text stays empty.

    Where no key fits, it is empty when loaded, so that staff can still open the page and give a new one. What needs to
    know (till.E015, payments.webhooks.services) reads the column itself. No query can look for a value: each encryption
    differs.
    """

    @cached_property
    def validators(self) -> list[Any]:
        """Django leaves the length of a long text to its forms."""
        return [*super().validators, MaxLengthValidator(self.max_length)]

    def from_db_value(self, value: str | None, *_: Any) -> str | None:
        try:
            return decrypt(value, settings.TILL_ENCRYPTION_KEYS) if value else value
        except Undecryptable:
            return ""

    def get_prep_value(self, value: Any) -> Any:
        prepared = super().get_prep_value(value)
        return encrypt(prepared, settings.TILL_ENCRYPTION_KEYS) if isinstance(prepared, str) and prepared else prepared
