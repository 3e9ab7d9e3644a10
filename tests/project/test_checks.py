"""Each system check of config/checks.py refuses what it is for; a sound production passes them all."""

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.hashers import make_password
from django.contrib.staticfiles.finders import get_finders
from django.core.checks import WARNING, CheckMessage, run_checks
from django.core.management import call_command
from django.db import connections
from pytest_django import Settings

from accounts.models import User
from config import checks
from config.environment import BadVariable
from payments.models import Currency, Provider
from tests.support import recipes
from tests.support.production import GOOD, ROOT, manage, read_settings


@pytest.fixture
def production(settings: Settings) -> Settings:
    settings.TILL_DEBUG = False
    settings.TILL_SECRET_KEY = GOOD["TILL_SECRET_KEY"]
    settings.TILL_JWT_KEY = GOOD["TILL_JWT_KEY"]
    settings.TILL_ENCRYPTION_KEYS = [GOOD["TILL_ENCRYPTION_KEYS"]]
    settings.DATABASE_URL = GOOD["DATABASE_URL"]
    settings.ALLOWED_HOSTS = ["till.example.com"]
    settings.TILL_PUBLIC_URL = "https://till.example.com"
    settings.TILL_RETURN_ACTIVATION_LINK = False
    settings.EMAIL_HOST = "mail.example.com"
    settings.TILL_LEGACY = frozenset()
    return settings


@pytest.fixture
def production_database(production: Settings, db: None) -> None:
    """Without the demo's providers, which every test database has."""
    Provider.objects.all().delete()


def check_ids(*, databases: list[str] | None = None, deployed: bool = False) -> set[str]:
    """The ids of ours that are found now."""
    return {str(message.id) for message in messages(databases=databases, deployed=deployed)}


def messages(*, databases: list[str] | None = None, deployed: bool = False) -> list[CheckMessage]:
    """But for what is said of the tests' own role, which owns the tables (tests/project/test_service_role.py)."""
    every = run_checks(databases=databases, include_deployment_checks=deployed)
    return [one for one in every if str(one.id).startswith("till.") and one.id != "till.W005"]


# --- settings -----------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("production")
def test_the_checks_are_content_with_a_sound_production_environment() -> None:
    assert check_ids() == set()


@pytest.mark.parametrize(("installed", "named"), [("0.54.99", False), ("0.55.0", True), ("0.5.4", True)])
@pytest.mark.usefixtures("production")
def test_another_minor_version_of_uvicorn_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, installed: str, named: bool
) -> None:
    """Metadata that Python finds first, as of a package that was installed over ours."""
    metadata = tmp_path / f"uvicorn-{installed}.dist-info" / "METADATA"
    metadata.parent.mkdir()
    metadata.write_text(f"Metadata-Version: 2.1\nName: uvicorn\nVersion: {installed}\n")
    monkeypatch.syspath_prepend(tmp_path)
    warnings = [message for message in messages() if message.id == "till.W008"]
    assert [warning.msg.startswith(f"uvicorn {installed} is installed") for warning in warnings] == [True] * named
    assert [warning.level for warning in warnings] == [WARNING] * named


def test_the_version_of_uvicorn_that_is_pinned_is_the_one_that_is_checked() -> None:
    pinned = re.search(r"^uvicorn==(\d+\.\d+)\.\*", (ROOT / "requirements.in").read_text(), re.MULTILINE)
    assert pinned is not None
    assert pinned[1] == checks.UVICORN_VERSION


def test_the_checks_say_nothing_of_a_sound_production_environment_when_deployed(
    production: Settings, tmp_path: Path
) -> None:
    """But for the static files that nobody has collected: without them every page of /admin would answer 500."""
    production.STATIC_ROOT = tmp_path
    [refused] = messages(deployed=True)
    assert (refused.id, refused.hint) == ("till.E019", "manage.py collectstatic --noinput")
    collect(production)
    result = manage("check", "--deploy", "--fail-level", "WARNING", TILL_STATIC_ROOT=str(tmp_path))
    assert (result.returncode, result.stderr) == (0, "")
    manifest = tmp_path / "staticfiles.json"  # that of an older version lacks what is new
    manifest.write_text(manifest.read_text().replace('"admin/css/base.css"', '"admin/css/bas.css"'))
    [refused] = messages(deployed=True)
    assert refused.msg.startswith("1 static files are not collected")


