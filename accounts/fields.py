"""Columns with rules about text."""

from typing import TYPE_CHECKING

from django.core.validators import validate_email
from django.db import models

from accounts.validators import validate_ascii_email
from api.model_fields import FrozenField
from api.plain_text import validate_plain_text

if TYPE_CHECKING:  # generic in the stubs only
    CharField = models.CharField[str, str]
    EmailField = models.EmailField[str, str]
else:
    CharField, EmailField = models.CharField, models.EmailField


class PlainTextColumn(FrozenField, CharField):
    """One line of text without control characters."""

    default_validators = [validate_plain_text]


class AsciiEmailField(FrozenField, EmailField):
    default_validators = [validate_email, validate_ascii_email, validate_plain_text]
