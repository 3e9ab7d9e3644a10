"""Every address. The API's are under /api/v1, without a trailing slash."""

from django.conf import settings
from django.contrib import admin
from django.urls import include, path, re_path
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_safe
from django.views.generic import RedirectView
from django.views.i18n import set_language

import accounts.urls
import catalog.urls
import legacy.urls
import payments.urls
from accounts.views.staff_pages import ForgottenPasswordDonePage, ForgottenPasswordPage
from config import docs_pages
from config.server import health, metrics_page

api = [
    *accounts.urls.urlpatterns,
    *payments.urls.urlpatterns,
    *catalog.urls.urlpatterns,
    path("schema", docs_pages.SchemaView.as_view(), name="schema"),
]

FAVICON = "drf_spectacular_sidecar/swagger-ui-dist/favicon-32x32.png"

urlpatterns = [
    path("", csrf_exempt(require_safe(docs_pages.index)), name="index"),
    re_path(r"^api/v1/?$", csrf_exempt(require_safe(RedirectView.as_view(pattern_name="docs")))),
    path("api/v1/", include(api)),
    *payments.urls.fixed_urlpatterns,
    path("admin/language/", set_language, name="set_language"),
    path("admin/password_reset/", ForgottenPasswordPage.as_view(), name="admin_password_reset"),
    path("admin/password_reset/done/", ForgottenPasswordDonePage.as_view(), name="admin_password_reset_done"),
    path("admin/", admin.site.urls),
    path("docs", docs_pages.SwaggerView.as_view(), name="docs"),
    path("docs/swagger", RedirectView.as_view(pattern_name="docs")),
    path("docs/legacy", docs_pages.LegacySwaggerView.as_view(), name="legacy-docs"),
    path("docs/legacy/schema", docs_pages.LegacySchemaView.as_view(), name="legacy-schema"),
    path("docs/errors", csrf_exempt(require_safe(docs_pages.errors)), name="errors"),
    path("favicon.ico", RedirectView.as_view(url=settings.STATIC_URL + FAVICON)),
    path("redoc", docs_pages.RedocView.as_view(), name="redoc"),
    path("health/live", csrf_exempt(require_safe(health.live)), name="live"),
    path("health/ready", csrf_exempt(require_safe(health.ready)), name="ready"),
    path("metrics", csrf_exempt(require_safe(metrics_page.metrics)), name="metrics"),
    *legacy.urls.urlpatterns,
    *legacy.urls.with_slash,
]

# Django's own errors: the same answers as everybody's.
handler400 = "config.problems.handlers.bad_request"
handler403 = "config.problems.handlers.permission_denied"
handler404 = "config.problems.handlers.page_not_found"
handler500 = "config.problems.handlers.server_error"
