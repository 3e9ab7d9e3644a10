"""Lists by reference and by metadata: `?reference=` and `?metadata[key]=value`."""

from typing import Any

import pytest

from tests.support.attaching import Creator, of_every_kind
from tests.support.ledger import sql
from tests.support.rest import API, ids, refused, signed_in, succeeded


@pytest.fixture
def alices(alice: Any) -> Creator:
    return Creator(alice)


@of_every_kind
def test_a_list_shows_what_has_exactly_this_attached(alices: Creator, admin: Any, kind: str) -> None:
    both = succeeded(alices.create(kind, reference="INV-7", metadata={"shop": "berlin", "order": "7"}))["id"]
    one = succeeded(alices.create(kind, reference="INV-70", metadata={"shop": "berlin"}))["id"]
    none = succeeded(alices.create(kind))["id"]
    assert ids(alices.listed(kind)) == [none, one, both]
    assert ids(alices.listed(kind, reference="INV-7")) == [both]
    assert ids(alices.listed(kind, reference="inv-7")) == []
    assert ids(alices.listed(kind, **{"metadata[shop]": "berlin"})) == [one, both]
    assert ids(alices.listed(kind, **{"metadata[shop]": "berlin", "metadata[order]": "7"})) == [both]
    assert ids(alices.listed(kind, **{"metadata[shop]": "berlin", "reference": "INV-70"})) == [one]
    assert ids(alices.listed(kind, **{"metadata[order]": "70"})) == []
    everybodys = signed_in(admin).get(f"{API}/{kind}?reference=INV-7&user={alices.user.pk}")
    assert ids(everybodys) == [both]


def test_a_filtered_list_has_pages(alices: Creator) -> None:
    created = [succeeded(alices.create("deposits", metadata={"shop": "berlin"}))["id"] for _ in range(3)]
    first = succeeded(alices.listed("deposits", **{"metadata[shop]": "berlin", "limit": "2"}), 200)
    rest = succeeded(alices.client.get(first["next"]), 200)
    assert [row["id"] for row in first["results"] + rest["results"]] == created[::-1]


def test_a_service_filters_what_it_may_settle(alices: Creator, service: Any) -> None:
    created = succeeded(alices.create("deposits", reference="INV-7", metadata={"shop": "berlin"}))["id"]
    for query in ({"reference": "INV-7"}, {"metadata[shop]": "berlin"}):
        assert ids(signed_in(service).get(f"{API}/deposits", query)) == [created]


@pytest.mark.parametrize(
    "name",
    [
        *("metadata", "metadata[", "metadata[]", "metadata[a", "metadata[a][b]", "metadata[a]b", "metadata[a b]"),
        *("metadata[ü]", "Metadata[a]", "metadata[a]\n", "metadata.a", f"metadata[{'k' * 41}]"),
        *("metadata__a", "metadata__contains", "reference__contains", "reference[a]"),
    ],
)
def test_a_filter_that_is_written_otherwise_is_unknown(alices: Creator, name: str) -> None:
    body = refused(alices.listed("deposits", **{name: "x"}), 400, "invalid_request", name)
    assert [error["code"] for error in body["errors"]] == ["unknown_parameter"]


@pytest.mark.parametrize("name", ["reference", "metadata[a]"])
@pytest.mark.parametrize("value", ["", "x" * 501, "a\nb", "\u202e"])
def test_a_value_that_nothing_can_have_is_refused(alices: Creator, name: str, value: str) -> None:
    refused(alices.listed("deposits", **{name: value}), 400, "invalid_request")


def test_a_filter_is_given_once_and_for_no_more_keys_than_there_can_be(alices: Creator) -> None:
    twice = alices.client.get(f"{API}/deposits?metadata[a]=1&metadata[a]=2")
    assert refused(twice, 400, "invalid_request", "metadata[a]")["errors"][0]["code"] == "repeated_parameter"
    many = {f"metadata[k{number}]": "v" for number in range(21)}
    assert refused(alices.listed("deposits", **many), 400, "invalid_request", "metadata")["errors"][0]["code"] == (
        "too_many_keys"
    )


def test_what_reads_or_creates_one_knows_no_filter(alices: Creator) -> None:
    created = succeeded(alices.create("deposits"))["id"]
    refused(alices.client.get(f"{API}/deposits/{created}", {"metadata[a]": "x"}), 400, "invalid_request")
    refused(alices.create("deposits", query="?metadata[a]=x"), 400, "invalid_request")


@pytest.mark.parametrize(
    ("condition", "index"),
    [
        ("reference = 'INV-7'", "reference"),
        ("user_id = 7 AND reference = 'INV-7'", "reference"),
        ("""metadata @> '{"shop": "berlin"}'""", "metadata"),
    ],
)
@of_every_kind
def test_an_index_serves_each_filter(db: None, kind: str, condition: str, index: str) -> None:
    table = "catalog_purchase" if kind == "purchases" else f"payments_{kind[:-1]}"
    sql("SET LOCAL enable_seqscan = off")
    # Without the page's order: over few rows the primary key serves both, whatever the filter has.
    plan = sql(f"EXPLAIN SELECT * FROM {table} WHERE {condition}")  # noqa: S608
    assert f"{kind[:-1]}_{index}" in str(plan)
