"""Columns of money, and columns whose type has a rule about each value.

Such a type is a domain of PostgreSQL's (migrations/sql). PostgreSQL reads a domain's rules once in a session, but a
table's CHECKs for each statement. In the tables that every webhook writes, CHECKs cost a single webhook an eighth of
its time. So there a rule about one value belongs to a domain, and a rule about several values to the table.

In an expression the field of a domain comes before a plain one, because Coalesce takes the type of the first. ArrayAgg
of a domain would be read as text.
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
    """The migrations' SQL gives the column this domain, or another type. To Django's migrations it is a plain field."""

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


class JsonDomainField(_DomainField, models.JSONField):
    """jsonb with the domain's rules."""