def collect(production: Settings) -> None:
    """As production does, but compress nothing, which takes seconds: tests/project/test_container.py waits for it."""
    production.STORAGES = read_settings()["STORAGES"]
    names = [name for finder in get_finders() for name, _ in finder.list([])]
    production.WHITENOISE_SKIP_COMPRESS_EXTENSIONS = sorted({Path(name).suffix.removeprefix(".") for name in names})
    call_command("collectstatic", interactive=False, verbosity=0)


@pytest.mark.usefixtures("production")
def test_a_public_address_that_would_not_be_served_is_refused(settings: Settings) -> None:
    for host, url, missing in [
        ("till.example.com", "https://www.example.com", True),
        ("till.example.com", "https://till.example.com:8443/pay", False),
        (".example.com", "https://till.example.com", False),
        ("[2001:db8::1]", "https://[2001:db8::1]:8443", False),
    ]:
        settings.ALLOWED_HOSTS, settings.TILL_PUBLIC_URL = [host], url
        assert ("till.E018" in check_ids()) is missing


def test_only_development_answers_with_the_activation_link(tmp_path: Path) -> None:
    development = {"TILL_DEBUG": "1", "TILL_DATA": str(tmp_path)}
    assert read_settings()["TILL_RETURN_ACTIVATION_LINK"] is False
    assert read_settings(**development)["TILL_RETURN_ACTIVATION_LINK"] is True
    assert read_settings(TILL_RETURN_ACTIVATION_LINK="1")["TILL_RETURN_ACTIVATION_LINK"] is True


def test_the_checks_are_content_with_development_mode() -> None:
    result = manage("check", "--fail-level", "WARNING", TILL_DEBUG="1", TILL_ALLOWED_HOSTS="", TILL_SSL_REDIRECT="")
    assert result.returncode == 0, result.stderr


@pytest.mark.parametrize(
    ("setting", "value", "expected"),
    [
        ("DEBUG", True, "till.E001"),
        ("TILL_SECRET_KEY", "short", "till.E003"),
        ("TILL_SECRET_KEY", "django-insecure-0123456789abcdefghijklmnopqrstuv", "till.E003"),
        ("TILL_SECRET_KEY", "a" * 64, "till.E003"),
        ("TILL_JWT_KEY", "", "till.E004"),
        ("TILL_JWT_KEY", "change-me-0123456789abcdefghijklmnopqrstuvwxyz", "till.E004"),
        ("TILL_JWT_KEY", GOOD["TILL_SECRET_KEY"], "till.E005"),
        ("DATABASE_URL", "", "till.E006"),
        ("ALLOWED_HOSTS", [], "till.E007"),
        ("ALLOWED_HOSTS", ["*"], "till.E007"),
        ("ALLOWED_HOSTS", ["till.example.com", "https://till.example.com"], "till.E007"),
        ("ALLOWED_HOSTS", ["till.example.com/"], "till.E007"),
        ("ALLOWED_HOSTS", ["till.example.com staff.example.com"], "till.E007"),
        ("ALLOWED_HOSTS", ["till.example.com:8000"], "till.E007"),
        ("ALLOWED_HOSTS", ["*.example.com"], "till.E007"),
        ("TILL_PUBLIC_URL", "", "till.E008"),
        ("TILL_PUBLIC_URL", "till.example.com", "till.E008"),
        ("TILL_PUBLIC_URL", "https://till.example.com/path?q", "till.E008"),
        ("TILL_PUBLIC_URL", "https://till.example.com/#top", "till.E008"),
        ("TILL_PUBLIC_URL", "https://till.example.com:port", "till.E008"),
        ("TILL_PUBLIC_URL", "https://[till", "till.E008"),
        ("SECURE_SSL_REDIRECT", True, "till.E009"),
        ("TILL_PUBLIC_URL", "http://till.example.com", "till.W002"),
        ("TILL_RETURN_ACTIVATION_LINK", True, "till.W004"),
        ("TILL_ACTIVATION", "none", "till.W010"),
        ("TILL_ACTIVATION_URL", "https://app.example.com/activate", "till.E020"),
        ("TILL_ACTIVATION_URL", "https://{token}.example.com/", "till.E020"),
        ("TILL_PASSWORD_RESET_URL", "http://app.example.com/{token}", "till.E020"),
        ("TILL_PASSWORD_RESET_URL", "app.example.com/{token}", "till.E020"),
        ("TILL_EMAIL_CHANGE_URL", "https://[app/{token}", "till.E020"),
        ("TILL_TEMPLATES", "/no/such/folder", "till.E021"),
        ("TILL_LEGACY", frozenset({"shop"}), "till.W009"),
    ],
)
def test_the_checks_refuse_in_production(production: Settings, setting: str, value: object, expected: str) -> None:
    setattr(production, setting, value)
    assert check_ids() == {expected}


