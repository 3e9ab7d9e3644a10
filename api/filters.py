"""Filters of lists: query parameters, read strictly, each error naming its parameter."""

import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django_filters import rest_framework as filters
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field

from api.fields import MAX_ID

_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)", re.ASCII | re.IGNORECASE)
_DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_ID = re.compile(r"[1-9][0-9]{0,18}", re.ASCII)
_DIGITS = re.compile(r"[0-9]{1,19}", re.ASCII)
_CURRENCY = re.compile(r"[A-Z][A-Z0-9]{2,9}", re.ASCII)
#: What every `to` says.
UP_TO = "Only before this time (RFC 3339), or up to and including this day."


class MomentField(forms.Field):
    """A moment as RFC 3339 writes it, with its offset; or a day (UTC), of which an end is the end.

    It is in UTC: PostgreSQL knows no offset of 16 hours or more. One that UTC has no date for is refused.
    """

    def __init__(self, *, is_end: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.is_end = is_end

    def to_python(self, value: str | None) -> datetime | None:
        if not value:
            return None
        try:
            if _MOMENT.fullmatch(value):
                return datetime.fromisoformat(value.upper()).astimezone(UTC)
            if _DAY.fullmatch(value):
                return datetime.fromisoformat(f"{value}T00:00:00Z") + timedelta(days=self.is_end)
        except (ValueError, OverflowError):
            pass
        raise forms.ValidationError(
            _(
                "A day such as 2026-01-31, or an RFC 3339 time such as 2026-01-31T12:00:00Z"
                " (a plus sign has to be URL-encoded)."
            ),
            "invalid",
        )


class IdFormField(forms.Field):
    def to_python(self, value: str | None) -> int | None:
        if not value:
            return None
        if number := id_or_none(value):
            return number
        raise forms.ValidationError(_("A whole number from 1 to %(maximum)s.") % {"maximum": MAX_ID}, "invalid")


def id_or_none(text: str) -> int | None:
    """Return the id that the text is, in canonical form, or None."""
    return int(text) if _ID.fullmatch(text) and int(text) <= MAX_ID else None


class CountField(forms.IntegerField):
    """Digits and nothing else, where Django would also read "+5", "5.0", " 5 " and other alphabets."""

    def to_python(self, value: str | None) -> int | None:
        if value and not _DIGITS.fullmatch(value):
            raise forms.ValidationError(self.error_messages["invalid"], "invalid")
        return super().to_python(value)


class CurrencyField(forms.Field):
    def to_python(self, value: str | None) -> str | None:
        if not value or _CURRENCY.fullmatch(value):
            return value or None
        raise forms.ValidationError(_("A currency's code in capital letters, such as USD."), "invalid")


class Filter(filters.Filter):  # type: ignore[misc]  # django-filter has no types
    """What the filters of our own fields share."""


class FilterSet(filters.FilterSet):  # type: ignore[misc]  # django-filter has no types
    """What our sets of filters share."""

    @classmethod
    def parameters(cls, given: Iterable[str]) -> Iterator[str]:
        """Yield the parameters that are understood. A filter may have its own, of those that are given."""
        for name, each in cls.base_filters.items():
            yield from each.parameters(given) if hasattr(each, "parameters") else (name,)


@extend_schema_field(OpenApiTypes.DATETIME)
class MomentFilter(Filter):
    field_class = MomentField


@extend_schema_field({"type": "integer", "format": "int64", "minimum": 1})
class IdFilter(Filter):
    field_class = IdFormField


@extend_schema_field({"type": "string", "example": "USD"})
class CurrencyFilter(Filter):
    field_class = CurrencyField
