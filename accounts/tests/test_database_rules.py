"""What PostgreSQL holds about people without any Python."""

import re
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.db.models import Q, QuerySet

from accounts.models import User
from tests.support import recipes

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
def test_postgresql_refuses_to_store(mallory: User, constraint: str, change: str) -> None:
    with pytest.raises(IntegrityError, match=constraint):
        run(f"UPDATE accounts_user SET {change} WHERE id = {mallory.pk}")  # noqa: S608


def test_postgresql_finds_an_email_by_its_index(alice: User) -> None:
    run("SET LOCAL enable_seqscan = off")
    plan = User.objects.with_email("ALICE@example.com").order_by().explain()
    assert "accounts_user_email_unique" in plan
    assert User.objects.get_by_natural_key("ALICE@EXAMPLE.com") == alice


# --- in a Turkish database, where `I` in lower case is another letter than `i` ----------------------------------


def test_an_email_with_an_i_is_one_in_every_case(alice: User) -> None:
    """CI runs this in such a database."""
    User.objects.filter(pk=alice.pk).update(email="INFO.ILI@example.com")
    for written in ("info.ili@example.com", "INFO.ILI@EXAMPLE.COM", "Info.Ili@Example.com"):
        assert User.objects.get_by_natural_key(written) == alice
        assert User.objects.get(email__icontains=written[1:9]) == alice
    with pytest.raises(IntegrityError, match="accounts_user_email_unique"):
        recipes.user.make(email="info.ili@example.com")


@pytest.mark.parametrize(
    "queryset",
    [
        User.objects.with_email("a@b.c"),
        User.objects.filter(email__icontains="a"),
        User.objects.filter(Q(email__icontains="a") | Q(pk=1)),
    ],
    ids=["with_email", "icontains", "either"],
)
def test_emails_are_compared_as_ascii(queryset: QuerySet[Any]) -> None:
    statement = str(queryset.query)
    assert re.search(r"(LOWER|UPPER)\(", statement)
    assert not re.search(r"(LOWER|UPPER)\((?![^()]*\(?[^()]*\)? COLLATE \"C\"\))", statement)


def test_every_index_over_folded_text_folds_ascii() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT indexdef FROM pg_indexes WHERE indexdef ~* '(lower|upper)\\('")
        definitions = [definition for (definition,) in cursor.fetchall() if "pg_catalog" not in definition]
    assert any("accounts_user_email_unique" in definition for definition in definitions)
    assert [definition for definition in definitions if 'COLLATE "C"' not in definition] == []


@pytest.mark.parametrize("text", ["%", "_", "\\", "100%"])
def test_no_character_of_a_search_is_special(alice: User, text: str) -> None:
    assert not User.objects.filter(email__icontains=text).exists()
