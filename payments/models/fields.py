"""Columns: money, and types with a rule about each value.

Those types are PostgreSQL's domains (migrations/sql). It reads the rule of a type once in a session, and the CHECKs of
a table anew for each statement, which cost a webhook alone an eighth of its time. So in the tables that every webhook
writes, a rule about one value stands with the value's type, and one about several with the table.

In expressions a domain's field stands before a plain one: Coalesce takes the type of the first. ArrayAgg of one would
be read as text.
"""

from typing import Any

from django.conf import settings
from django.core.validators import MaxLengthValidator
from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.utils.functional import cached_property

from accounts.fields import FrozenField
from payments.encryption import Undecryptable, decrypt, encrypt
from payments.money import DECIMAL_PLACES, MAX_DIGITS


class MoneyField(FrozenField, models.DecimalField):  # type: ignore[type-arg] # generic in the stubs only
    """numeric(38,10): every amount and balance, in every currency."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs["max_digits"] = MAX_DIGITS
        kwargs["decimal_places"] = DECIMAL_PLACES
        super().__init__(*args, **kwargs)


class _OfDomain(FrozenField):
    """A type that the guards' SQL gives to the column: migrations know it as the type that the domain is made of."""

    def __init__(self, *args: Any, domain: str, **kwargs: Any) -> None:
        self.domain = domain
        super().__init__(*args, **kwargs)

    def clone(self) -> Any:
        _, _, args, kwargs = self.deconstruct()
        return type(self)(*args, **kwargs, domain=self.domain)

    def db_type(self, connection: BaseDatabaseWrapper) -> str:  # noqa: ARG002
        return self.domain


class MoneyOfDomain(_OfDomain, MoneyField):
    """numeric(38,10) with the domain's rule."""


class NumberOfDomain(_OfDomain, models.BigIntegerField):  # type: ignore[type-arg]
    """bigint with the domain's rule."""


class TextOfDomain(_OfDomain, models.CharField):  # type: ignore[type-arg]
    """varchar with the domain's rule."""


class EncryptedField(FrozenField, models.TextField):  # type: ignore[type-arg]
    """Text that PostgreSQL holds encrypted with the first of TILL_ENCRYPTION_KEYS; an empty text stays empty.

    Loaded, it is empty where no key fits, so that staff can still open the page and give a new one (till.E015 and
    payments.services look at what stands there itself). No query can look for a value: each encryption differs.
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
