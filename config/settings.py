"""Every setting of Till, read from the environment only (docs/operations.md lists them).

`TILL_DEBUG=1` is development mode: generated secrets, the embedded database, the demo users. Django's own
DEBUG stays off in every mode (docs/decisions/0005): its HTML error pages and query log would make the demo
lie about errors and speed. A value that cannot be understood ends the process with one line that names the
variable; a dangerous combination is a system check (config/checks.py).
"""

import secrets
from datetime import timedelta
from pathlib import Path
from typing import Any

from corsheaders.defaults import default_headers

from config import secret_files
from config.environment import Environment
from config.openapi_settings import SPECTACULAR_SETTINGS as SPECTACULAR_SETTINGS
from legacy import directory

BASE_DIR = Path(__file__).resolve().parent.parent
env = Environment()
DAY_SECONDS, YEAR_SECONDS = 24 * 3600, 365 * 24 * 3600

# --- mode ---------------------------------------------------------------------------------------------------
TILL_DEBUG = env.flag("TILL_DEBUG", False)
TILL_DATA = Path(env.text("TILL_DATA", str(BASE_DIR / "var"))).resolve()
DEBUG = False
PORT = env.number("PORT", 8000, minimum=1, maximum=65535)

# --- secrets: given in production, generated once under TILL_DATA in development ----------------------------
TILL_SECRET_KEY = env.text("TILL_SECRET_KEY", "") or secret_files.development_secret(
    "secret_key", TILL_DEBUG, TILL_DATA
)
# Django does not run without any key, and so neither would the checks that say which settings are missing.
SECRET_KEY = TILL_SECRET_KEY or secrets.token_urlsafe(48)
TILL_JWT_KEY = env.text("TILL_JWT_KEY", "") or secret_files.development_secret("jwt_key", TILL_DEBUG, TILL_DATA)
# Newest first: the first encrypts, each decrypts (manage.py rotate_secrets). The key of sessions is always the last of
# them. So an installation without a key works, and one that gets its first key later still finds its secrets.
TILL_ENCRYPTION_KEYS = [
    *(
        env.names("TILL_ENCRYPTION_KEYS", default=[])
        or filter(None, [secret_files.development_secret("encryption_key", TILL_DEBUG, TILL_DATA)])
    ),
    *filter(None, [TILL_SECRET_KEY]),
]

# --- where we are reached -----------------------------------------------------------------------------------
ALLOWED_HOSTS = env.names("TILL_ALLOWED_HOSTS", default=["localhost", "127.0.0.1", "[::1]"] if TILL_DEBUG else [])
TILL_PUBLIC_URL = env.text("TILL_PUBLIC_URL", f"http://127.0.0.1:{PORT}" if TILL_DEBUG else "").rstrip("/")
CSRF_TRUSTED_ORIGINS = env.origins("TILL_CSRF_TRUSTED_ORIGINS", wildcards=True)
CORS_ALLOW_HEADERS = (*default_headers, "idempotency-key", "if-match", "if-none-match")
CORS_EXPOSE_HEADERS = ("ETag", "Idempotent-Replayed", "Location", "Retry-After", "X-Request-ID")
CORS_ALLOWED_ORIGINS = env.origins("TILL_CORS_ORIGINS")
TILL_TRUSTED_PROXIES = env.number("TILL_TRUSTED_PROXIES", 0, minimum=0, maximum=16)

INSTALLED_APPS = [
    "config.admin_app.StaffAppConfig",  # django.contrib.admin, with our front page
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    "rest_framework",
    "django_filters",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "corsheaders",
    "config.admin_app.SignInFailuresConfig",
    "accounts",
    "payments",
    "catalog",
    "config",
]

MIDDLEWARE = [
    "config.server.request_log.RequestLogMiddleware",
    "config.server.security_log.SecurityLogMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "config.server.response_headers.ResponseHeadersMiddleware",
    "corsheaders.middleware.CorsMiddleware",
    "config.server.languages.LanguageMiddleware",
    "config.problems.ProblemMiddleware",
    "config.server.staff_middleware.StaffSessionMiddleware",
    "config.server.allowed_hosts.HostMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "config.server.staff_middleware.StaffAuthenticationMiddleware",
    "config.server.staff_middleware.StaffMessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "axes.middleware.AxesMiddleware",
    "config.server.streams.StreamMiddleware",  # the last: what it refuses has the headers of all the above
]

