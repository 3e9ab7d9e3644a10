"""What the models say of their tables, and of a row in one line."""

from typing import Any

import pytest
from django.apps import apps
from django.db import connection

from payments.ledger.models.fields import MoneyDomainField, NumberDomainField, TextDomainField
from payments.models import HouseCheckpoint, Reversal

FIELDS = [
    field
    for model in apps.get_app_config("payments").get_models()
    for field in model._meta.local_fields
    if isinstance(field, MoneyDomainField | NumberDomainField | TextDomainField)
]


@pytest.mark.parametrize("field", FIELDS, ids=str)
def test_a_column_has_the_type_that_its_field_names(field: Any, db: None) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT format_type(atttypid, NULL) FROM pg_attribute WHERE attrelid = %s::regclass AND attname = %s",
            [field.model._meta.db_table, field.column],
        )
        assert [field.db_type(connection)] == list(cursor.fetchone())
    assert field.clone().db_type(connection) == field.db_type(connection)


def test_there_are_such_fields() -> None:
    assert {"balance", "held", "amount"} <= {field.name for field in FIELDS}


@pytest.mark.parametrize(
    ("row", "line"),
    [
        (Reversal(original_id=7), "reversal of transaction 7"),
        (HouseCheckpoint(wallet_id=3, posting_id=9), "3 up to 9"),
    ],
)
def test_a_row_says_in_one_line_which_it_is(row: Any, line: str) -> None:
    assert str(row) == line
