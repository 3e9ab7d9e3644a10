"""A provider's secret stands in the database encrypted, and keys can be changed without a gap."""

import io
import os
import shlex
import subprocess
import sys
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client

from api.encryption import Undecryptable, decrypt, encrypt
from config import checks
from payments.models import Provider
from payments.webhooks.receiving.provider_cache import provider_cache
from tests.support import recipes
from tests.support.admin_forms import shown_field

FIRST, SECOND = "first-0123456789-abcdefghijklmnopqrstuvwxyz", "second-0123456789-abcdefghijklmnopqrstuvwxyz"
SECRET, BEFORE = "the-secret-of-acme-0815-é", "the-one-before-of-acme-4711"


@pytest.fixture
def keys(settings: Any) -> Any:
    """The keys of this process; the demo's providers, under another key, stand aside."""
    settings.TILL_ENCRYPTION_KEYS = [FIRST]
    provider_cache.invalidate()
    yield settings
    provider_cache.invalidate()


@pytest.fixture
def acme(keys: Any, db: None) -> Provider:
    Provider.objects.all().delete()
    return recipes.provider.make(slug="acme", secret=SECRET, previous_secret=BEFORE)


def stands(provider: Provider) -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT secret, previous_secret FROM payments_provider WHERE id = %s", [provider.pk])
        return list(cursor.fetchone())


def rotate() -> str:
    out = io.StringIO()
    call_command("rotate_secrets", stdout=out)
    return out.getvalue()


def known() -> tuple[str, ...]:
    provider_cache.invalidate()
    provider = provider_cache.get("acme")
    return provider.secrets if provider else ()


def test_a_token_opens_with_its_key_alone_and_as_it_is() -> None:
    token = encrypt(SECRET, [FIRST])
    assert (decrypt(token, [SECOND, FIRST]), token.isascii()) == (SECRET, True)
    assert token != encrypt(SECRET, [FIRST])
    for spoilt, key in ((token, SECOND), (token[:-5] + "AAAA=", FIRST), (SECRET, FIRST), ("", FIRST)):
        with pytest.raises(Undecryptable):
            decrypt(spoilt, [key])
    with pytest.raises(ValueError, match="MultiFernet"):
        encrypt(SECRET, [])


def test_the_table_holds_no_secret_and_the_service_knows_it(acme: Provider) -> None:
    assert not {SECRET, BEFORE} & set(stands(acme))
    assert known() == (SECRET, BEFORE)
    acme.previous_secret = ""
    acme.save()
    assert (stands(acme)[1], known()) == ("", (SECRET,))


def test_a_key_is_changed_without_a_gap(acme: Provider, keys: Any) -> None:
    keys.TILL_ENCRYPTION_KEYS = [SECOND, FIRST]
    assert known() == (SECRET, BEFORE)
    assert (
        rotate()
        == rotate()
        == "The secrets of 1 providers, 0 endpoints and 0 second factors are encrypted with the first key.\n"
    )
    keys.TILL_ENCRYPTION_KEYS = [SECOND]
    assert known() == (SECRET, BEFORE)
    keys.TILL_ENCRYPTION_KEYS = [FIRST]
    assert known() == ()


def test_a_rotation_without_the_old_key_changes_nothing(acme: Provider, keys: Any) -> None:
    keys.TILL_ENCRYPTION_KEYS = [SECOND]
    before = stands(acme)
    with pytest.raises(CommandError, match="Nothing changed"):
        rotate()
    assert stands(acme) == before


def test_a_provider_that_no_key_opens_leaves_the_others_known(
    acme: Provider, keys: Any, caplog: pytest.LogCaptureFixture
) -> None:
    keys.TILL_ENCRYPTION_KEYS = [SECOND]
    recipes.provider.make(slug="other", secret=SECRET)
    assert (known(), provider_cache.get("other") is not None) == ((), True)
    assert "The secret of the provider acme cannot be decrypted" in caplog.text


def test_staff_can_give_a_new_secret_where_the_key_is_lost(acme: Provider, keys: Any, admin: Any) -> None:
    keys.TILL_ENCRYPTION_KEYS = [SECOND]
    site, page = Client(), f"/admin/payments/provider/{acme.pk}/change/"
    site.force_login(admin)
    assert [site.get(path).status_code for path in ("/admin/payments/provider/", page)] == [200, 200]
    form = shown_field(site, page) | {"slug": "acme", "scheme": "sha1_colon", "currency": "USD", "is_active": "on"}
    assert "Type a secret" in site.post(page, form).content.decode()
    assert site.post(page, {**form, "secret": SECRET}).status_code == 302
    assert known() == (SECRET,)


# --- checks at the start --------------------------------------------------------------------------------------


@pytest.mark.parametrize("keys", [[""], ["short"], ["a" * 40], [FIRST, "short"], ["the key of the tokens too"]])
def test_the_start_refuses_a_bad_key(settings: Any, keys: list[str]) -> None:
    settings.TILL_JWT_KEY = "the key of the tokens too"
    settings.TILL_ENCRYPTION_KEYS = [*keys, settings.TILL_SECRET_KEY]
    assert [message.id for message in checks.check_encryption_keys()] == ["till.E014"]
    settings.TILL_ENCRYPTION_KEYS = [SECOND, FIRST, settings.TILL_SECRET_KEY]
    assert checks.check_encryption_keys() == []


def test_the_start_warns_where_the_key_of_sessions_encrypts(settings: Any) -> None:
    settings.TILL_ENCRYPTION_KEYS = [settings.TILL_SECRET_KEY]
    assert [message.id for message in checks.check_encryption_keys()] == ["till.W007"]


def test_the_key_of_sessions_opens_what_it_encrypted_before_there_was_another() -> None:
    """So that an installation can be given its first key of this kind without losing a secret."""
    show = "from django.conf import settings; print(','.join(settings.TILL_ENCRYPTION_KEYS))"
    for given, keys in (("", FIRST), (SECOND, f"{SECOND},{FIRST}")):
        environment = {**os.environ, "TILL_DEBUG": "0", "TILL_SECRET_KEY": FIRST, "TILL_ENCRYPTION_KEYS": given}
        command = [sys.executable, "-c", f"import os; os.environ['DJANGO_SETTINGS_MODULE'] = 'config.settings'; {show}"]
        process = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
        assert process.stdout.strip() == keys


def test_the_start_refuses_a_secret_that_no_key_opens_and_says_what_to_do(acme: Provider, keys: Any) -> None:
    assert checks.check_database(databases=["default"]) == []
    keys.TILL_ENCRYPTION_KEYS = [SECOND]
    [message] = checks.check_database(databases=["default"])
    assert (message.id, "acme" in message.msg) == ("till.E015", True)
    words = shlex.split((message.hint or "").partition("manage.py ")[2])
    call_command("shell", command=words[2])
    assert checks.check_database(databases=["default"]) == []
