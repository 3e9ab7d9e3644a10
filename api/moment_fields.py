"""Times as requests write them."""

from datetime import datetime
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from api.filters import MomentField

LAST_YEAR = 9000  # PostgreSQL knows later ones, Python's calendar ends before theirs


@extend_schema_field(OpenApiTypes.DATETIME)
class MomentInputField(serializers.Field[datetime, Any, str, datetime]):
    """A moment as RFC 3339 writes it, with its offset."""

    default_error_messages = {"invalid": _("An RFC 3339 time such as 2026-01-31T12:00:00Z.")}

    def to_internal_value(self, data: Any) -> datetime:
        try:
            moment = MomentField().to_python(data) if isinstance(data, str) else None
            if moment is None or not 1 < moment.year < LAST_YEAR:
                self.fail("invalid")
        except forms.ValidationError:
            self.fail("invalid")
        return moment
