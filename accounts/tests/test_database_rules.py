"""What PostgreSQL holds about people without any Python."""

import pytest
from django.db import IntegrityError, connection, transaction

from accounts.models import User

pytestmark = pytest.mark.django_db


def run(sql: str) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql)


@pytest.mark.parametrize(
    ("constraint", "change"),
    [
        ("accounts_user_email_unique", "email = 'ALICE@Example.com'"),
        ("accounts_user_role_known", "role = 'king'"),
        ("accounts_user_active_implies_activated", "is_active = true, activated_at = NULL"),
        ("accounts_user_active_implies_activated", "is_active = true, disabled_at = now()"),
        ("accounts_user_admin_is_superuser", "role = 'admin'"),
        ("accounts_user_admin_is_superuser", "is_superuser = true"),
        ("accounts_user_admin_is_superuser", "role = 'admin', is_superuser = true, is_staff = false"),
    ],
)
@pytest.mark.usefixtures("alice")
def test_it_refuses(mallory: User, constraint: str, change: str) -> None:
    with pytest.raises(IntegrityError, match=constraint):
        run(f"UPDATE accounts_user SET {change} WHERE id = {mallory.pk}")  # noqa: S608


def test_it_finds_an_email_by_its_index(alice: User) -> None:
    run("SET LOCAL enable_seqscan = off")
    plan = User.objects.with_email("ALICE@example.com").order_by().explain()
    assert "accounts_user_email_unique" in plan
    assert User.objects.get_by_natural_key("ALICE@EXAMPLE.com") == alice