ROOT_URLCONF = "config.urls"
#: A team's own texts, looked for before ours.
TILL_TEMPLATES = env.text("TILL_TEMPLATES", "")
WSGI_APPLICATION = "config.wsgi.application"
APPEND_SLASH = True
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [*filter(None, [TILL_TEMPLATES]), BASE_DIR / "config" / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
            "libraries": {"staff_lists": "staff.list_tags"},  # of lists; staff is no app
        },
    },
    {
        "NAME": "mail",  # plain text: nothing in it is HTML
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [*filter(None, [TILL_TEMPLATES])],
        "OPTIONS": {
            "autoescape": False,
            # Without a cache: whoever mends a text need not restart anything.
            "loaders": ["django.template.loaders.filesystem.Loader", "django.template.loaders.app_directories.Loader"],
        },
    },
]

# --- database -----------------------------------------------------------------------------------------------
DATABASE_URL = env.text("DATABASE_URL", "")
TILL_DB_POOL_SIZE = env.number("TILL_DB_POOL_SIZE", 8, minimum=0, maximum=256)
#: What stands between Till and PostgreSQL, and what it keeps: docs/decisions/0027.
TILL_POOLER = env.choice("TILL_POOLER", "none", ("none", "session", "transaction", "transaction-prepared"))
# PostgreSQL takes 0 for no limit at all, and one request could then hold up everybody.
HOUR_MS = 3_600_000
#: How each session of PostgreSQL's must be, as pg_settings writes it. Times are in milliseconds.
SESSION_SETTINGS = {
    "lock_timeout": str(env.number("TILL_LOCK_TIMEOUT_MS", 5_000, minimum=10, maximum=HOUR_MS)),
    "statement_timeout": str(env.number("TILL_STATEMENT_TIMEOUT_MS", 30_000, minimum=100, maximum=HOUR_MS)),
    "idle_in_transaction_session_timeout": str(
        env.number("TILL_IDLE_IN_TRANSACTION_TIMEOUT_MS", 30_000, minimum=100, maximum=HOUR_MS)
    ),
    "default_transaction_isolation": "read committed",
    # By default PostgreSQL compiles long statements, each time: over a second for one that takes 1 ms.
    "jit": "off",
    "DateStyle": "ISO, YMD",
    "IntervalStyle": "postgres",
    "TimeZone": "UTC",
}
POOLS_TRANSACTIONS = TILL_POOLER in ("transaction", "transaction-prepared")


def _database() -> dict[str, Any]:
    if DATABASE_URL:
        return env.database("DATABASE_URL") | {"ENGINE": "config.database"}
    from config import embedded_postgres

    role = env.choice("TILL_EMBEDDED_ROLE", "owner", ("owner", "service"))
    return embedded_postgres.connection_settings(TILL_DATA, as_service=role == "service")


