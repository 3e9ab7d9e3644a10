"""DELETE users/{id}: a person without history is gone; of one with history the books keep the id and nothing else."""

import time
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from functools import partial
from typing import Any

import pytest
from axes.models import AccessAttempt
from django.contrib.admin.models import LogEntry
from django.db import IntegrityError, connection, transaction
from rest_framework.test import APIClient

from accounts import tokens
from accounts.models import Role, TokenFamily, User
from accounts.tests.conftest import bearer
from config.problems.responses import response_for
from payments.ledger.services import reversals
from payments.ledger.services.wallets import open_wallet
from payments.models import ExternalWallet, IdempotencyKey, Posting, Wallet
from payments.users import services as users
from payments.webhooks import receiving
from staff.history import record
from tests.support import recipes
from tests.support.ledger import book_transfer, clearing_wallet, wallet_with
from tests.support.ledger_checks import assert_ledger_balances
from tests.support.notices import ALICES, BOBS, credit, notice
from tests.support.orders import deposit, settle, withdraw
from tests.support.rest import signed_in
from tests.support.threads import at_once, closing_connection

URL = "/api/v1/users"


def delete(staff: Any, user_id: int) -> int:
    """Delete, whatever the user holds."""
    status: int = signed_in(staff).delete(f"{URL}/{user_id}?force=true").status_code
    return status


def entries(user_id: int) -> list[tuple[str, str]]:
    log = LogEntry.objects.filter(content_type__model="user", object_id=str(user_id)).order_by("pk")
    return [(entry.object_repr, entry.change_message) for entry in log]


def key_of(user: Any) -> None:
    recipes.idempotency_key.make(user=user)


# --- without history ------------------------------------------------------------------------------------------


def test_a_person_without_history_is_gone_with_empty_wallets_tokens_and_keys(admin: Any, alice: Any) -> None:
    wallets = [open_wallet(owner_id=alice.pk, currency=currency).pk for currency in ("USD", "EUR")]
    pair = tokens.open_family(user=alice)
    key_of(alice)
    record(about=alice, staff=admin, text="Enabled.")
    assert delete(admin, alice.pk) == 204
    assert not User.objects.filter(pk=alice.pk).exists()
    assert not Wallet.objects.filter(pk__in=wallets).exists()
    assert not TokenFamily.objects.exists()
    assert not IdempotencyKey.objects.exists()
    assert bearer(pair.access).get("/api/v1/users/me").status_code == 401
    known_as = f"user {alice.pk}, deleted"
    assert entries(alice.pk) == [(known_as, "Enabled."), (known_as, "Deleted.")]
    assert signed_in(admin).get(f"{URL}/{alice.pk}").json()["code"] == "user_not_found"
    assert delete(admin, alice.pk) == 404


def test_his_id_is_never_given_again_and_his_email_is_free(admin: Any, alice: Any) -> None:
    assert delete(admin, alice.pk) == 204
    again = signed_in(admin).post(URL, {"email": "alice@example.com"}).json()
    assert again["id"] > alice.pk
    outcome = receiving.credit([notice(user_id=alice.pk, account=ALICES)])[0]
    assert isinstance(outcome, receiving.UserNotFound)


def test_a_person_of_a_fresh_registration_is_gone(admin: Any) -> None:
    body = {"email": "dave@example.com", "password": "correct horse 42"}
    new_user = APIClient().post("/api/v1/auth/register", body).json()["user"]
    assert delete(admin, new_user["id"]) == 204
    assert not User.objects.filter(pk=new_user["id"]).exists()
    assert not Wallet.objects.filter(owner=new_user["id"]).exists()


# --- with money -----------------------------------------------------------------------------------------------


