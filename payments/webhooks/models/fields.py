"""Columns of secrets."""

from typing import Any

from django.conf import settings
from django.core.validators import MaxLengthValidator
from django.db import models
from django.utils.functional import cached_property

from api.model_fields import FrozenField
from payments.webhooks.encryption import Undecryptable, decrypt, encrypt


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