@pytest.mark.parametrize("host", ["Till.example.com", ".example.com", "10.0.0.7", "[::1]"])
@pytest.mark.usefixtures("production")
def test_the_checks_are_content_with_hosts_that_requests_can_ask_for(settings: Settings, host: str) -> None:
    settings.ALLOWED_HOSTS, settings.TILL_PUBLIC_URL = [host], f"https://{host.removeprefix('.')}"
    assert check_ids() == set()


def test_a_host_that_no_request_can_ask_for_is_named(production: Settings) -> None:
    named = {"TILL_ALLOWED_HOSTS": "till.example.com,https://staff.example.com"}
    production.ALLOWED_HOSTS = read_settings(**named)["ALLOWED_HOSTS"]
    [message] = messages()
    assert message.is_serious()
    assert message.msg.startswith("TILL_ALLOWED_HOSTS has 'https://staff.example.com'")


def test_links_to_nowhere_are_refused_in_development_mode_too(settings: Settings) -> None:
    settings.ALLOWED_HOSTS, settings.TILL_PUBLIC_URL = ["localhost"], "foo"
    assert check_ids() == {"till.E008"}


def test_a_production_without_a_secret_key_is_refused() -> None:
    result = manage("check", TILL_SECRET_KEY="")
    assert result.returncode == 1
    assert "till.E003" in result.stderr


def test_development_mode_is_refused_for_a_host_that_others_can_reach(settings: Settings) -> None:
    settings.ALLOWED_HOSTS = ["localhost", "till.example.com"]
    assert check_ids() == {"till.E002"}


# --- the database -------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("production_database")
def test_the_checks_are_content_with_an_empty_production_database() -> None:
    assert check_ids(databases=["default"]) == set()


@pytest.mark.usefixtures("production_database")
def test_the_checks_do_not_look_into_the_database_unasked() -> None:
    recipes.admin.make(email="admin_admin@example.com", password=make_password("123456"))
    assert check_ids() == set()


@pytest.mark.usefixtures("production_database")
def test_a_production_with_a_demo_user_who_can_sign_in_is_refused() -> None:
    demo_user("testuser@example.com")
    assert check_ids(databases=["default"]) == {"till.E012"}


@pytest.mark.usefixtures("production_database")
def test_all_demo_users_who_can_sign_in_are_named_and_how_to_disable_them() -> None:
    for email in sorted(checks.DEMO_EMAILS):
        demo_user(email)
    User.objects.filter(email="testuser@example.com").update(is_active=False)
    [message] = messages(databases=["default"])
    named = [email for email in sorted(checks.DEMO_EMAILS) if email in message.msg]
    assert named == [
        *("admin_admin@example.com", "service_service@example.com", "testadmin@example.com", "user_user@example.com")
    ]
    do_as_told(message)
    assert check_ids(databases=["default"]) == set()
    assert not User.objects.filter(is_active=True).exists()


