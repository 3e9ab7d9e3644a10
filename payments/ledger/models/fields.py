"""Columns: money, and types with a rule about each value.

Those types are PostgreSQL's domains (migrations/sql). PostgreSQL reads the rule of a type once in a session, and the
CHECKs of a table anew for each statement, which cost a single webhook an eighth of its time. So in the tables that
every webhook writes, a rule about one value stands with its type, and a rule about several values with the table.

In expressions a domain's field stands before a plain one: Coalesce takes the type of the first. ArrayAgg of one would
be read as text.
"""

from typing import Any

from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper

from api.model_fields import FrozenField
from payments.money import DECIMAL_PLACES, MAX_DIGITS


class MoneyField(FrozenField, models.DecimalField):  # type: ignore[type-arg] # generic in the stubs only
    """numeric(38,10): every amount and balance, in every currency."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs["max_digits"] = MAX_DIGITS
        kwargs["decimal_places"] = DECIMAL_PLACES
        super().__init__(*args, **kwargs)


class _DomainField(FrozenField):
    """A type that the guards' SQL gives to the column: migrations know it as the type that the domain is made of."""

    def __init__(self, *args: Any, domain: str, **kwargs: Any) -> None:
        self.domain = domain
        super().__init__(*args, **kwargs)

    def clone(self) -> Any:
        _, _, args, kwargs = self.deconstruct()
        return type(self)(*args, **kwargs, domain=self.domain)

    def db_type(self, connection: BaseDatabaseWrapper) -> str:  # noqa: ARG002
        return self.domain


class MoneyDomainField(_DomainField, MoneyField):
    """numeric(38,10) with the domain's rule."""


class NumberDomainField(_DomainField, models.BigIntegerField):  # type: ignore[type-arg]
    """bigint with the domain's rule."""


class TextDomainField(_DomainField, models.CharField):  # type: ignore[type-arg]
    """varchar with the domain's rule."""