DATABASES: dict[str, dict[str, Any]] = {"default": _database()}
DATABASES["default"]["SESSION"] = None if POOLS_TRANSACTIONS else SESSION_SETTINGS
DATABASES["default"].setdefault("OPTIONS", {})
DATABASES["default"].setdefault("CONN_HEALTH_CHECKS", True)
DATABASES["default"]["OPTIONS"].setdefault("connect_timeout", 5)
# The committer's, which it keeps; its thread's, for what goes wrong; and one for each
# of config.server.webhook_endpoint's two threads.
WEBHOOK_CONNECTIONS = 4
# Of the requests of the API that the event loop answers: one that writes, one that reads.
API_CONNECTIONS = 2
MAIL_CONNECTIONS = 1  # of the thread that sends queued mail
# Threads of each worker for requests that hash a password, each with a connection.
PASSWORD_THREADS = 1
if TILL_DB_POOL_SIZE:
    DATABASES["default"]["OPTIONS"].setdefault(
        "pool",
        {
            "min_size": 1,
            "max_size": TILL_DB_POOL_SIZE
            + (WEBHOOK_CONNECTIONS + API_CONNECTIONS + MAIL_CONNECTIONS + PASSWORD_THREADS),
            # Seconds that a request waits for a connection before it gets 503.
            "timeout": 2,
            # The pool's pauses between attempts double. If it gives up soon, the next request makes it try again. By
            # its default of 300 seconds it would still be pausing long after PostgreSQL is back.
            "reconnect_timeout": 1,
        },
    )
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# --- users --------------------------------------------------------------------------------------------------
AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["axes.backends.AxesStandaloneBackend", "django.contrib.auth.backends.ModelBackend"]
PASSWORD_HASHERS = [
    "accounts.hashers.OwaspArgon2PasswordHasher",
    "accounts.hashers.NormalizingPBKDF2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
TILL_ACTIVATION = env.choice("TILL_ACTIVATION", "link", ("link", "none"))
TILL_RETURN_ACTIVATION_LINK = env.flag("TILL_RETURN_ACTIVATION_LINK", TILL_DEBUG)
TILL_MAIL_ACTIVATION_LINK = env.flag("TILL_MAIL_ACTIVATION_LINK", True)
TILL_ACTIVATION_LINK_SECONDS = env.number(
    "TILL_ACTIVATION_LINK_SECONDS", 3 * 24 * 3600, minimum=60, maximum=YEAR_SECONDS
)
TILL_PASSWORD_RESET_LINK_SECONDS = env.number(
    "TILL_PASSWORD_RESET_LINK_SECONDS", 3600, minimum=60, maximum=7 * DAY_SECONDS
)
TILL_EMAIL_CHANGE_LINK_SECONDS = env.number(
    "TILL_EMAIL_CHANGE_LINK_SECONDS", DAY_SECONDS, minimum=60, maximum=30 * DAY_SECONDS
)
# Pages of a team's own front end, with {token} in them, in the place of ours.
TILL_ACTIVATION_URL = env.text("TILL_ACTIVATION_URL", "")
TILL_PASSWORD_RESET_URL = env.text("TILL_PASSWORD_RESET_URL", "")
TILL_EMAIL_CHANGE_URL = env.text("TILL_EMAIL_CHANGE_URL", "")
TILL_MAILS_PER_INBOX = env.rate("TILL_MAILS_PER_INBOX", "3/hour")
TILL_MAILS_PER_DOMAIN = env.rate("TILL_MAILS_PER_DOMAIN", "1000/hour")
# The links in mails open accounts: only development mode prints them.
vars().update(env.mail("TILL_EMAIL_URL", "consolemail://" if TILL_DEBUG else "dummymail://"))
EMAIL_TIMEOUT = 5  # seconds that the sending thread waits for each answer of the mail server
DEFAULT_FROM_EMAIL = env.text("TILL_FROM_EMAIL", "till@localhost")
TILL_SUPPORT_EMAIL = env.text("TILL_SUPPORT_EMAIL", DEFAULT_FROM_EMAIL)

SIMPLE_JWT = {
    "ALGORITHM": "HS256",
    "SIGNING_KEY": TILL_JWT_KEY,
    "ISSUER": "till",
    "AUDIENCE": "till-api",
    "ACCESS_TOKEN_LIFETIME": env.seconds("TILL_ACCESS_TOKEN_SECONDS", 15 * 60, minimum=10, maximum=DAY_SECONDS),
    "REFRESH_TOKEN_LIFETIME": env.seconds(
        "TILL_REFRESH_TOKEN_SECONDS", 14 * 24 * 3600, minimum=60, maximum=YEAR_SECONDS
    ),
    "AUTH_HEADER_TYPES": ("Bearer",),
    "LEEWAY": 10,  # seconds that another node's clock may be ahead of ours
}
# From then on a login is over, however often it was refreshed.
TILL_LOGIN_LIFETIME = env.seconds("TILL_LOGIN_SECONDS", 90 * 24 * 3600, minimum=60, maximum=10 * YEAR_SECONDS)

# Wrong passwords are counted for each pair of network and email, in PostgreSQL, so by all workers together.
AXES_FAILURE_LIMIT = env.number("TILL_LOGIN_FAILURE_LIMIT", 10, minimum=1, maximum=10_000)
AXES_COOLOFF_TIME = env.seconds("TILL_LOGIN_COOLOFF_SECONDS", 300, minimum=1, maximum=DAY_SECONDS)
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_USERNAME_CALLABLE = "accounts.login_refusals.login_name"
AXES_CLIENT_IP_CALLABLE = "accounts.networks.login_address"
AXES_LOCKOUT_CALLABLE = "accounts.login_refusals.lockout_response"
AXES_HANDLER = "accounts.login_lock.LoginLock"
AXES_RESET_ON_SUCCESS = True
AXES_RESET_COOL_OFF_ON_FAILURE_DURING_LOCKOUT = False
AXES_DISABLE_ACCESS_LOG = True
AXES_VERBOSE = False
# All failures of a name in a day, from anywhere; beyond it, how often it may be tried from networks it never used.
TILL_ACCOUNT_FAILURE_LIMIT = env.number("TILL_ACCOUNT_FAILURE_LIMIT", 100, minimum=1, maximum=1_000_000)
TILL_THROTTLE_ATTACKED_ACCOUNT = env.rate("TILL_THROTTLE_ATTACKED_ACCOUNT", "10/hour")

# --- money --------------------------------------------------------------------------------------------------
CENTURY_HOURS = 876_000  # further back than any order or rate; much more, and there is no such date
TILL_MAX_AMOUNT = env.amount("TILL_MAX_AMOUNT", "1000000000000000000")
TILL_DEFAULT_CURRENCY = env.currency("TILL_DEFAULT_CURRENCY", "USD")
TILL_REGISTRATION_WALLETS = env.choice("TILL_REGISTRATION_WALLETS", "all", ("all", "default", "none"))
TILL_ORDER_EXPIRY_HOURS = env.number("TILL_ORDER_EXPIRY_HOURS", 7 * 24, minimum=1, maximum=CENTURY_HOURS)
TILL_PENDING_ORDERS = env.number("TILL_PENDING_ORDERS", 100, minimum=1, maximum=100_000)
TILL_OPEN_QUOTES = env.number("TILL_OPEN_QUOTES", 50, minimum=1, maximum=1000)
TILL_QUOTE_SECONDS = env.number("TILL_QUOTE_SECONDS", 60, minimum=1, maximum=DAY_SECONDS)
TILL_RATE_MAX_AGE_HOURS = env.number("TILL_RATE_MAX_AGE_HOURS", 96, minimum=1, maximum=CENTURY_HOURS)
TILL_TRANSFER_DAILY_LIMITS = env.amounts("TILL_TRANSFER_DAILY_LIMITS")

# --- events -------------------------------------------------------------------------------------------------
# Where events may be sent besides public addresses.
TILL_EVENT_NETWORKS = env.networks("TILL_EVENT_NETWORKS", default=["127.0.0.0/8", "::1/128"] if TILL_DEBUG else [])
TILL_EVENT_DELIVERY_AGE = timedelta(days=env.number("TILL_EVENT_DELIVERY_DAYS", 30, minimum=1, maximum=36_500))
# What the worker sets the exchange rates from, as `manage.py load_rates` takes it; nothing when it is empty.
TILL_RATES = env.text("TILL_RATES", "")

# --- API ----------------------------------------------------------------------------------------------------
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "accounts.authentication.TokenAuthentication",
        "accounts.authentication.KeyAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["accounts.permissions.IsNotService"],
    "DEFAULT_PARSER_CLASSES": ["api.parsers.StrictJSONParser"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_CONTENT_NEGOTIATION_CLASS": "api.negotiation.Negotiation",
    "URL_FORMAT_OVERRIDE": None,  # where there is a choice, api.negotiation reads it
    "DEFAULT_PAGINATION_CLASS": "api.pagination.LimitedCursorPagination",
    "DEFAULT_FILTER_BACKENDS": ["api.query_parameters.StrictFilterBackend"],
    "DEFAULT_SCHEMA_CLASS": "config.openapi.schema.TillSchema",
    "DEFAULT_THROTTLE_CLASSES": ["accounts.throttling.WriteThrottle"],
    "DEFAULT_THROTTLE_RATES": {
        "register": env.rate("TILL_THROTTLE_REGISTER", "300/min"),
        "activation": env.rate("TILL_THROTTLE_ACTIVATION", "120/min"),
        "resend": env.rate("TILL_THROTTLE_RESEND", "5/min"),
        "password_reset": env.rate("TILL_THROTTLE_PASSWORD_RESET", "5/min"),
        "login": env.rate("TILL_THROTTLE_LOGIN", "600/min"),
        "refresh": env.rate("TILL_THROTTLE_REFRESH", "600/min"),
        "password": env.rate("TILL_THROTTLE_PASSWORD", "10/min"),
        "writes": env.rate("TILL_THROTTLE_WRITES", "120/min"),
        "service_writes": env.rate("TILL_THROTTLE_SERVICE_WRITES", "6000/min"),
        "recipients": env.rate("TILL_THROTTLE_RECIPIENTS", "20/min"),
    },
    "EXCEPTION_HANDLER": "config.problems.exception_handler",
    "COERCE_DECIMAL_TO_STRING": True,
    "UNICODE_JSON": True,
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
    "NUM_PROXIES": TILL_TRUSTED_PROXIES,
}
# Whose old addresses answer beside Till's own: docs/coming-from.md.
TILL_LEGACY = env.choices("TILL_LEGACY", directory.ALL if TILL_DEBUG else "", directory.NAMES)
# Off: Django answers webhooks like every other request, one commit for each.
TILL_WEBHOOK_FAST_PATH = env.flag("TILL_WEBHOOK_FAST_PATH", True)
# Off: Django answers every request of the API in a thread, one commit for each.
TILL_API_FAST_PATH = env.flag("TILL_API_FAST_PATH", True)
TILL_READ_SECONDS = env.number("TILL_READ_SECONDS", 10, minimum=1, maximum=3600)
TILL_STREAM_SECONDS = env.number("TILL_STREAM_SECONDS", 120, minimum=1, maximum=DAY_SECONDS)
DATA_UPLOAD_MAX_MEMORY_SIZE = env.number("TILL_MAX_BODY_BYTES", 1024 * 1024, minimum=4096, maximum=100 * 2**20)
# A list of /admin that is shown whole has up to 200 rows, and sends eight fields of each.
DATA_UPLOAD_MAX_NUMBER_FIELDS = 2_000

# --- pages, files, time -------------------------------------------------------------------------------------
STATIC_URL = "/static/"
# Development mode collects nothing: whitenoise finds the files where they are.
STATIC_ROOT = None if TILL_DEBUG else Path(env.text("TILL_STATIC_ROOT", str(BASE_DIR / "staticfiles")))
WHITENOISE_USE_FINDERS = TILL_DEBUG
WHITENOISE_AUTOREFRESH = False
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if TILL_DEBUG
        else "whitenoise.storage.CompressedManifestStaticFilesStorage"
    },
}
TIME_ZONE = "UTC"
USE_TZ = True
FORMAT_MODULE_PATH = "config.formats"  # the staff site's dates: UTC, to the second