def test_who_holds_money_or_waits_for_it_is_not_deleted_without_a_word(admin: Any, alice: Any) -> None:
    wallet, client = wallet_with(alice, "USD", "50"), signed_in(admin)
    withdraw(alice, wallet, recipes.bank_account.make(owner=alice), "20.00")
    for amount in ("5.00", "6.00"):
        deposit(alice, wallet, amount)
    answer = client.delete(f"{URL}/{alice.pk}")
    body = answer.json()
    assert (answer.status_code, body["code"]) == (409, "user_has_money")
    assert body["balances"] == [{"currency": "USD", "amount": "50.00"}]
    assert body["pending_orders"] == [
        {"kind": "deposit", "currency": "USD", "count": 2, "amount": "11.00"},
        {"kind": "withdrawal", "currency": "USD", "count": 1, "amount": "20.00"},
    ]
    assert client.delete(f"{URL}/{alice.pk}?force=false").status_code == 409
    assert client.delete(f"{URL}/{alice.pk}?force=1").status_code == 400
    alice.refresh_from_db()
    assert (alice.email, alice.is_active) == ("alice@example.com", True)
    for _ in range(2):
        assert client.delete(f"{URL}/{alice.pk}?force=true").status_code == 204
    holdings = "holds 50.00 USD, 2 pending deposits of 11.00 USD, 1 pending withdrawal of 20.00 USD"
    notes = [text for _, text in entries(alice.pk)]
    assert notes == [f"Deleted: anonymised and disabled, the books stay. Forced, although the user {holdings}."]


@pytest.mark.parametrize("owed", [False, True])
def test_a_deposit_alone_or_a_debt_is_money_too(admin: Any, alice: Any, owed: bool) -> None:
    wallet = open_wallet(owner_id=alice.pk, currency="USD")
    if owed:
        reversals.allow_overdraft(wallet_id=wallet.pk, allowed=True, staff=admin)
        came_in = book_transfer((clearing_wallet(), wallet.pk, "5"), kind="deposit")
        book_transfer((wallet.pk, clearing_wallet(), "5"), kind="withdrawal")
        reversals.reverse(transaction_id=came_in, reason="card stolen", staff=admin)
    else:
        deposit(alice, wallet, "5.00")
    answer = signed_in(admin).delete(f"{URL}/{alice.pk}")
    assert (answer.status_code, answer.json()["code"]) == (409, "user_has_money")


def test_who_has_nothing_left_is_deleted_as_before(admin: Any, alice: Any) -> None:
    wallet = wallet_with(alice, "USD", "50")
    book_transfer((wallet.pk, clearing_wallet(), "50"), kind="withdrawal")
    assert signed_in(admin).delete(f"{URL}/{alice.pk}").status_code == 204


# --- with history ---------------------------------------------------------------------------------------------


def test_a_person_with_history_is_anonymised_and_the_books_stay(admin: Any, alice: Any, bob: Any) -> None:
    credit(alice, ALICES, "25")
    credit(bob, BOBS)
    book_transfer((ALICES, BOBS, "5"))
    empty = open_wallet(owner_id=alice.pk, currency="EUR")
    pair = tokens.open_family(user=alice)
    key_of(alice)
    record(about=alice, staff=admin, text="Enabled.")
    recipes.failed_login.make(username="alice@example.com")
    assert delete(admin, alice.pk) == 204
    address = f"deleted-{alice.pk}@deleted.invalid"
    body = signed_in(admin).get(f"{URL}/{alice.pk}").json()
    assert (body["email"], body["full_name"], body["role"], body["is_active"]) == (address, "", "user", False)
    assert [(wallet["id"], wallet["balance"]) for wallet in body["wallets"]] == [(ALICES, "20.00"), (empty.pk, "0.00")]
    left = User.objects.get(pk=alice.pk)
    assert (left.has_usable_password(), left.last_login, left.disabled_at is None) == (False, None, False)
    assert bearer(pair.access).get("/api/v1/users/me").status_code == 401
    assert not IdempotencyKey.objects.exists()
    assert not AccessAttempt.objects.exists()
    note = "Deleted: anonymised and disabled, the books stay. Forced, although the user holds 20.00 USD."
    assert entries(alice.pk) == [(address, "Enabled."), (address, note)]
    assert Posting.objects.count() == 3
    assert_ledger_balances(by_hand=True)


