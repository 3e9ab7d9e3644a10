"""Query parameters that are not understood are refused: a misspelt filter must not show everything."""

from collections.abc import Collection
from typing import Any

from django.db.models import QuerySet
from django.http import QueryDict
from django_filters.rest_framework import DjangoFilterBackend
from rest_framework.exceptions import ErrorDetail, ValidationError
from rest_framework.request import Request
from rest_framework.views import APIView

PAGE_PARAMETERS = ("cursor", "limit")


class StrictFilterBackend(DjangoFilterBackend):  # type: ignore[misc]  # django-filter has no types
    """Filters lists; refuses parameters that the filterset, the pages and the view's `query_parameters` lack.

    A single object (`view.detail`) is never filtered, and knows only the view's own parameters.
    """

    def filter_queryset(self, request: Request, queryset: QuerySet[Any], view: APIView) -> QuerySet[Any]:
        own = tuple(getattr(view, "query_parameters", ()))
        if getattr(view, "detail", False):
            refuse_unknown_parameters(request.query_params, own)
            return queryset
        filterset = self.get_filterset_class(view, queryset)
        filters = tuple(filterset.base_filters) if filterset else ()
        refuse_unknown_parameters(request.query_params, (*filters, *PAGE_PARAMETERS, *own))
        filtered: QuerySet[Any] = super().filter_queryset(request, queryset, view)
        return filtered


class StrictQueryMixin:
    """For views without a queryset: refuses every query parameter but the view's `query_parameters`."""

    query_parameters: Collection[str] = ()

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)  # type: ignore[misc]  # the APIView it is mixed into
        refuse_unknown_parameters(request.query_params, self.query_parameters)


def refuse_unknown_parameters(given: QueryDict, known: Collection[str]) -> None:
    """Raise ValidationError naming each parameter that is unknown, empty, or given twice."""
    errors = {}
    for name, values in given.lists():
        if name not in known:
            errors[name] = ErrorDetail("This parameter is not known here.", code="unknown_parameter")
        elif len(values) > 1:
            errors[name] = ErrorDetail("This parameter is given more than once.", code="repeated_parameter")
        elif not values[0]:
            errors[name] = ErrorDetail("This parameter has no value.", code="blank")
    if errors:
        raise ValidationError(errors)
