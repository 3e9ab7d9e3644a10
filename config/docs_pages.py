"""Pages for people: the index, /docs, /redoc, the list of errors. None loads anything from elsewhere."""

from functools import cache
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from drf_spectacular import renderers
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.views import SpectacularAPIView, SpectacularRedocView, SpectacularSwaggerSplitView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from config.problems.fields import FIELD_CODES
from config.problems.table import every_problem

# The bundles ask for a logo and a badge on other hosts: the browser is told not to.
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "font-src 'self' data:; connect-src 'self'; worker-src blob:; child-src blob:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


class SchemaView(SpectacularAPIView):
    """The OpenAPI document: JSON, or YAML by Accept or `?format=yaml`. Made once for each process."""

    renderer_classes = [
        renderers.OpenApiJsonRenderer2,
        renderers.OpenApiJsonRenderer,
        renderers.OpenApiYamlRenderer2,
        renderers.OpenApiYamlRenderer,
    ]

    def _get_schema_response(self, request: Request) -> Response:  # noqa: ARG002
        return Response(schema_document(), headers={"Content-Disposition": 'inline; filename="till-openapi"'})


@cache
def schema_document() -> dict[str, Any]:
    generator: Any = SchemaGenerator
    document: dict[str, Any] = generator().get_schema(request=None, public=True)
    return document


class WithoutTheInternet(APIView):
    """Adds the content security policy to a documentation page."""

    def finalize_response(self, *args: Any, **kwargs: Any) -> Response:
        response = super().finalize_response(*args, **kwargs)
        response.headers["Content-Security-Policy"] = CONTENT_SECURITY_POLICY
        return response


class SwaggerView(WithoutTheInternet, SpectacularSwaggerSplitView):
    """Swagger UI."""


class RedocView(WithoutTheInternet, SpectacularRedocView):
    """Redoc, without the web fonts of its original page."""

    template_name = "redoc.html"


def index(request: HttpRequest) -> HttpResponse:
    return _page(request, "index.html", {})


def errors(request: HttpRequest) -> HttpResponse:
    """Every code, from the one table, and the codes of fields."""
    return _page(request, "errors.html", {"problems": every_problem(), "fields": FIELD_CODES.items()})


def _page(request: HttpRequest, template: str, context: dict[str, Any]) -> HttpResponse:
    page = render(request, template, context)
    page.headers["Content-Security-Policy"] = CONTENT_SECURITY_POLICY
    return page
