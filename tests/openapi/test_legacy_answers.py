"""The old addresses answer in the shapes that their own document gives, and say where what they made is read."""

from functools import cache
from typing import Any

import jsonschema
import pytest
from django.utils import translation

from config.docs_pages import legacy_schema_document, schema_document
from tests.support.every_operation import perform
from tests.support.legacy_table import LEGACY_ROWS
from tests.support.one_cast import Cast
from tests.support.rest import signed_in

#: Who is answered as the operation says where it goes well.
SERVICES = {"legacy_wallets_settle_deposit", "legacy_wallets_settle_withdrawal"}


@cache
def responses() -> dict[str, Any]:
    methods = (one for path in legacy_schema_document()["paths"].values() for one in path.values())
    return {operation["operationId"]: operation["responses"] for operation in methods}


@pytest.mark.parametrize("row", LEGACY_ROWS)
@pytest.mark.parametrize("role", ["user", "admin"])
def test_an_old_address_answers_what_its_document_says(cast: Cast, row: str, role: str) -> None:
    name = "service" if role == "user" and row in SERVICES else role
    answer = perform(row, LEGACY_ROWS[row].call(cast.context(row, name, "own")), cast.callers[name])
    described = responses()[row.partition(":")[0]][str(answer.status_code)]
    schema = described["content"][answer.headers["Content-Type"]]["schema"]
    components = {"components": legacy_schema_document()["components"]}
    jsonschema.Draft202012Validator(schema | components).validate(answer.json())
    if answer.status_code == 201 and role == "admin":
        read: Any = signed_in(cast.callers[name]).get(answer.headers["Location"])
        assert read.status_code == 200


def test_neither_document_depends_on_which_comes_first_or_on_who_asks() -> None:
    """drf-spectacular remembers the first settings that it reads of a language."""
    both = [schema_document(), legacy_schema_document()]
    with translation.override("ru"):
        again = [make.__wrapped__() for make in (schema_document, legacy_schema_document)]
    assert again == both
    named = {name for document in both for name in document["components"]["schemas"]}
    assert {"OrderStatusEnum", "SettlementEnum", "OldStatusEnum", "OldSettlementEnum"} <= named
