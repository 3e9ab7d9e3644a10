"""Noting a key's use waits for nobody, and two at once note it once."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.utils import timezone

from accounts.models import ApiKey
from payments.api_keys.services import NewKey
from payments.api_keys.tests.conftest import ME, MakeKey, sending
from tests.support.threads import in_another_thread


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
