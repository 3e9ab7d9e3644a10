"""Noting a key's use waits for nobody, and two at once note it once. Of two revocations one counts."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.db import connection, transaction
from django.utils import timezone

from accounts.models import ApiKey, User
from payments.api_keys.services import NewKey, revoke_key
from payments.api_keys.tests.conftest import ME, MakeKey, sending
from tests.support.threads import closing_connection, in_another_thread
from tests.support.waiting import someone_waits_for_a_lock, wait_until


def test_a_use_waits_for_no_lock_on_the_key(
    committed_db: None, make_key: MakeKey, caplog: pytest.LogCaptureFixture
) -> None:
    key = make_key()
    with transaction.atomic():
        ApiKey.objects.select_for_update().get(pk=key.key.pk)
        assert in_another_thread(lambda: sending(key.text).get(ME).status_code) == 200
    assert "was not noted" not in caplog.text
    assert ApiKey.objects.get().last_used_at is None


def test_of_two_uses_at_once_one_is_noted(api_key: NewKey) -> None:
    first = timezone.now() - timedelta(seconds=30)

    def let_another_note_first(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if "SKIP LOCKED" in sql:
            ApiKey.objects.update(last_used_at=first)
        return execute(sql, params, many, context)

    with connection.execute_wrapper(let_another_note_first):
        assert sending(api_key.text).get(ME).status_code == 200
    assert ApiKey.objects.get().last_used_at == first


def test_of_two_revocations_at_once_one_counts(committed_db: None, make_key: MakeKey, admin: User) -> None:
    key = make_key().key
    with ThreadPoolExecutor(1) as thread:
        with transaction.atomic():
            first = revoke_key(key_id=key.pk, staff=admin)
            click = thread.submit(closing_connection, lambda: revoke_key(key_id=key.pk, staff=admin))
            wait_until(someone_waits_for_a_lock)
        assert click.result(30).revoked_at == first.revoked_at
    assert LogEntry.objects.filter(change_message="Revoked.").count() == 1