@pytest.mark.usefixtures("production_database")
def test_the_checks_say_how_to_start_with_a_provider_whose_secret_is_published() -> None:
    acme = make_provider(secret=min(checks.PUBLISHED_WEBHOOK_SECRETS))
    [message] = messages(databases=["default"])
    do_as_told(message)
    assert check_ids(databases=["default"]) == set()
    acme.refresh_from_db()
    assert not acme.is_active


def demo_user(email: str) -> None:
    recipes.user.make(email=email)


def do_as_told(message: CheckMessage) -> None:
    """Run the command that the hint ends with."""
    words = shlex.split((message.hint or "").partition("manage.py ")[2])
    assert words[:2] == ["shell", "-c"]
    call_command("shell", command=words[2])


@pytest.mark.parametrize(("setting", "expected"), [("default", {"till.W003"}), ("all", set()), ("none", set())])
@pytest.mark.usefixtures("production_database")
def test_new_users_without_a_wallet_are_warned_of(settings: Settings, setting: str, expected: set[str]) -> None:
    settings.TILL_REGISTRATION_WALLETS, settings.TILL_DEFAULT_CURRENCY = setting, "EUR"
    assert check_ids(databases=["default"]) == set()
    Currency.objects.filter(code="EUR").update(is_active=False)
    assert check_ids(databases=["default"]) == expected
    settings.TILL_DEFAULT_CURRENCY = "XXX"
    assert check_ids(databases=["default"]) == expected


@pytest.mark.parametrize("secret", sorted(checks.PUBLISHED_WEBHOOK_SECRETS))
@pytest.mark.parametrize("field", ["secret", "previous_secret"])
@pytest.mark.usefixtures("production_database")
def test_a_production_with_a_published_webhook_secret_is_refused(secret: str, field: str) -> None:
    make_provider(**{field: secret})
    assert check_ids(databases=["default"]) == {"till.E013"}


@pytest.mark.usefixtures("production_database")
def test_a_glued_scheme_that_takes_any_transaction_id_is_warned_of() -> None:
    provider = make_provider(scheme="sha256_concat")
    assert check_ids(databases=["default"]) == {"till.W001"}
    provider.requires_uuid = True
    provider.save()
    assert check_ids(databases=["default"]) == set()