def test_where_his_withdrawals_went_is_scrubbed(admin: Any, alice: Any, bob: Any) -> None:
    for owner in (alice, bob):
        details = {"address": f"{owner.full_name} 1"}
        recipes.bank_account.make(owner=owner, label=owner.full_name, kind="other", details=details)
    assert delete(admin, alice.pk) == 204
    scrubbed, untouched = ExternalWallet.objects.order_by("pk")
    assert (scrubbed.label, scrubbed.details, scrubbed.deleted_at is None) == ("deleted", {}, False)
    assert (untouched.label, untouched.details, untouched.deleted_at) == ("Bob", {"address": "Bob 1"}, None)


def test_nothing_of_the_person_is_left_in_the_answers_for_staff(admin: Any, alice: Any) -> None:
    credit(alice, ALICES)
    assert delete(admin, alice.pk) == 204
    client = signed_in(admin)
    for path in ("users", f"users/{alice.pk}", "wallets", "transactions", "webhook-events"):
        assert b"alice" not in client.get(f"/api/v1/{path}").content.lower()


def test_deleting_a_user_is_safe_to_repeat(admin: Any, alice: Any) -> None:
    credit(alice, ALICES)
    assert [delete(admin, alice.pk) for _ in range(2)] == [204, 204]
    assert len(entries(alice.pk)) == 1
    before = User.objects.filter(pk=alice.pk).values().get()
    assert signed_in(admin).post(f"{URL}/{alice.pk}/disable").status_code == 200
    assert User.objects.filter(pk=alice.pk).values().get() == before


def test_an_anonymised_user_never_comes_back(admin: Any, alice: Any) -> None:
    credit(alice, ALICES)
    assert delete(admin, alice.pk) == 204
    before = User.objects.filter(pk=alice.pk).values().get()
    client, url = signed_in(admin), f"{URL}/{alice.pk}"
    whole = {"email": before["email"], "role": "user", "is_active": False}
    answers = [
        client.post(f"{url}/enable"),
        *(client.patch(url, change) for change in (
            {"is_active": True}, {"email": "alice@example.com"}, {"role": "admin"}, {"full_name": "Alice"},
        )),
        client.put(url, whole | {"email": "alice@example.com"}),
    ]  # fmt: skip
    assert [(answer.status_code, answer.json()["code"]) for answer in answers] == [(409, "user_deleted")] * 6
    assert client.put(url, whole).status_code == 200
    assert User.objects.filter(pk=alice.pk).values().get() == before


def test_his_email_is_free_for_a_new_user_who_has_nothing_of_his(admin: Any, alice: Any) -> None:
    credit(alice, ALICES)
    assert delete(admin, alice.pk) == 204
    again = signed_in(admin).post(URL, {"email": "alice@example.com"}).json()
    assert again["id"] != alice.pk
    assert ALICES not in [wallet["id"] for wallet in again["wallets"]]


def test_nobody_takes_the_address_of_a_deleted_user_beforehand(admin: Any, alice: Any, mallory: Any) -> None:
    credit(alice, ALICES)
    address = f"Deleted-{alice.pk}@Deleted.Invalid"
    answer = APIClient().post("/api/v1/auth/register", {"email": address, "password": "correct horse 42"})
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (400, "email")
    assert signed_in(admin).patch(f"{URL}/{mallory.pk}", {"email": address}).status_code == 400
    assert delete(admin, alice.pk) == 204


@pytest.mark.parametrize("switch", ["disable", "delete"])
def test_money_still_arrives_for_a_disabled_or_deleted_user(switch: str, admin: Any, alice: Any) -> None:
    credit(alice, ALICES, "25")
    client, url = signed_in(admin), f"{URL}/{alice.pk}"
    assert (
        client.post(f"{url}/disable") if switch == "disable" else client.delete(f"{url}?force=true")
    ).status_code in (200, 204)
    assert credit(alice, ALICES, "10").balance == Decimal(35)
    assert credit(alice, BOBS, "1").balance == Decimal(1)
    assert_ledger_balances()


def test_staff_who_did_something_are_anonymised_and_their_deeds_stay(admin: Any, alice: Any) -> None:
    alice.take_role(Role.ADMIN)
    alice.save()
    assert signed_in(alice).post(URL, {"email": "dave@example.com"}).status_code == 201
    assert delete(admin, alice.pk) == 204
    left = User.objects.get(pk=alice.pk)
    assert (left.role, left.is_staff, left.is_superuser, left.is_deleted) == ("user", False, False, True)
    assert LogEntry.objects.filter(user=alice).count() == 1


