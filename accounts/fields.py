"""Columns with rules about text, and what every column type of ours shares."""

from typing import TYPE_CHECKING, Any

from django.core.validators import validate_email
from django.db import models

from accounts.validators import validate_ascii_email
from api.plain_text import validate_plain_text

if TYPE_CHECKING:  # generic in the stubs only
    CharField = models.CharField[str, str]
    EmailField = models.EmailField[str, str]
else:
    CharField, EmailField = models.CharField, models.EmailField


class FrozenField:
    """Mixed into a field: migrations name the Django field that it extends.

    So no migration imports code that may change, and a rule about values can change without a migration. What a field
    adds in the database, such as a domain, is said by the migrations' SQL.
    """

    def deconstruct(self) -> Any:
        name, _, args, kwargs = super().deconstruct()  # type: ignore[misc] # it is mixed into a Field
        extended = next(kind for kind in type(self).__mro__ if kind.__module__.startswith("django.db.models."))
        return name, f"django.db.models.{extended.__name__}", args, kwargs


class PlainTextColumn(FrozenField, CharField):
    """One line of text without control characters."""

    default_validators = [validate_plain_text]


class AsciiEmailField(FrozenField, EmailField):
    default_validators = [validate_email, validate_ascii_email, validate_plain_text]
