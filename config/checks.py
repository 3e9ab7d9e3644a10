"""System checks: combinations that would cost money or leak secrets. docs/operations.md explains each id.

Errors stop commands and the start of the server (config/server/worker.py). Importing this module registers them.
"""

import json
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, urlsplit

from django.apps import apps
from django.conf import settings
from django.contrib.staticfiles.finders import get_finders
from django.contrib.staticfiles.storage import ManifestStaticFilesStorage
from django.core import checks
from django.core.checks import CheckMessage, Error, Tags, register
from django.db import OperationalError, connections
from django.http.request import split_domain_port, validate_host

from accounts.demo_users import DEMO_USERS
from accounts.networks import LOOPBACK
from api.encryption import Undecryptable, decrypt
from config.database import service_role, session_checks
from payments.webhooks import provider_secrets

#: As TILL_ALLOWED_HOSTS may write it.
LOOPBACK_HOSTS = LOOPBACK | {"[::1]", ".localhost"}
MIN_SECRET_LENGTH = 32
#: What operators write first, and what Django's template writes for them.
PUBLIC_SECRET_PARTS = ("django-insecure", "changeme", "change-me", "change_me", "your-secret", "example")
PUBLISHED_WEBHOOK_SECRETS = frozenset(provider_secrets.PUBLISHED.values())
DEMO_EMAILS = frozenset(demo.email for demo in DEMO_USERS)
MIN_POSTGRESQL_VERSION = 150000
#: The minor version of uvicorn whose internals config/server/http_protocol.py was written and tested for.
UVICORN_VERSION = "0.54"


def _secret_problem(secret: str) -> str:
    if not secret:
        return "is not set"
    if len(secret.encode()) < MIN_SECRET_LENGTH:
        return f"is shorter than {MIN_SECRET_LENGTH} bytes"
    if any(part in secret.lower() for part in PUBLIC_SECRET_PARTS) or len(set(secret)) < 8:
        return "is a well-known or trivial value"
    return ""


@register(Tags.security)
def check_mode(**_: Any) -> list[CheckMessage]:
    if settings.DEBUG:
        return [Error("Django's DEBUG is on.", hint="Use TILL_DEBUG=1: docs/decisions/0005.", id="till.E001")]
    strangers = [host for host in settings.ALLOWED_HOSTS if host.lower() not in LOOPBACK_HOSTS]
    if settings.TILL_DEBUG and strangers:
        hint = "Development mode has published passwords and secrets: unset TILL_DEBUG, or this host."
        return [Error(f"TILL_DEBUG=1 with {strangers[0]} in TILL_ALLOWED_HOSTS.", hint=hint, id="till.E002")]
    return []


@register(Tags.security)
def check_old_addresses(**_: Any) -> list[CheckMessage]:
    """They are for a while: what they cannot promise is on /docs/legacy."""
    if settings.TILL_DEBUG or not settings.TILL_LEGACY:
        return []
    text = f"TILL_LEGACY={','.join(sorted(settings.TILL_LEGACY))}: old addresses move money without an Idempotency-Key."
    hint = "A repeat moves it twice. Let clients send keys or use /api/v1, and then unset it: docs/coming-from.md."
    return [checks.Warning(text, hint=hint, id="till.W009")]


@register(Tags.security)
def check_secrets(**_: Any) -> list[CheckMessage]:
    hint = "python -c 'import secrets; print(secrets.token_urlsafe(48))' makes one."
    keys = [
        ("TILL_SECRET_KEY", settings.TILL_SECRET_KEY, "till.E003"),
        ("TILL_JWT_KEY", settings.TILL_JWT_KEY, "till.E004"),
    ]
    messages: list[CheckMessage] = [
        Error(f"{name} {problem}.", hint=hint, id=id_)
        for name, secret, id_ in keys
        if (problem := _secret_problem(secret))
    ]
    if settings.TILL_SECRET_KEY and settings.TILL_SECRET_KEY == settings.TILL_JWT_KEY:
        messages.append(Error("TILL_SECRET_KEY and TILL_JWT_KEY are the same.", hint=hint, id="till.E005"))
    return messages


@register(Tags.security)
def check_encryption_keys(**_: Any) -> list[CheckMessage]:
    """Each key of the list must be good: the older ones still open what stands in old dumps."""
    keys = [key for key in settings.TILL_ENCRYPTION_KEYS if key != settings.TILL_SECRET_KEY]
    hint = "python -c 'import secrets; print(secrets.token_urlsafe(48))' makes one; several with commas, newest first."
    if not keys:
        text = "TILL_ENCRYPTION_KEYS is not set: TILL_SECRET_KEY encrypts the providers' secrets."
        return [checks.Warning(text, hint=hint, id="till.W007")]
    problems = [problem for key in keys if (problem := _secret_problem(key))]
    if settings.TILL_JWT_KEY in keys:
        problems.append("has a key that serves as TILL_JWT_KEY too")
    return [Error(f"TILL_ENCRYPTION_KEYS {problem}.", hint=hint, id="till.E014") for problem in problems[:1]]


