"""What staff change about a provider holds at once, in every process, though signatures are checked from memory."""

import time
from collections.abc import Callable, Iterator
from decimal import Decimal
from importlib import import_module
from typing import Any

import psycopg
import pytest
from django.conf import settings
from django.db import OperationalError, connection
from django.test.utils import CaptureQueriesContext

from payments.conftest import Post, in_process, stored
from payments.models import Provider
from payments.webhooks import receiving
from payments.webhooks.receiving.provider_cache import (
    MAX_REFRESHES_A_SECOND,
    MIN_AGE_SECONDS,
    ProviderCache,
    provider_cache,
)
from tests.support.provider import SHA256_CONCAT, STANDARD, Form
from tests.support.sessions import end_sessions

pytestmark = pytest.mark.slow

Changed = Callable[..., Provider]
NEW_SECRET = "whsec_bmV3IHNlY3JldCBuZXcgc2VjcmV0IG5ldyE="


def after_a_moment() -> None:
    """A refused signature makes a process look again, though not for every forgery."""
    time.sleep(MIN_AGE_SECONDS * 1.2)


def test_a_withdrawn_secret_is_refused_at_once(post: Post, form: Form, alice: Any, changed: Changed) -> None:
    assert post(form.notice(user_id=alice.pk)).status == 200
    changed(form.name, secret=NEW_SECRET)
    assert post(form.notice(user_id=alice.pk)).status == 401
    assert stored().postings == 1


def test_a_new_secret_is_accepted_a_moment_later(post: Post, form: Form, alice: Any, changed: Changed) -> None:
    assert post(form.notice(user_id=alice.pk)).status == 200
    changed(form.name, secret=NEW_SECRET)
    after_a_moment()
    assert post(form.notice(user_id=alice.pk, secret=NEW_SECRET)).status == 200


def test_both_secrets_are_good_while_one_replaces_the_other(
    post: Post, form: Form, alice: Any, changed: Changed
) -> None:
    changed(form.name, secret=NEW_SECRET, previous_secret=form.secret)
    after_a_moment()
    for secret in (form.secret, NEW_SECRET):
        assert post(form.notice(user_id=alice.pk, secret=secret)).status == 200
    changed(form.name, previous_secret="")
    assert post(form.notice(user_id=alice.pk)).status == 401


def test_a_provider_that_is_switched_off_is_a_stranger_at_once(
    post: Post, form: Form, alice: Any, changed: Changed
) -> None:
    delivery = form.notice(user_id=alice.pk)
    assert post(delivery).status == 200
    changed(form.name, is_active=False)
    assert [post(d).status for d in (delivery, form.notice(user_id=alice.pk))] == [401, 401]
    changed(form.name, is_active=True)
    after_a_moment()
    assert post(delivery).body["duplicate"] is True


def test_a_new_limit_holds_at_once(post: Post, form: Form, alice: Any, changed: Changed) -> None:
    assert post(form.notice(user_id=alice.pk)).status == 200
    changed(form.name, max_amount=99)
    assert post(form.notice(user_id=alice.pk)).status == 422


def test_a_lifted_limit_holds_at_once(post: Post, form: Form, alice: Any, changed: Changed) -> None:
    changed(form.name, max_amount=99)
    assert post(form.notice(user_id=alice.pk)).status == 422
    changed(form.name, max_amount=None)
    assert post(form.notice(user_id=alice.pk)).status == 200


def test_a_limit_above_that_of_the_service_is_none(changed: Changed) -> None:
    service, limits = Decimal(settings.TILL_MAX_AMOUNT), []
    for own in (None, service + 1, 99):
        changed("sha1_colon", max_amount=own)
        provider_cache.invalidate()
        known = provider_cache.get("sha1_colon")
        assert known is not None
        limits.append(known.max_amount)
    assert limits == [service, service, 99]


def test_a_provider_that_is_new_is_known_at_once(post: Post, form: Form, alice: Any, changed: Changed) -> None:
    for round_ in range(4):
        changed(form.name, is_active=False)
        assert post(form.notice(user_id=alice.pk)).status == 401
        changed(form.name, is_active=True)
        assert [post(form.notice(user_id=alice.pk)).status for _ in range(3)] == [200, 200, 200], round_


def test_another_scheme_holds_at_once(post: Post, alice: Any, changed: Changed) -> None:
    assert post(SHA256_CONCAT.notice(user_id=alice.pk)).status == 200
    changed("sha256_concat", scheme="standard_webhooks", secret=NEW_SECRET)
    assert post(SHA256_CONCAT.notice(user_id=alice.pk)).status == 401


def test_a_secret_that_is_none_refuses_and_does_not_break(post: Post, alice: Any, changed: Changed) -> None:
    changed("standard_webhooks", secret="not a Standard Webhooks secret")
    assert post(STANDARD.notice(user_id=alice.pk)).status == 401


# --- what it costs ------------------------------------------------------------------------------------------


def test_two_hundred_forgeries_ask_the_database_a_few_times_at_most(
    form: Form, alice: Any, fresh_registry: None
) -> None:
    forged = form.notice(user_id=alice.pk, secret="bWFsbG9yeQ==")
    in_process(forged)
    started = time.monotonic()
    with CaptureQueriesContext(connection) as queries:
        assert {in_process(forged).status for _ in range(200)} == {401}
    seconds = time.monotonic() - started
    # 158 where 200 take a second
    assert len(queries) <= MAX_REFRESHES_A_SECOND * int(seconds + 2) + seconds / MIN_AGE_SECONDS


def test_an_invalidated_cache_reads_the_database_at_the_next_get(db: None) -> None:
    own = ProviderCache()
    assert own.get("sha1_colon") is not None
    Provider.objects.filter(slug="sha1_colon").update(is_active=False)
    assert own.get("sha1_colon") is not None
    own.invalidate()
    assert own.get("sha1_colon") is None


def test_a_copy_is_renewed_while_it_still_serves(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    own = ProviderCache()
    own.renew()
    assert (own.is_due(), own.is_stale()) == (False, False)
    Provider.objects.filter(slug="sha1_colon").update(is_active=False)
    own.renew()
    assert own.peek("sha1_colon") is not None
    monkeypatch.setattr(import_module("payments.webhooks.receiving.provider_cache"), "RENEW_AGE_SECONDS", 0)
    assert (own.is_due(), own.is_stale()) == (True, False)
    own.renew()
    assert own.peek("sha1_colon") is None


@pytest.fixture
def away(committed_db: None) -> Iterator[Callable[[], None]]:
    """Calling it lets no new query through: the providers' table is locked, and waiting for a lock is given up."""
    with psycopg.connect(**connection.get_connection_params()) as other:

        def lock() -> None:
            other.execute("LOCK TABLE payments_provider IN ACCESS EXCLUSIVE MODE")
            with connection.cursor() as cursor:
                cursor.execute("SET lock_timeout = '50ms'")

        yield lock
        other.rollback()
    end_sessions()


def test_the_cache_serves_its_copy_while_the_database_is_away(away: Callable[[], None]) -> None:
    own = ProviderCache()
    known = own.get("sha1_colon")
    own.invalidate()
    away()
    assert own.get("sha1_colon") == known
    with pytest.raises(OperationalError):
        own.refresh("sha1_colon")
    with pytest.raises(OperationalError):
        ProviderCache().get("sha1_colon")


def test_a_secret_is_in_no_representation(db: None) -> None:
    provider_cache.invalidate()
    assert "appkey" not in repr(provider_cache.get("sha1_colon"))
    assert "appkey" not in repr(receiving.InvalidSignature())
