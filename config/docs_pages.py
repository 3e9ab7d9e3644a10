"""Pages for people: the index, /docs, /redoc, the list of errors. None loads anything from elsewhere."""

import hashlib
from dataclasses import dataclass
from functools import cache
from threading import Lock
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import translation
from drf_spectacular import renderers
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.settings import patched_settings
from drf_spectacular.views import SpectacularAPIView, SpectacularRedocView, SpectacularSwaggerSplitView
from rest_framework.renderers import BaseRenderer, JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from api.etags import is_current
from config.openapi import legacy_document
from config.problems.field_codes import FIELD_CODES
from config.problems.table import every_problem

# The bundles ask for a logo and a badge on other hosts: the browser is told not to.
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "font-src 'self' data:; connect-src 'self'; worker-src blob:; child-src blob:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


class SchemaView(SpectacularAPIView):
    """The OpenAPI document: JSON, or YAML by Accept or `?format=yaml`. Made once for each process."""

    metadata_class = None
    describes_old_addresses = False
    renderer_classes = [
        renderers.OpenApiJsonRenderer2,
        renderers.OpenApiJsonRenderer,
        renderers.OpenApiYamlRenderer2,
        renderers.OpenApiYamlRenderer,
    ]

    def _get_schema_response(self, request: Request) -> HttpResponse:  # bytes, as they are kept
        renderer = request.accepted_renderer
        document = stored_document(type(renderer), self.describes_old_addresses)
        headers = {"ETag": document.etag, "Cache-Control": "no-cache"}
        if is_current(request, document.etag):
            return HttpResponse(status=304, headers=headers)
        kind = f"{renderer.media_type}; charset={renderer.charset}" if renderer.charset else renderer.media_type
        headers |= {"Content-Type": kind, "Content-Disposition": 'inline; filename="till-openapi"'}
        return HttpResponse(document.body, headers=headers)


class LegacySchemaView(SchemaView):
    """The document of other services' addresses."""

    describes_old_addresses = True


@dataclass(frozen=True)
class StoredDocument:
    body: bytes
    etag: str


_render_lock = Lock()
_stored: dict[tuple[type[BaseRenderer], bool], StoredDocument] = {}


def stored_document(renderer: type[BaseRenderer], describes_old_addresses: bool = False) -> StoredDocument:
    """Return the document as this renderer writes it, made once: the generator is not for two threads at a time."""
    with _render_lock:
        kind = renderer, describes_old_addresses
        if kind not in _stored:
            # Its JSON is indented, which makes it three times as long. To read the document, take YAML.
            writer = JSONRenderer() if issubclass(renderer, JSONRenderer) else renderer()
            document = legacy_schema_document() if describes_old_addresses else schema_document()
            written = writer.render(document, None, {})
            body = written if isinstance(written, bytes) else written.encode()
            _stored[kind] = StoredDocument(body, f'"{hashlib.sha256(body).hexdigest()[:32]}"')
        return _stored[kind]


def store_documents() -> None:
    """Make the OpenAPI documents in all their forms: nobody's request waits for one, and no two make it at once."""
    for renderer in SchemaView.renderer_classes:
        stored_document(renderer)
        if settings.TILL_LEGACY:
            stored_document(renderer, describes_old_addresses=True)


@cache
def schema_document() -> dict[str, Any]:
    generator: Any = SchemaGenerator
    with translation.override("en"):
        document: dict[str, Any] = generator().get_schema(request=None, public=True)
    return document


@cache
def legacy_schema_document() -> dict[str, Any]:
    generator: Any = SchemaGenerator
    with patched_settings(legacy_document.SETTINGS), translation.override("en"):
        document: dict[str, Any] = generator(urlconf=legacy_document.URLCONF).get_schema(request=None, public=True)
    return document


class OfflinePage(APIView):
    """Adds the content security policy to a documentation page. It has no OPTIONS, which would describe an API."""

    metadata_class = None

    def finalize_response(self, *args: Any, **kwargs: Any) -> Response:
        response = super().finalize_response(*args, **kwargs)
        response.headers["Content-Security-Policy"] = CONTENT_SECURITY_POLICY
        return response


class SwaggerView(OfflinePage, SpectacularSwaggerSplitView):
    """Swagger UI."""


class LegacySwaggerView(SwaggerView):
    """The same for other services' addresses."""

    url_name = "legacy-schema"
    title = legacy_document.SETTINGS["TITLE"]


class RedocView(OfflinePage, SpectacularRedocView):
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
