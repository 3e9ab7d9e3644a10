"""Query parameters that are not understood are refused: a misspelt filter must not show everything."""

from collections.abc import Collection
from typing import Any

from django.db.models import QuerySet
from django.http import QueryDict
from django.utils.translation import gettext as _
from django_filters.rest_framework import DjangoFilterBackend
from drf_spectacular.utils import OpenApiParameter
from rest_framework.exceptions import ErrorDetail, ValidationError
from rest_framework.permissions import SAFE_METHODS
from rest_framework.request import Request
from rest_framework.views import APIView

PAGE_PARAMETERS = ("cursor", "limit")


class StrictFilterBackend(DjangoFilterBackend):  # type: ignore[misc]  # django-filter has no types
    """Filters lists; refuses parameters that the filterset, the pages and the view's `query_parameters` lack.

    A single object (`view.detail`) is never filtered, and knows only the view's own parameters. Those that the view
    has in its `list_parameters` may be repeated.
    """

    def filter_queryset(self, request: Request, queryset: QuerySet[Any], view: APIView) -> QuerySet[Any]:
        own = tuple(getattr(view, "query_parameters", ()))
        if getattr(view, "detail", False):
            refuse_unknown_parameters(request.query_params, own, repeatable=getattr(view, "list_parameters", ()))
            return queryset
        filterset = self.get_filterset_class(view, queryset)
        lists = filterset and request.method in SAFE_METHODS
        filters = tuple(filterset.parameters(request.query_params)) if lists else ()
        known, repeatable = (*filters, *PAGE_PARAMETERS, *own), getattr(view, "list_parameters", ())
        refuse_unknown_parameters(request.query_params, known, repeatable=repeatable)
        filtered: QuerySet[Any] = super().filter_queryset(request, queryset, view)
        return filtered


class StrictQueryMixin:
    """For views without a queryset: refuses every query parameter but the view's `query_parameters`."""

    query_parameters: Collection[str] = ()

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)  # type: ignore[misc]  # the APIView it is mixed into
        refuse_unknown_parameters(request.query_params, self.query_parameters)


def list_parameter(name: str, choices: Collection[str], description: str) -> OpenApiParameter:
    """Describe a parameter of several values: repeated, or with commas between."""
    items = {"type": "string", "enum": list(choices)}
    return OpenApiParameter(
        name,
        {"type": "array", "items": items},
        style="form",
        explode=True,
        description=f"{description} Repeat it, or put commas between the values.",
    )


def listed(given: QueryDict, name: str, choices: Collection[str]) -> set[str]:
    """Return the values of a parameter of several. Raises ValidationError for one that is no choice."""
    values = {value for text in given.getlist(name) for value in text.split(",")}
    if values - set(choices):
        raise ValidationError(
            {name: ErrorDetail(_("Knows %(choices)s.") % {"choices": ", ".join(choices)}, code="invalid_choice")}
        )
    return values


def refuse_unknown_parameters(given: QueryDict, known: Collection[str], *, repeatable: Collection[str] = ()) -> None:
    """Raise ValidationError naming each parameter that is unknown, empty, or given twice."""
    errors = {}
    for name, values in given.lists():
        if name not in known:
            errors[name] = ErrorDetail(_("This parameter is not known here."), code="unknown_parameter")
        elif len(values) > 1 and name not in repeatable:
            errors[name] = ErrorDetail(_("This parameter is given more than once."), code="repeated_parameter")
        elif not all(values):
            errors[name] = ErrorDetail(_("This parameter has no value."), code="blank")
    if errors:
        raise ValidationError(errors)