@pytest.mark.django_db
def test_a_postgresql_that_is_too_old_is_refused(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.ALLOWED_HOSTS = ["localhost"]
    monkeypatch.setattr(checks, "MIN_POSTGRESQL_VERSION", 990000)
    assert check_ids(databases=["default"]) == {"till.E011"}


def test_a_database_that_cannot_be_reached_is_refused() -> None:
    result = manage("check", "--database", "default", TILL_DB_POOL_SIZE="8")
    assert result.returncode == 1
    assert "till.E010" in result.stderr
    assert "Connection refused" in result.stderr  # and not that a pool has waited in vain
    assert "Traceback" not in result.stderr


def test_the_checks_create_no_embedded_postgresql_in_production(tmp_path: Path) -> None:
    result = manage("check", "--database", "default", DATABASE_URL="", TILL_DATA=str(tmp_path))
    assert result.returncode == 1
    assert "till.E006" in result.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.django_db
def test_the_checks_know_the_demo_that_is_really_seeded(production: Settings) -> None:
    production.TILL_DEBUG = True
    Provider.objects.all().delete()  # encrypted with the development mode's key
    call_command("seed_currencies", verbosity=0)
    call_command("seed_users", verbosity=0)
    production.TILL_DEBUG = False
    assert check_ids(databases=["default"]) >= {"till.E012", "till.E013"}
    active = User.objects.filter(is_active=True, email__endswith="@example.com")
    assert set(active.values_list("email", flat=True)) >= checks.DEMO_EMAILS
    assert {provider.secret for provider in Provider.objects.all()} <= checks.PUBLISHED_WEBHOOK_SECRETS


def make_provider(**fields: Any) -> Provider:
    currency = Currency.objects.filter(code="USD").first() or recipes.currency.make(code="USD")
    provider: Provider = recipes.provider.make(currency=currency, **fields)
    return provider


def test_the_checks_use_the_connection_that_is_tested() -> None:
    assert list(connections) == ["default"]


# --- malformed variables: one line, before anything else ----------------------------------------------------


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORT", "abc"),
        ("PORT", "70000"),
        ("PORT", "٨٠"),
        ("TILL_DEBUG", "maybe"),
        ("TILL_DB_POOL_SIZE", "-1"),
        ("TILL_MAX_AMOUNT", "lots"),
        ("TILL_MAX_AMOUNT", "NaN"),
        ("TILL_MAX_AMOUNT", "0"),
        ("TILL_TRANSFER_DAILY_LIMITS", "USD"),
        ("TILL_TRANSFER_DAILY_LIMITS", "USD:"),
        ("TILL_TRANSFER_DAILY_LIMITS", "usd:5"),
        ("TILL_TRANSFER_DAILY_LIMITS", "USD:-5"),
        ("TILL_TRANSFER_DAILY_LIMITS", "USD:5,USD:6"),
        ("TILL_REGISTRATION_WALLETS", "some"),
        ("TILL_DEFAULT_CURRENCY", "dollar"),
        ("TILL_ORDER_EXPIRY_HOURS", "900000"),
        ("TILL_RATE_MAX_AGE_HOURS", "2147483647"),
        ("TILL_CSRF_TRUSTED_ORIGINS", "foo"),
        ("TILL_CSRF_TRUSTED_ORIGINS", "https://staff.example.com/"),
        ("TILL_CORS_ORIGINS", "foo"),
        ("TILL_CORS_ORIGINS", "https://*.example.com"),
        ("TILL_WEBHOOK_FAST_PATH", "sometimes"),
        ("TILL_API_FAST_PATH", "sometimes"),
        ("TILL_LOG_FORMAT", "xml"),
        ("TILL_LOG_LEVEL", "LOUD"),
        ("TILL_THROTTLE_LOGIN", "often"),
        ("TILL_EMAIL_URL", "example.com"),
        ("TILL_EMAIL_URL", "smtp+tls://till:sesame@host:abc"),
        ("TILL_EMAIL_URL", "smtp+tls://till:sesame@[host"),
        ("TILL_EMAIL_URL", "smtp+tls://"),
        ("DATABASE_URL", "mysql://till@localhost/till"),
        ("DATABASE_URL", "postgres://till:sesame@localhost"),
    ],
)
def test_a_malformed_variable_is_named_in_one_line(name: str, value: str) -> None:
    with pytest.raises(BadVariable) as refused:
        read_settings(**{name: value})
    assert str(refused.value).startswith(f"{name} must be ")
    assert "\n" not in str(refused.value)
    assert "sesame" not in str(refused.value)


def test_a_malformed_variable_ends_a_command_with_this_line_alone() -> None:
    result = manage("check", DATABASE_URL="postgres://till:sesame@localhost")
    line = "DATABASE_URL must be postgres://user:password@host:port/database.\n"
    assert (result.returncode, result.stdout, result.stderr) == (1, "", line)


@pytest.mark.parametrize("folder", ["/etc/passwd", "/proc/x"])
def test_a_data_folder_that_cannot_be_one_is_named(folder: str) -> None:
    with pytest.raises(BadVariable) as refused:
        read_settings(TILL_DEBUG="1", TILL_DATA=folder, TILL_SECRET_KEY="")
    assert str(refused.value).startswith("TILL_DATA must be a folder that can be written to")
    assert "\n" not in str(refused.value)
