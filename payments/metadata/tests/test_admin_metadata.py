"""What clients attached, on the pages of staff: found by its reference, content as text, exported."""

from typing import Any

import pytest

from tests.support.admin_pages import listed, staff_client, text
from tests.support.attaching import KINDS, Creator, of_every_kind
from tests.support.rest import succeeded
from tests.support.staff_site import exported, url

SCRIPT = "<script>alert(1)</script>"


@pytest.fixture
def alices(alice: Any) -> Creator:
    return Creator(alice)


@of_every_kind
def test_staff_find_a_document_by_its_reference(alices: Creator, admin: Any, kind: str) -> None:
    by_text, by_number, _ = (
        succeeded(alices.create(kind, reference=reference))["id"] for reference in ("INV-7 a@b", "700000007", "INV-8")
    )
    site, page = staff_client(admin), url(KINDS[kind], "changelist")
    assert listed(site, page, q="INV-7 a@b") == [by_text]
    assert listed(site, page, q="700000007") == [by_number]
    assert listed(site, page, q="INV") == []


@of_every_kind
def test_a_page_shows_what_is_attached_as_text(alices: Creator, admin: Any, kind: str) -> None:
    created = succeeded(alices.create(kind, reference=SCRIPT, metadata={"note": SCRIPT}))["id"]
    site = staff_client(admin)
    page = text(site, url(KINDS[kind], "change", created))
    assert "note: <strong>&lt;script&gt;" in page
    for content in (page, text(site, url(KINDS[kind], "changelist"))):
        assert SCRIPT not in content
        assert "&lt;script&gt;" in content


@of_every_kind
def test_an_export_has_what_is_attached_and_no_formula(alices: Creator, admin: Any, kind: str) -> None:
    succeeded(alices.create(kind, reference="=1+1", metadata={"b": "ü", "a": "=1+1"}))
    succeeded(alices.create(kind))
    last, first = sorted(exported(staff_client(admin), KINDS[kind]), key=lambda row: row["reference"])
    assert (first["reference"], first["metadata"]) == ("'=1+1", '{"a": "=1+1", "b": "ü"}')
    assert (last["reference"], last["metadata"]) == ("", "")
