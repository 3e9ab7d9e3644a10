"""A reference and metadata on everything that clients create: kept, given back exactly, never interpreted."""

import json
from collections.abc import Mapping
from typing import Any

import pytest

from payments.events.models import OutboxEvent
from payments.events.sources import EventKey, reader_of
from tests.support.attaching import KINDS, Creator, of_every_kind
from tests.support.exchanges import post_transfer
from tests.support.ledger import wallet_with
from tests.support.orders import settle
from tests.support.rest import API, ids, new_key, refused, signed_in, succeeded

ATTACHED: dict[str, Any] = {
    "reference": " INV-7 %s {0} ",
    "metadata": {"shop": "Köln 'x' \\ \"y\" 👍", "a.B-9_": "=1+1", "empty": ""},
}
NOTHING: dict[str, Any] = {"reference": "", "metadata": {}}


@pytest.fixture
def alices(alice: Any) -> Creator:
    return Creator(alice)


def attached_to(body: Mapping[str, Any]) -> dict[str, Any]:
    return {name: body[name] for name in ATTACHED}


@of_every_kind
def test_what_is_attached_is_in_every_answer_and_in_the_table(alices: Creator, kind: str) -> None:
    created = succeeded(alices.create(kind, **ATTACHED))
    [listed] = [row for row in succeeded(alices.listed(kind), 200)["results"] if row["id"] == created["id"]]
    assert attached_to(created) == attached_to(listed) == ATTACHED
    assert list(created["metadata"]) == sorted(ATTACHED["metadata"])
    assert succeeded(alices.read(kind, created["id"]), 200) == listed == created
    row = KINDS[kind].objects.get(pk=created["id"])
    assert {"reference": row.reference, "metadata": row.metadata} == ATTACHED


@of_every_kind
@pytest.mark.parametrize("members", [{}, NOTHING])
def test_what_has_nothing_attached_stores_nothing(alices: Creator, kind: str, members: dict[str, Any]) -> None:
    created = succeeded(alices.create(kind, **members))
    row = KINDS[kind].objects.get(pk=created["id"])
    assert (attached_to(created), row.reference, row.metadata) == (NOTHING, "", None)


@of_every_kind
def test_a_dry_run_shows_what_would_be_attached(alices: Creator, kind: str) -> None:
    assert attached_to(succeeded(alices.create(kind, query="?dry_run=true", **ATTACHED), 200)) == ATTACHED
    assert not KINDS[kind].objects.exists()


@pytest.mark.parametrize("orders", ["deposits", "withdrawals"])
@pytest.mark.parametrize("status", ["paid", "rejected"])
def test_a_service_sees_what_is_attached_and_settling_keeps_it(
    alices: Creator, service: Any, orders: str, status: str
) -> None:
    created = succeeded(alices.create(orders, **ATTACHED))
    assert attached_to(succeeded(signed_in(service).get(f"{API}/{orders}/{created['id']}"), 200)) == ATTACHED
    for _ in range(2):
        assert attached_to(succeeded(settle(service, orders, created, status), 200)) == ATTACHED
    assert attached_to(succeeded(alices.read(orders, created["id"]), 200)) == ATTACHED


def test_cancelling_keeps_what_is_attached(alices: Creator) -> None:
    created = succeeded(alices.create("withdrawals", **ATTACHED))
    cancelled = succeeded(alices.client.post(f"{API}/withdrawals/{created['id']}/cancel"), 200)
    assert attached_to(cancelled) == ATTACHED


def test_a_repeat_has_the_same_metadata_in_any_order_and_no_other(alices: Creator) -> None:
    key, body = new_key(), alices.body("deposits")
    first = alices.create("deposits", key=key, **body, metadata={"a": "1", "b": "2"})
    again = alices.create("deposits", key=key, **body, metadata={"b": "2", "a": "1"})
    assert (first.status_code, again.status_code, again.content) == (201, 201, first.content)
    for other in ({"metadata": {"a": "1", "b": "3"}}, {"metadata": {"a": "1", "b": "2"}, "reference": "x"}):
        refused(alices.create("deposits", key=key, **body, **other), 422, "idempotency_key_reused")


EVENTS = {
    "deposits": "deposit.created",
    "withdrawals": "withdrawal.created",
    "transfers": "transfer.booked",
    "exchanges": "exchange.booked",
    "purchases": "purchase.booked",
}


@of_every_kind
def test_events_tell_what_is_attached(alices: Creator, kind: str) -> None:
    number = succeeded(alices.create(kind, **ATTACHED))["id"]
    name = EVENTS[kind]
    if name.endswith(".created"):  # the outbox has these
        number = OutboxEvent.objects.get(type=name).pk
    [content] = reader_of(name)([EventKey(name, number)]).values()
    assert attached_to(content.data) == ATTACHED