@register(Tags.security)
def check_address(**_: Any) -> list[CheckMessage]:
    """Till must know its own names: links and, in production, the Host header depend on them."""
    messages = [] if settings.TILL_DEBUG else _check_hosts()
    if not _can_begin_links(settings.TILL_PUBLIC_URL):
        hint = "For example https://till.example.com, without ? and #: activation links begin with it."
        messages.append(Error("TILL_PUBLIC_URL is not an address.", hint=hint, id="till.E008"))
    elif not settings.TILL_DEBUG and not messages:
        messages += _check_public_address(urlsplit(settings.TILL_PUBLIC_URL))
    return messages


def _check_public_address(url: SplitResult) -> list[CheckMessage]:
    messages: list[CheckMessage] = []
    host = url.hostname or ""
    if not validate_host(f"[{host}]" if ":" in host else host, settings.ALLOWED_HOSTS):
        hint = "Every activation link would be answered 400."
        messages.append(Error(f"TILL_ALLOWED_HOSTS lacks {host!r} of TILL_PUBLIC_URL.", hint=hint, id="till.E018"))
    if url.scheme == "http":
        messages.append(checks.Warning("TILL_PUBLIC_URL is not https.", id="till.W002"))
    return messages


def _check_hosts() -> list[CheckMessage]:
    if not settings.ALLOWED_HOSTS or "*" in settings.ALLOWED_HOSTS:
        return [Error("TILL_ALLOWED_HOSTS must name the hosts that are served.", id="till.E007")]
    hint = "Bare names with commas between, such as till.example.com; .example.com is that one and all below it."
    return [
        Error(f"TILL_ALLOWED_HOSTS has {host!r}, which no request can ask for.", hint=hint, id="till.E007")
        for host in settings.ALLOWED_HOSTS
        if split_domain_port(host) != (host.lower(), "")  # as Django reads the Host header
    ]


def _can_begin_links(url: str) -> bool:
    try:
        parts = urlsplit(url)
        known = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:  # of the port, or of brackets that do not match
        return False
    return known and not set("?# ") & set(url)


@register(Tags.security)
def check_proxies(**_: Any) -> list[CheckMessage]:
    if settings.SECURE_SSL_REDIRECT and not settings.TILL_TRUSTED_PROXIES:
        hint = "Without a trusted proxy no request counts as HTTPS, and each is redirected for ever."
        return [Error("TILL_SSL_REDIRECT needs TILL_TRUSTED_PROXIES.", hint=hint, id="till.E009")]
    return []


@register(Tags.security)
def check_database_named(**_: Any) -> list[CheckMessage]:
    if settings.TILL_DEBUG or settings.DATABASE_URL:
        return []
    hint = "The embedded PostgreSQL is for development (TILL_DEBUG=1)."
    return [Error("DATABASE_URL is not set.", hint=hint, id="till.E006")]


@register(Tags.compatibility)
def check_uvicorn(**_: Any) -> list[CheckMessage]:
    """A warning: a release that mends a hole in uvicorn must not wait for ours."""
    installed = version("uvicorn")
    if installed.startswith(f"{UVICORN_VERSION}."):
        return []
    text = f"uvicorn {installed} is installed; Till is tested with {UVICORN_VERSION}, whose internals it builds on."
    hint = "Install the versions of requirements.txt. Until then TILL_WEBHOOK_FAST_PATH=0 relies on less of uvicorn."
    return [checks.Warning(text, hint=hint, id="till.W008")]


@register(Tags.staticfiles, deploy=True)
def check_static_files(**_: Any) -> list[CheckMessage]:
    """Without the files that `collectstatic` writes, or with those of an older version, /admin and /docs answer 500."""
    if settings.TILL_DEBUG:
        return []
    try:
        collected = json.loads((Path(str(settings.STATIC_ROOT)) / ManifestStaticFilesStorage.manifest_name).read_text())
        known = {*collected["paths"]}
    except (OSError, ValueError, KeyError, TypeError):
        known = set()
    missing = [path for finder in get_finders() for path, _ in finder.list([]) if path not in known]
    if not missing:
        return []
    text = f"{len(missing)} static files are not collected in {settings.STATIC_ROOT}, such as {missing[0]}."
    return [Error(text, hint="manage.py collectstatic --noinput", id="till.E019")]


@register(Tags.database)
def check_database(databases: Sequence[str] | None = None, **_: Any) -> list[CheckMessage]:
    """Look into each database; one that cannot be asked is an error, since nothing about it is known.

    Without a DATABASE_URL production is refused (E006); a look would create the embedded PostgreSQL.
    """
    if not settings.TILL_DEBUG and not settings.DATABASE_URL:
        return []
    messages: list[CheckMessage] = []
    for alias in databases or []:
        try:
            messages += _check_contents(alias)
        except OperationalError as error:
            reason = str(error).strip().splitlines()[0]
            messages.append(Error(f"The database cannot be used: {reason}", id="till.E010"))
    return messages