def test_nobody_deletes_himself(admin: Any, alice: Any) -> None:
    assert delete(admin, admin.pk) == 409
    assert User.objects.filter(pk=admin.pk, is_active=True).exists()


# --- at once --------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("committed_db")
def test_a_deletion_and_a_first_credit_at_once_lose_no_money(admin: Any) -> None:
    for number in range(10):
        user = recipes.user.make()
        account = 700 + number
        wallet = open_wallet(owner_id=user.pk, currency="USD") if number % 2 else None
        target = account if wallet is None else wallet.pk
        notices = [notice(user_id=user.pk, account=target)]
        [outcome], status = at_once(partial(receiving.credit, notices), partial(delete, admin, user.pk))
        assert status == 204
        credited = isinstance(outcome, receiving.Credited)
        assert credited or isinstance(outcome, receiving.UserNotFound | receiving.CreditWalletNotFound), outcome
        assert User.objects.filter(pk=user.pk).exists() == credited
        assert Wallet.objects.filter(pk=target, balance=10).exists() == credited
    assert_ledger_balances()


@pytest.mark.usefixtures("committed_db")
def test_money_that_is_on_its_way_makes_him_a_person_with_history(admin: Any, alice: Any) -> None:
    wallet = open_wallet(owner_id=alice.pk, currency="USD")
    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            book_transfer((clearing_wallet(), wallet.pk, "10"), kind="deposit")
            deletion = pool.submit(closing_connection, delete, admin, alice.pk)
            wait_until_somebody_waits()
        assert deletion.result() == 204
    assert User.objects.get(pk=alice.pk).is_deleted
    assert Wallet.objects.get(pk=wallet.pk).balance == 10


@pytest.mark.usefixtures("committed_db")
def test_a_settlement_that_waited_for_a_deletion_forgets_where_the_money_went(
    admin: Any, alice: Any, service: Any
) -> None:
    bank, wallet = recipes.bank_account.make(owner=alice), wallet_with(alice, "USD", "10")
    order = withdraw(alice, wallet, bank, "10")
    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            users.delete_user(user_id=alice.pk, staff=admin, force=True)
            settlement = pool.submit(closing_connection, lambda: settle(service, "withdrawals", order).status_code)
            wait_until_somebody_waits()
        assert settlement.result() == 200
    bank.refresh_from_db()
    assert bank.details == {}


def wait_until_somebody_waits() -> None:
    for _ in range(500):
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
            if cursor.fetchone()[0]:
                return
        time.sleep(0.01)
    pytest.fail("nobody waited for the wallet")


@pytest.mark.usefixtures("committed_db")
def test_a_deletion_and_a_request_of_his_at_once_leave_nothing_half_done(admin: Any) -> None:
    for _ in range(8):
        user = recipes.user.make()
        access = tokens.open_family(user=user).access
        rename = partial(bearer(access).patch, "/api/v1/users/me", {"full_name": "Dave"})
        renamed, status = at_once(rename, partial(delete, admin, user.pk))
        assert renamed.status_code in (200, 401, 404)
        assert status == 204
        assert not User.objects.filter(pk=user.pk).exists()


@pytest.mark.usefixtures("committed_db")
def test_a_request_that_was_let_in_before_its_user_was_deleted_is_answered_401(admin: Any, alice: Any) -> None:
    alice_before = User.objects.get(pk=alice.pk)
    assert delete(admin, alice.pk) == 204
    with pytest.raises(IntegrityError) as caught:
        key_of(alice_before)
    answer = response_for(caught.value)
    assert answer is not None
    assert (answer.status_code, answer.data["code"]) == (401, "token_invalid")
    assert b"payments_" not in answer.content


@pytest.mark.usefixtures("committed_db")
def test_many_deletions_of_one_person_at_once_are_one(admin: Any, alice: Any) -> None:
    credit(alice, ALICES)
    assert at_once(*[lambda: delete(admin, alice.pk)] * 4) == [204] * 4
    assert len(entries(alice.pk)) == 1