# --- who sees it ---
def test_the_recipient_of_a_transfer_sees_nothing_of_the_senders(alices: Creator, bob: Any, admin: Any) -> None:
    bobs = wallet_with(bob, "USD", "1")
    sent = succeeded(post_transfer(alices.user, alices.wallet, "5.00", destination=bobs, **ATTACHED))
    address = f"{API}/transfers/{sent['id']}"
    assert attached_to(succeeded(signed_in(bob).get(address), 200)) == NOTHING
    assert attached_to(succeeded(signed_in(admin).get(address), 200)) == ATTACHED
    for query in ({"reference": ATTACHED["reference"]}, {"metadata[a.B-9_]": "=1+1"}):
        lists = [ids(signed_in(user).get(f"{API}/transfers", query)) for user in (alices.user, bob, admin)]
        assert lists == [[sent["id"]], [], [sent["id"]]]


def test_an_admin_who_receives_sees_what_the_sender_attached(alices: Creator, admin: Any) -> None:
    wallet = wallet_with(admin, "USD", "1")
    sent = succeeded(post_transfer(alices.user, alices.wallet, "5.00", destination=wallet, **ATTACHED))
    assert attached_to(succeeded(signed_in(admin).get(f"{API}/transfers/{sent['id']}"), 200)) == ATTACHED


@of_every_kind
def test_mallory_finds_nothing_of_anybody_elses(alices: Creator, mallory: Any, kind: str) -> None:
    created = succeeded(alices.create(kind, **ATTACHED))
    hers = signed_in(mallory)
    assert hers.get(f"{API}/{kind}/{created['id']}").status_code == 404
    assert ids(hers.get(f"{API}/{kind}", {"reference": ATTACHED["reference"]})) == []
    assert ids(hers.get(f"{API}/{kind}", {"metadata[a.B-9_]": "=1+1"})) == []


# --- what is refused ---
KEYS = {f"k{number}": "v" for number in range(21)}
REFUSED: dict[str, tuple[Any, str, str]] = {
    "a number": ({"order": 7}, "metadata.order", "invalid"),
    "a boolean": ({"order": True}, "metadata.order", "invalid"),
    "null": ({"order": None}, "metadata.order", "null"),
    "an object inside": ({"order": {"id": "7"}}, "metadata.order", "invalid"),
    "a long value": ({"order": "x" * 501}, "metadata.order", "max_length"),
    "a line break": ({"order": "a\nb"}, "metadata.order", "characters_not_allowed"),
    "a direction override": ({"order": "\u202e"}, "metadata.order", "characters_not_allowed"),
    "a long key": ({"k" * 41: "x"}, f"metadata.{'k' * 41}", "invalid_key"),
    "a bracket in a key": ({"a]": "x"}, "metadata.a]", "invalid_key"),
    "a key of another alphabet": ({"ключ": "x"}, "metadata.ключ", "invalid_key"),
    "too many keys": (KEYS, "metadata", "too_many_keys"),
    "no object": (["order"], "metadata", "invalid"),
    "a text": ("order", "metadata", "invalid"),
    "nothing at all": (None, "metadata", "null"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_metadata_that_is_refused_is_named(alices: Creator, name: str) -> None:
    metadata, field, code = REFUSED[name]
    body = refused(alices.create("deposits", metadata=metadata), 400, "invalid_request", field)
    assert [error["code"] for error in body["errors"]] == [code]


def test_each_wrong_key_is_named(alices: Creator) -> None:
    wrong = {"ok": "x", "order": 7, "a b": "x"}
    refused(alices.create("deposits", metadata=wrong), 400, "invalid_request", "metadata.order", "metadata.a b")


@pytest.mark.parametrize("reference", [7, None, ["x"], "x" * 256, "a\nb", "\u202e"])
def test_a_reference_that_is_refused_is_named(alices: Creator, reference: Any) -> None:
    refused(alices.create("deposits", reference=reference), 400, "invalid_request", "reference")


@pytest.mark.parametrize(
    "metadata", ['{"k": "a", "k": "b"}', r'{"k": "\u0000"}', r'{"k": "\ud800"}', r'{"\ud800": ""}']
)
def test_metadata_that_two_parsers_would_read_differently_is_refused(alices: Creator, metadata: str) -> None:
    body = json.dumps(alices.body("deposits"))[:-1] + f', "metadata": {metadata}}}'
    answer = alices.client.post(f"{API}/deposits", body, content_type="application/json", headers=new_key())
    refused(answer, 400, "malformed_json", "metadata")


def test_the_longest_of_everything_is_kept(alices: Creator) -> None:
    texts = {f"{number:0>40}": "👍" * 500 for number in range(20)}
    longest: dict[str, Any] = {"reference": "ü" * 255, "metadata": texts}
    assert attached_to(succeeded(alices.create("deposits", **longest))) == longest
