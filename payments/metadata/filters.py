"""`?reference=` and `?metadata[key]=`: only documents to which exactly this was attached."""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.utils.translation import gettext as _
from django_filters import rest_framework as filters
from drf_spectacular.utils import extend_schema_field

from api.filters import Filter, FilterSet
from api.plain_text import validate_plain_text
from payments.metadata.members import KEY_PATTERN, MAX_KEYS, REFERENCE_MAX_LENGTH, VALUE_MAX_LENGTH, Metadata
from payments.metadata.serializers import METADATA_SCHEMA

_PARAMETER = re.compile(rf"metadata\[({KEY_PATTERN})\]", re.ASCII)


def _given(names: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Yield the parameters that name a key, each with its key."""
    for name in names:
        if match := _PARAMETER.fullmatch(name):
            yield name, match[1]


class _Parameters(forms.Widget):
    def value_from_datadict(self, data: Mapping[str, Any], files: Any, name: str) -> Metadata:  # noqa: ARG002
        return {key: data[parameter] for parameter, key in _given(data)}


class MetadataFormField(forms.Field):
    widget = _Parameters

    def to_python(self, value: Any) -> Metadata | None:
        if len(value) > MAX_KEYS:
            raise ValidationError(_("There are at most %(count)s keys.") % {"count": MAX_KEYS}, code="too_many_keys")
        for text in value.values():
            if len(text) > VALUE_MAX_LENGTH:
                raise ValidationError(
                    _("A value has at most %(count)s characters.") % {"count": VALUE_MAX_LENGTH},
                    code="max_length",
                )
            validate_plain_text(text)
        return value or None


@extend_schema_field(METADATA_SCHEMA | {"description": "Only with these texts in its metadata: `metadata[key]=value`."})
class MetadataFilter(Filter):
    field_class = MetadataFormField

    def __init__(self) -> None:
        super().__init__(field_name="metadata", lookup_expr="contains")

    def parameters(self, given: Iterable[str]) -> list[str]:
        return [name for name, _ in _given(given)]


class MetadataFilters(FilterSet):
    """For lists of one user's own documents, or of everybody's for those who may see them all."""

    reference = filters.CharFilter(
        max_length=REFERENCE_MAX_LENGTH,
        strip=False,
        validators=[validate_plain_text],
        method="of_reference",
        label="Only with exactly this reference.",
    )
    metadata = MetadataFilter()

    def of_reference(self, queryset: QuerySet[Any], name: str, value: str) -> QuerySet[Any]:  # noqa: ARG002
        return queryset.filter(reference=value)