# --- languages: docs/decisions/0052 -------------------------------------------------------------------------
# The source of all texts, and the language of all that is no answer to a request: logs, commands, documentation.
LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English"), ("ru", "Русский")]
# `required`: no page of the staff site but that of the set-up opens to staff without a second factor.
TILL_STAFF_SECOND_FACTOR = env.choice("TILL_STAFF_SECOND_FACTOR", "optional", ("optional", "required"))
TILL_LANGUAGE = env.choice("TILL_LANGUAGE", "en", ("en", "ru"))
LOCALE_PATHS = [BASE_DIR / "config" / "locale"]
LANGUAGE_COOKIE_PATH = "/admin/"
LANGUAGE_COOKIE_HTTPONLY = True
LANGUAGE_COOKIE_SAMESITE = "Lax"
LANGUAGE_COOKIE_SECURE = not TILL_DEBUG
LANGUAGE_COOKIE_AGE = YEAR_SECONDS

# --- transport security: on unless in development mode ------------------------------------------------------
SECURE_SSL_REDIRECT = env.flag("TILL_SSL_REDIRECT", False)
SECURE_REDIRECT_EXEMPT = [
    r"^health/",
    r"^metrics$",
]  # asked from beside us, without the proxy: config/server/allowed_hosts.py
SECURE_HSTS_SECONDS = env.number("TILL_HSTS_SECONDS", 0, minimum=0, maximum=10 * YEAR_SECONDS)
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if TILL_TRUSTED_PROXIES else None
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = not TILL_DEBUG
SESSION_COOKIE_AGE = env.number("TILL_ADMIN_SESSION_SECONDS", 8 * 3600, minimum=60, maximum=30 * DAY_SECONDS)
X_FRAME_OPTIONS = "DENY"
CSRF_FAILURE_VIEW = "config.problems.handlers.csrf_failure"
SECURE_REFERRER_POLICY = "same-origin"

SILENCED_SYSTEM_CHECKS = [
    "auth.W004",  # the email is unique, by a constraint over lower(email) that this check cannot see
    "security.W005",  # whether HSTS covers subdomains, and
    "security.W021",  # goes on the browsers' preload list, is for the owner of the whole domain to decide
]

# --- metrics ------------------------------------------------------------------------------------------------
TILL_METRICS_TOKEN = env.token("TILL_METRICS_TOKEN")

# --- logs ---------------------------------------------------------------------------------------------------
TILL_LOG_FORMAT = env.choice("TILL_LOG_FORMAT", "text" if TILL_DEBUG else "json", ("text", "json"))
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "json": {"()": "config.server.request_log.JsonFormatter"},
        "text": {"()": "config.server.request_log.TextFormatter"},
    },
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": TILL_LOG_FORMAT}},
    "root": {
        "handlers": ["stderr"],
        "level": env.choice("TILL_LOG_LEVEL", "INFO", ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")),
    },
    "loggers": {
        "django.server": {"handlers": ["stderr"], "propagate": False},
        "axes": {"level": "ERROR"},  # till.security says it better
        "till.security": {"level": "INFO"},  # whatever TILL_LOG_LEVEL is
    },
}