def _check_contents(alias: str) -> list[CheckMessage]:
    connection = connections[alias]
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('server_version_num')::int, current_setting('server_version')")
        number, version = cursor.fetchone()
        tables = set(connection.introspection.table_names(cursor))
    if number < MIN_POSTGRESQL_VERSION:
        return [Error(f"PostgreSQL {version} is too old: Till needs 15 or later.", id="till.E011")]
    messages = session_checks.check(alias)
    messages += [] if settings.TILL_DEBUG else _check_role(alias)
    if not settings.TILL_DEBUG and "accounts_user" in tables:
        messages += _check_demo_users(alias)
    if "payments_provider" in tables:
        messages += _check_providers(alias)
    if "payments_currency" in tables:
        messages += _check_default_currency(alias)
    return messages


def _check_role(alias: str) -> list[CheckMessage]:
    """A warning: `migrate` and its like run as the owner, and looking must not keep anybody from that."""
    with connections[alias].cursor() as cursor:
        excess = service_role.excess(cursor)
    if not excess:
        return []
    more = f" and {len(excess) - 3} more" if len(excess) > 3 else ""
    hint = (
        "Right for migrate alone: who serves like that can switch the guards of the books off. Let the service connect"
        " as a role of its own, and run grant_service_role as the owner: docs/operations.md."
    )
    return [checks.Warning(f"The database role is or has {', '.join(excess[:3])}{more}.", hint=hint, id="till.W005")]


def _check_demo_users(alias: str) -> list[CheckMessage]:
    users = apps.get_model("accounts", "User")._default_manager.using(alias)
    emails = dict(users.filter(email__in=DEMO_EMAILS, is_active=True).order_by("pk").values_list("pk", "email"))
    if not emails:
        return []
    off = f"from accounts.services import disable_user; [disable_user(user_id=id, by=None) for id in {list(emails)}]"
    hint = f'Their password is published. Disable them: manage.py shell -c "{off}"'
    return [Error(f"The demo users can sign in: {', '.join(emails.values())}.", hint=hint, id="till.E012")]


def _check_providers(alias: str) -> list[CheckMessage]:
    active = apps.get_model("payments", "Provider")._default_manager.using(alias).filter(is_active=True)
    secrets, messages = _decrypted(alias)
    if not settings.TILL_DEBUG:
        for slug, known in secrets.items():
            if not any(provider_secrets.is_published(secret) for secret in known):
                continue
            hint = f"Everybody can sign with it. Switch it off, start, give it a new secret in the admin: {_off(slug)}"
            messages.append(Error(f"The provider {slug} has a published secret.", hint=hint, id="till.E013"))
        for slug in active.filter(scheme="sha256_concat", requires_uuid=False).values_list("slug", flat=True):
            hint = "Its fields are signed glued together, so digits can be shifted: docs/webhooks.md."
            messages.append(
                checks.Warning(f"The provider {slug} does not demand UUID transaction ids.", hint=hint, id="till.W001")
            )
    return messages


def _off(slug: str) -> str:
    return (
        'manage.py shell -c "from payments.models import Provider; '
        f"Provider.objects.filter(slug='{slug}').update(is_active=False)\""
    )


def _decrypted(alias: str) -> tuple[dict[str, list[str]], list[CheckMessage]]:
    """Return the secrets of each active provider, and an error for each provider that no key opens."""
    secrets: dict[str, list[str]] = {}
    messages: list[CheckMessage] = []
    for slug, *tokens in _encrypted(alias):
        try:
            secrets[slug] = [decrypt(token, settings.TILL_ENCRYPTION_KEYS) for token in tokens if token]
        except (Undecryptable, ValueError):
            hint = f"Add the key that encrypted it. If it is lost: switch off, start, give a new secret: {_off(slug)}"
            text = f"No key of TILL_ENCRYPTION_KEYS decrypts the secret of the provider {slug}."
            messages.append(Error(text, hint=hint, id="till.E015"))
    return secrets, messages


def _encrypted(alias: str) -> list[tuple[str, str, str]]:
    """As they stand in the table: the model's field would hide what no key opens."""
    with connections[alias].cursor() as cursor:
        cursor.execute("SELECT slug, secret, previous_secret FROM payments_provider WHERE is_active ORDER BY slug")
        return list(cursor.fetchall())


def _check_default_currency(alias: str) -> list[CheckMessage]:
    """No error: staff who take a currency out of use must not keep the service from its next start."""
    currencies = apps.get_model("payments", "Currency")._default_manager.using(alias)
    code = settings.TILL_DEFAULT_CURRENCY
    wanted = settings.TILL_REGISTRATION_WALLETS == "default" and currencies.exists()
    if not wanted or currencies.filter(code=code, is_active=True).exists():
        return []
    hint = "New users get no wallet: TILL_REGISTRATION_WALLETS is default."
    return [checks.Warning(f"TILL_DEFAULT_CURRENCY={code} is no currency in use.", hint=hint, id="till.W003")]
