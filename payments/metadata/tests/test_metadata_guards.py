"""What may be attached: Python and PostgreSQL draw one line, and nothing that was attached ever changes."""

import json
import re
from typing import Any

import pytest
from django.conf import settings as settings_of_django
from django.db import DatabaseError, IntegrityError, connection, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rest_framework.exceptions import ValidationError

from payments.metadata.members import NOTHING, Attached, plain_attached
from payments.metadata.serializers import AttachingSerializer
from tests.support.attaching import KINDS, Creator, of_every_kind
from tests.support.ledger import sql
from tests.support.rest import succeeded

# What PostgreSQL stores nowhere, parsers refuse before anybody looks at a member.
storable = st.characters(exclude_categories=["Cs"], exclude_characters="\0")
near = st.sampled_from(["\n", "\x7f", "\x85", "\x9f", "\xa0", "\u2027", "\u2028", "\u2029", "\u202e", "\u202f"])
near |= st.sampled_from(["\u2065", "\u2066", "\u2069", "\u206a", " ", "\\", '"', "=", "👍"])
texts = st.text(storable | near, max_size=8)


def lengths(*around: int) -> st.SearchStrategy[str]:
    return st.builds(str.__mul__, st.sampled_from(["x", "ü", "👍"]), st.sampled_from(around))


keys = st.from_regex(r"\A[A-Za-z0-9_.-]{1,3}\Z") | st.text(storable, max_size=3) | lengths(40, 41)
others: st.SearchStrategy[Any] = st.none() | st.booleans() | st.integers(0, 9) | st.just(["x"]) | st.just({})
values = texts | lengths(500, 501) | others
metadata = st.dictionaries(keys, values, max_size=4) | st.builds(
    lambda number: {f"k{n}": "v" for n in range(number)}, st.sampled_from([19, 20, 21])
)
with_the_database = settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def checked(**members: Any) -> Attached | None:
    shape = AttachingSerializer(data=members)
    try:
        shape.is_valid(raise_exception=True)
    except ValidationError:
        return None
    attached: Attached = shape.validated_data["attached"]
    return attached


def stores(value: str, domain: str) -> bool:
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(f"SELECT %s::text::{domain}", [value])
    except IntegrityError:
        return False
    return True


@with_the_database
@given(metadata=metadata)
def test_metadata_is_taken_by_python_and_by_postgresql_or_by_neither(db: None, metadata: dict[str, Any]) -> None:
    attached = checked(metadata=metadata)
    assert attached in (None, Attached("", metadata or None))
    assert stores(json.dumps(metadata), "till_metadata") == (attached is not None and metadata != {})
    assert plain_attached({"metadata": metadata}) in (None, attached)


@with_the_database
@given(reference=texts | lengths(255, 256))
def test_a_reference_is_taken_by_python_and_by_postgresql_or_by_neither(db: None, reference: str) -> None:
    attached = checked(reference=reference)
    assert attached in (None, Attached(reference, None))
    fits = stores(reference, "till_reference") and len(reference) <= 255  # a cast cuts what is too long
    assert fits == (attached is not None)
    assert plain_attached({"reference": reference}) in (None, attached)


@given(reference=st.text(st.characters(categories=["L", "N", "P", "S"]), max_size=9))
def test_the_event_loop_takes_what_is_plain(reference: str) -> None:
    body = {"reference": reference, "metadata": {"order": reference}}
    assert plain_attached(body) == Attached(reference, {"order": reference})
    assert plain_attached({"wallet": 1}) is NOTHING


@pytest.mark.parametrize("members", [{"metadata": None}, {"metadata": []}, {"reference": None}, {"reference": 7}])
def test_the_event_loop_leaves_what_is_odd_to_the_view(members: dict[str, Any]) -> None:
    assert plain_attached(members) is None


@pytest.mark.parametrize(
    ("value", "domain", "guard"),
    [
        ("a\nb", "till_reference", "reference_is_plain"),
        ("[]", "till_metadata", "metadata_has_keys"),
        ("{}", "till_metadata", "metadata_has_keys"),
        ('{"a b": "x"}', "till_metadata", "metadata_has_keys"),
        ('{"a": 7}', "till_metadata", "metadata_is_plain_texts"),
        ('{"a": "\\n"}', "till_metadata", "metadata_is_plain_texts"),
        (f'{{"a": "{"x" * 501}"}}', "till_metadata", "metadata_is_plain_texts"),
    ],
)
def test_postgresql_refuses_by_itself(db: None, value: str, domain: str, guard: str) -> None:
    with pytest.raises(DatabaseError, match=guard), transaction.atomic():
        sql(f"SELECT %s::text::{domain}", value)


@of_every_kind
@pytest.mark.parametrize("change", ["reference = 'INV-8'", """metadata = '{"shop": "hamburg"}'""", "metadata = NULL"])
def test_what_was_attached_never_changes(alice: Any, kind: str, change: str) -> None:
    created = succeeded(Creator(alice).create(kind, reference="INV-7", metadata={"shop": "berlin"}))
    table = KINDS[kind]._meta.db_table
    with pytest.raises(DatabaseError, match=re.compile("stays|settled once")), transaction.atomic():
        sql(f"UPDATE {table} SET {change} WHERE id = %s", created["id"])  # noqa: S608 - names of ours


def test_no_row_is_written_anew_for_the_columns(db: None) -> None:
    folders = [settings_of_django.BASE_DIR / app / "migrations" / "sql" for app in ("payments", "catalog")]
    sql((folders[0] / "metadata_rules_reverse.sql").read_text())
    for folder in folders[::-1]:
        sql((folder / "metadata_reverse.sql").read_text())
    files = "SELECT relname, pg_relation_filenode(oid) FROM pg_class WHERE relname = ANY(%s)"
    tables = [kind._meta.db_table for kind in KINDS.values()]
    with connection.cursor() as cursor:
        cursor.execute(files, [tables])
        before = cursor.fetchall()
        for folder in folders:
            cursor.execute((folder / "metadata.sql").read_text())
        cursor.execute(files, [tables])
        assert cursor.fetchall() == before
    assert len(before) == len(KINDS)
