"""As lean as Django can be: no middleware, no sessions, connections that stay open."""

import os

import dj_database_url  # type: ignore[import-not-found]  # in the peer's environment only

SECRET_KEY = "of no use: nothing is signed with it"
USE_TZ = True
ALLOWED_HOSTS = ["127.0.0.1"]
INSTALLED_APPS = [
    "django.contrib.contenttypes",
    "django.contrib.auth",
    "mptt",
    "djmoney",
    "hordak",
    "rest_framework",
    "rest_framework.authtoken",
    "benchmarks.peers.hordak.apps.WebhooksConfig",
]
MIDDLEWARE: list[str] = []
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["rest_framework.authentication.TokenAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
}
ROOT_URLCONF = "benchmarks.peers.hordak.urls"
DATABASES = {"default": dj_database_url.parse(os.environ["DATABASE_URL"], conn_max_age=None)}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
DEFAULT_CURRENCY = HORDAK_INTERNAL_CURRENCY = "USD"
HORDAK_CURRENCIES = CURRENCIES = ["USD"]
HORDAK_DECIMAL_PLACES = 2
HORDAK_MAX_DIGITS = 20
