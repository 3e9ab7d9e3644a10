"""What staff did is written down for ever: PostgreSQL refuses to change or forget it."""

from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.db import IntegrityError, transaction

from staff.history import record
from tests.support.ledger import sql

TAMPERING = {
    "another reason": "UPDATE django_admin_log SET change_message = 'nothing'",
    "somebody else": "UPDATE django_admin_log SET user_id = {bob}",
    "another time": "UPDATE django_admin_log SET action_time = now() - interval '1 day'",
    "another object": "UPDATE django_admin_log SET object_id = '0'",
    "another kind of object": "UPDATE django_admin_log SET content_type_id = NULL",
    "another kind of change": "UPDATE django_admin_log SET action_flag = 1",
    "an entry removed": "DELETE FROM django_admin_log",
    "all of them": "TRUNCATE django_admin_log",
}


@pytest.fixture
def entry(alice: Any, admin: Any) -> LogEntry:
    record(about=alice, staff=admin, text="Disabled. Reason: fraud")
    sql("SET CONSTRAINTS ALL IMMEDIATE")  # a table with checks that are pending is not emptied anyhow
    return LogEntry.objects.get()


@pytest.mark.parametrize("tampering", TAMPERING)
def test_postgresql_refuses_to_change_the_staff_log(entry: LogEntry, bob: Any, tampering: str) -> None:
    with pytest.raises(IntegrityError, match="what staff did stays as it was written down"), transaction.atomic():
        sql(TAMPERING[tampering].format(bob=bob.pk))
    assert LogEntry.objects.get().change_message == "Disabled. Reason: fraud"


def test_what_a_deleted_user_was_called_can_be_taken_out(entry: LogEntry) -> None:
    LogEntry.objects.update(object_repr="user 1, deleted")
    assert LogEntry.objects.get().object_repr == "user 1, deleted"
