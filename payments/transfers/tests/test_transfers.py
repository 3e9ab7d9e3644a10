"""Transfers: own wallets and other people's, nothing told about who exists, and never more than a day's limit."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import Role
from payments.ledger import booking
from payments.ledger.services.wallets import open_wallet
from payments.models import Currency, IdempotencyKey, Posting, Transfer, Wallet
from tests.support import recipes
from tests.support.exchanges import TRANSFERS, post_transfer
from tests.support.ledger import balance_of, clearing_wallet, postings, sql, total_money, wallet_with
from tests.support.rest import ids, new_key, refused, signed_in, succeeded


@pytest.fixture
def wallet(alice: Any) -> Wallet:
    return wallet_with(alice, "USD", "100")


@pytest.fixture
def bobs(bob: Any) -> Wallet:
    return open_wallet(owner_id=bob.pk, currency="USD")


# --- sending ---
def test_a_transfer_moves_money_to_anothers_wallet(alice: Any, wallet: Wallet, bobs: Wallet) -> None:
    recipes.commission_rule.make(operation="transfer", percent=Decimal(1), fixed=Decimal("0.05"))
    body = succeeded(post_transfer(alice, wallet, "25", destination=bobs, note="For the pens"))
    sent = Transfer.objects.get()
    assert body.pop("created_at").endswith("Z")
    assert body == {
        "id": sent.pk, "direction": "sent", "sender": "alice@example.com", "source": wallet.pk, "destination": bobs.pk,
        "currency": "USD", "amount": "25.00", "commission": "0.30", "note": "For the pens",
        "reference": "", "metadata": {}, "transaction": sent.transaction_id,
    }  # fmt: skip
    assert postings(sent.transaction_id) == [
        (wallet.pk, bobs.pk, "25"),
        (wallet.pk, booking.house_wallet("commission", "USD"), "0.3"),
    ]
    assert (sent.transaction.kind, sent.transaction.reference) == ("transfer", f"transfer {sent.pk}")
    assert (balance_of(wallet), balance_of(bobs), total_money("USD")) == (Decimal("74.70"), 25, 0)


def test_a_transfer_moves_money_between_own_wallets(alice: Any, wallet: Wallet) -> None:
    second = open_wallet(owner_id=alice.pk, currency="USD")
    body = succeeded(post_transfer(alice, wallet, "100", destination=second))
    assert (body["direction"], balance_of(wallet), balance_of(second)) == ("own", 0, 100)


@pytest.mark.parametrize("email", ["bob@example.com", "BOB@Example.COM", " bob@example.com "])
def test_a_transfer_finds_a_user_by_email_in_any_case(
    alice: Any, bob: Any, wallet: Wallet, bobs: Wallet, email: str
) -> None:
    open_wallet(owner_id=bob.pk, currency="USD")
    open_wallet(owner_id=bob.pk, currency="EUR")
    assert succeeded(post_transfer(alice, wallet, "1", recipient=email))["destination"] == bobs.pk


def test_a_transfer_opens_a_wallet_for_who_has_none(alice: Any, bob: Any, wallet: Wallet) -> None:
    open_wallet(owner_id=bob.pk, currency="EUR")
    body = succeeded(post_transfer(alice, wallet, "1", recipient="bob@example.com"))
    opened = Wallet.objects.get(owner=bob, currency="USD")
    assert (opened.pk, opened.balance) == (body["destination"], 1)
    assert succeeded(post_transfer(alice, wallet, "1", recipient="bob@example.com"))["destination"] == opened.pk


def test_a_refused_transfer_opens_no_wallet(alice: Any, bob: Any, wallet: Wallet) -> None:
    refused(post_transfer(alice, wallet, "100.01", recipient="bob@example.com"), 409, "insufficient_funds")
    assert not Wallet.objects.filter(owner=bob).exists()


def test_to_oneself_is_the_same_wallet_or_another_own_one(alice: Any, wallet: Wallet) -> None:
    refused(post_transfer(alice, wallet, "1", recipient="alice@example.com"), 422, "same_wallet", "destination")
    refused(post_transfer(alice, wallet, "1", destination=wallet), 422, "same_wallet", "destination")
    second = wallet_with(alice, "USD", "5")
    assert succeeded(post_transfer(alice, second, "1", recipient="alice@example.com"))["destination"] == wallet.pk


# --- refusing ---
@pytest.mark.parametrize(
    ("amount", "code"),
    [
        ("0", "amount_not_positive"),
        ("-1", "amount_not_positive"),
        ("1.001", "too_many_decimals"),
        ("1000000000000000000.01", "amount_too_large"),
    ],
)
def test_a_transfer_refuses_an_amount_that_breaks_a_rule(
    alice: Any, wallet: Wallet, bobs: Wallet, amount: str, code: str
) -> None:
    problem = refused(post_transfer(alice, wallet, amount, destination=bobs), 422, "invalid_amount", "amount")
    assert (problem["errors"][0]["code"], balance_of(wallet)) == (code, 100)


def test_the_commission_comes_on_top_and_must_be_covered(alice: Any, wallet: Wallet, bobs: Wallet) -> None:
    recipes.commission_rule.make(operation="transfer", fixed=Decimal(1))
    refused(post_transfer(alice, wallet, "99.01", destination=bobs), 409, "insufficient_funds")
    succeeded(post_transfer(alice, wallet, "99", destination=bobs))
    assert (balance_of(wallet), balance_of(bobs)) == (0, 99)


def test_a_transfer_refuses_another_currency_and_one_not_in_use(alice: Any, wallet: Wallet, bobs: Wallet) -> None:
    euros = open_wallet(owner_id=alice.pk, currency="EUR")
    refused(post_transfer(alice, wallet, "1", destination=euros), 422, "currency_mismatch", "destination")
    Currency.objects.filter(pk="USD").update(is_active=False)
    refused(post_transfer(alice, wallet, "1", destination=bobs), 422, "currency_unavailable")


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({}, ["destination", "recipient"]),
        ({"destination": 1, "recipient": "bob@example.com"}, ["destination", "recipient"]),
        ({"destination": "1"}, ["destination"]),
        ({"recipient": ""}, ["recipient"]),
        ({"recipient": 5}, ["recipient"]),
        ({"destination": 1, "note": "x" * 201}, ["note"]),
        ({"destination": 1, "note": "a\u0007b"}, ["note"]),
        ({"destination": 1, "note": None}, ["note"]),
    ],
)
def test_a_refused_transfer_names_what_is_wrong(
    alice: Any, wallet: Wallet, body: dict[str, Any], fields: list[str]
) -> None:
    refused(post_transfer(alice, wallet, "1", **body), 400, "invalid_request", *fields)


def test_mallory_sends_only_what_is_hers(alice: Any, mallory: Any, wallet: Wallet) -> None:
    hers = open_wallet(owner_id=mallory.pk, currency="USD")
    for source in (wallet.pk, 2**60, clearing_wallet()):
        refused(post_transfer(mallory, source, "1", destination=hers), 404, "wallet_not_found", "source")
    assert balance_of(wallet) == 100


# --- nobody learns who exists ---
def test_whatever_is_wrong_with_the_other_side_it_looks_alike(
    alice: Any, bob: Any, mallory: Any, admin: Any, wallet: Wallet
) -> None:
    """Same status, same body, and as many queries for each email, and for each wallet."""
    wallets = [open_wallet(owner_id=user.pk, currency="USD").pk for user in (bob, mallory, admin)]
    carol = recipes.user.make(email="carol@example.com", full_name="Carol")
    wallets.append(open_wallet(owner_id=carol.pk, currency="EUR").pk)  # there is one, but not for dollars
    bob.is_active, bob.disabled_at = False, timezone.now()
    bob.save()
    mallory.is_active, mallory.activated_at = False, None
    mallory.save()
    admin.take_role(Role.SERVICE)
    admin.save()
    sides: list[dict[str, Any]] = [{"recipient": user.email} for user in (bob, mallory, admin)]
    sides += [{"recipient": email} for email in ("nobody@example.com", "not an address", "x" * 254, "%@_")]
    sides += [
        {"destination": destination} for destination in (*wallets, 2**62, 1, clearing_wallet(), clearing_wallet("EUR"))
    ]
    post_transfer(alice, wallet, "1", recipient="nobody@example.com")  # the first in a minute also cleans old counts up
    bodies, costs = set(), set()
    for side in sides:
        with CaptureQueriesContext(
            connection,
        ) as queries:
            answer = post_transfer(alice, wallet, "1", **side)
        bodies.add(str(refused(answer, 404, "recipient_not_found")))
        costs.add((*side, len(queries)))
    assert len(bodies) == 1
    assert len(costs) == 2
    assert (balance_of(wallet), Transfer.objects.count()) == (100, 0)


# --- a day's limit ---
@pytest.fixture
def limited(settings: Any) -> None:
    settings.TILL_TRANSFER_DAILY_LIMITS = {"USD": "50"}


def test_a_day_has_a_limit_on_what_goes_to_others(alice: Any, wallet: Wallet, bobs: Wallet, limited: None) -> None:
    succeeded(post_transfer(alice, wallet, "30", destination=bobs))
    problem = refused(post_transfer(alice, wallet, "20.01", destination=bobs), 409, "transfer_limit_exceeded", "amount")
    assert problem["left"] == "20.00"
    succeeded(post_transfer(alice, wallet, "20", recipient="bob@example.com"))
    assert (
        refused(post_transfer(alice, wallet, "0.01", destination=bobs), 409, "transfer_limit_exceeded")["left"]
        == "0.00"
    )
    assert balance_of(bobs) == 50


def test_own_wallets_other_currencies_and_other_people_do_not_count(
    alice: Any, bob: Any, wallet: Wallet, bobs: Wallet, limited: None
) -> None:
    second = open_wallet(owner_id=alice.pk, currency="USD")
    succeeded(post_transfer(alice, wallet, "60", destination=second))
    euros = wallet_with(alice, "EUR", "100")
    succeeded(post_transfer(alice, euros, "60", recipient="bob@example.com"))
    succeeded(post_transfer(alice, wallet, "40", destination=bobs))
    succeeded(post_transfer(bob, bobs, "40", destination=wallet))
    succeeded(post_transfer(alice, second, "10", destination=bobs))
    refused(post_transfer(alice, second, "0.01", destination=bobs), 409, "transfer_limit_exceeded")


def test_yesterday_does_not_count(alice: Any, wallet: Wallet, bobs: Wallet, limited: None) -> None:
    sent = succeeded(post_transfer(alice, wallet, "50", destination=bobs))["id"]
    sql("SET CONSTRAINTS ALL IMMEDIATE; ALTER TABLE payments_transfer DISABLE TRIGGER append_only")
    midnight = timezone.now().replace(hour=0, minute=0, second=0, microsecond=0)
    Transfer.objects.filter(pk=sent).update(created_at=midnight - timedelta(microseconds=1))
    succeeded(post_transfer(alice, wallet, "50", destination=bobs))
    refused(post_transfer(alice, wallet, "0.01", destination=bobs), 409, "transfer_limit_exceeded")
    Transfer.objects.filter(pk=sent).update(created_at=midnight)


def test_a_clock_set_back_over_midnight_forgets_nothing_of_today(
    alice: Any, wallet: Wallet, bobs: Wallet, limited: None
) -> None:
    succeeded(post_transfer(alice, wallet, "30", destination=bobs))
    later = succeeded(post_transfer(alice, wallet, "10", destination=bobs))["id"]
    sql("SET CONSTRAINTS ALL IMMEDIATE; ALTER TABLE payments_transfer DISABLE TRIGGER append_only")
    midnight = timezone.now().replace(hour=0, minute=0, second=0, microsecond=0)
    Transfer.objects.filter(pk=later).update(created_at=midnight - timedelta(minutes=1))
    succeeded(post_transfer(alice, wallet, "20", destination=bobs))
    refused(post_transfer(alice, wallet, "0.01", destination=bobs), 409, "transfer_limit_exceeded")


def test_nobody_is_limited_by_default(alice: Any, wallet: Wallet, bobs: Wallet) -> None:
    succeeded(post_transfer(alice, wallet, "100", destination=bobs))


# --- repeating, and trying out ---
def test_a_repeat_gets_the_first_answer_and_moves_nothing(alice: Any, wallet: Wallet, bobs: Wallet) -> None:
    body, key = {"source": wallet.pk, "destination": bobs.pk, "amount": "10"}, new_key()
    answers = [signed_in(alice).post(TRANSFERS, body, headers=key) for _ in range(3)]
    assert len({answer.content for answer in answers}) == 1
    assert answers[2].headers["Idempotent-Replayed"] == "true"
    assert (balance_of(wallet), Transfer.objects.count()) == (90, 1)
    refused(signed_in(alice).post(TRANSFERS, {**body, "amount": "9"}, headers=key), 422, "idempotency_key_reused")
    refused(signed_in(alice).post(TRANSFERS, body), 400, "idempotency_key_required")


def test_a_dry_run_says_what_would_be_and_changes_nothing(alice: Any, bob: Any, wallet: Wallet) -> None:
    recipes.commission_rule.make(operation="transfer", fixed=Decimal("0.10"))
    before = Posting.objects.count()
    body = {"source": wallet.pk, "recipient": bob.email, "amount": "10"}
    preview = succeeded(signed_in(alice).post(f"{TRANSFERS}?dry_run=true", body), 200)
    assert (preview["id"], preview["transaction"], preview["commission"]) == (None, None, "0.10")
    assert (Posting.objects.count(), Transfer.objects.count(), IdempotencyKey.objects.count()) == (before, 0, 0)
    assert not Wallet.objects.filter(owner=bob).exists()
    answer = signed_in(alice).post(f"{TRANSFERS}?dryrun=true", body, headers=new_key())
    refused(answer, 400, "invalid_request", "dryrun")
    assert balance_of(wallet) == 100


def dry_run(user: Any, source: Wallet, **to: Any) -> Any:
    return signed_in(user).post(f"{TRANSFERS}?dry_run=true", {"source": source.pk, "amount": "1", **to})


@pytest.mark.parametrize(
    ("name", "masked"),
    [
        ("Bob Builder", "B*** B***"),
        ("bob", "b***"),
        ("X Æ A-12 of Till", "X*** Æ*** A***"),
        ("bob@example.com", "b***"),
        ("", None),
    ],
)
def test_a_dry_run_shows_the_recipients_name_in_part(
    alice: Any, bob: Any, wallet: Wallet, bobs: Wallet, name: str, masked: str | None
) -> None:
    bob.full_name = name
    bob.save(update_fields=["full_name"])
    for to in ({"destination": bobs.pk}, {"recipient": bob.email}):
        answer = dry_run(alice, wallet, **to)
        assert succeeded(answer, 200)["recipient_name"] == masked
        assert bob.email not in answer.content.decode()
    assert "recipient_name" not in succeeded(post_transfer(alice, wallet, "1", destination=bobs))


def test_a_dry_run_to_an_own_wallet_says_so(alice: Any, wallet: Wallet) -> None:
    preview = succeeded(dry_run(alice, wallet, destination=open_wallet(owner_id=alice.pk, currency="USD").pk), 200)
    assert (preview["direction"], preview["recipient_name"]) == ("own", None)


def test_a_dry_run_names_nobody_who_cannot_receive(alice: Any, bob: Any, wallet: Wallet, bobs: Wallet) -> None:
    refused(dry_run(alice, wallet, destination=booking.house_wallet("sales", "USD")), 404, "recipient_not_found")
    bob.is_active = False
    bob.save(update_fields=["is_active"])
    refused(dry_run(alice, wallet, destination=bobs.pk), 404, "recipient_not_found")
    refused(dry_run(alice, wallet, recipient=bob.email), 404, "recipient_not_found")


# --- reading ---
def test_both_sides_read_it_and_only_the_sender_the_commission(
    alice: Any, bob: Any, mallory: Any, admin: Any, wallet: Wallet, bobs: Wallet
) -> None:
    recipes.commission_rule.make(operation="transfer", fixed=Decimal("0.10"))
    sent = succeeded(post_transfer(alice, wallet, "10", destination=bobs, note="Hi"))
    address = f"{TRANSFERS}/{sent['id']}"
    received = {**sent, "direction": "received", "commission": None}
    assert succeeded(signed_in(alice).get(address), 200) == sent
    assert succeeded(signed_in(bob).get(address), 200) == received
    assert succeeded(signed_in(bob).get(TRANSFERS), 200)["results"] == [received]
    assert succeeded(signed_in(admin).get(address), 200) == sent
    assert signed_in(mallory).get(address).status_code == 404
    assert ids(signed_in(mallory).get(TRANSFERS)) == []
    assert ids(signed_in(mallory).get(TRANSFERS, {"wallet": wallet.pk})) == []
    assert ids(signed_in(admin).get(TRANSFERS)) == [sent["id"]]


def test_lists_are_narrowed_and_paged(alice: Any, bob: Any, admin: Any, wallet: Wallet, bobs: Wallet) -> None:
    second = open_wallet(owner_id=alice.pk, currency="USD")
    out = succeeded(post_transfer(alice, wallet, "10", destination=bobs))["id"]
    back = succeeded(post_transfer(bob, bobs, "5", destination=second))["id"]
    own = succeeded(post_transfer(alice, wallet, "1", destination=second))["id"]
    get, staff = signed_in(alice).get, signed_in(admin).get
    directions = {name: ids(get(TRANSFERS, {"direction": name})) for name in ("sent", "received", "own")}
    assert directions == {"sent": [out], "received": [back], "own": [own]}
    assert ids(get(TRANSFERS, {"wallet": second.pk})) == [own, back]
    assert ids(get(TRANSFERS, {"currency": "USD"})) == [own, back, out]
    assert ids(get(TRANSFERS, {"currency": "EUR"})) == []
    moment = (timezone.now() - timedelta(minutes=5)).isoformat()
    assert ids(get(TRANSFERS, {"from": moment})) == [own, back, out]
    assert ids(get(TRANSFERS, {"to": moment})) == []
    page = succeeded(get(TRANSFERS, {"limit": 2}), 200)
    assert ids(get(page["next"])) == [out]
    assert ids(staff(TRANSFERS, {"user": bob.pk})) == [back, out]
    assert ids(staff(TRANSFERS, {"user": bob.pk, "direction": "received"})) == [out]
    refused(get(TRANSFERS, {"user": bob.pk}), 400, "invalid_request", "user")
    refused(get(TRANSFERS, {"direction": "in"}), 400, "invalid_request", "direction")


def test_a_list_takes_as_many_queries_however_long_it_is(alice: Any, wallet: Wallet, bobs: Wallet) -> None:
    taken = []
    for _ in range(2):
        succeeded(post_transfer(alice, wallet, "1", destination=bobs))
        with CaptureQueriesContext(connection) as queries:
            ids(signed_in(alice).get(TRANSFERS))
        taken.append(len(queries))
    assert taken[0] == taken[1]


def test_strangers_and_services_have_no_business_here(client: Any, alice: Any, wallet: Wallet, bobs: Wallet) -> None:
    assert client.post(TRANSFERS).status_code == 401
    alice.take_role(Role.SERVICE)
    assert post_transfer(alice, wallet, "1", destination=bobs).status_code == 403
    assert signed_in(alice).get(TRANSFERS).status_code == 403
