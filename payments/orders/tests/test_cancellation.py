"""POST deposits/{id}/cancel and withdrawals/{id}/cancel: the owner takes a pending order back, and nothing moves."""

from collections import Counter
from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from payments.models import Transaction, Wallet
from payments.orders.services import cancel_withdrawal, expire_orders
from payments.users.services import delete_user
from tests.support import recipes
from tests.support.ledger import wallet_with
from tests.support.ledger_checks import assert_ledger_balances
from tests.support.orders import (
    balance_and_held,
    deposit,
    settle,
    stored_deposit,
    stored_withdrawal,
    withdraw,
)
from tests.support.rest import API, refused, signed_in
from tests.support.threads import at_once

KINDS = ["deposits", "withdrawals"]


@pytest.fixture
def wallet(alice: Any) -> Wallet:
    return wallet_with(alice, "USD", "1000")


def an_order(kind: str, user: Any, wallet: Wallet) -> dict[str, Any]:
    return (
        deposit(user, wallet) if kind == "deposits" else withdraw(user, wallet, recipes.bank_account.make(owner=user))
    )


def cancel(user: Any, kind: str, order: dict[str, Any]) -> Any:
    return signed_in(user).post(f"{API}/{kind}/{order['id']}/cancel")


def stored_order(kind: str, order: dict[str, Any]) -> Any:
    return stored_deposit(order) if kind == "deposits" else stored_withdrawal(order)


@pytest.mark.parametrize("kind", KINDS)
def test_the_owner_cancels_an_order_and_what_it_held_is_free(kind: str, alice: Any, wallet: Wallet) -> None:
    order = an_order(kind, alice, wallet)
    answer = cancel(alice, kind, order)
    assert answer.status_code == 200, answer.content
    assert (answer.json()["status"], answer.json()["reason"], answer.json()["transaction"]) == ("cancelled", "", None)
    assert balance_and_held(wallet) == ("1000", "0")
    assert stored_order(kind, order).settled_by == alice
    assert not Transaction.objects.filter(kind=kind[:-1], reference=f"{kind[:-1]} {order['id']}").exists()
    orders = signed_in(alice).get(f"{API}/{kind}?status=cancelled").json()["results"]
    assert [row["id"] for row in orders] == [order["id"]]
    assert_ledger_balances()


@pytest.mark.parametrize("kind", KINDS)
def test_again_it_answers_the_same_and_frees_nothing_more(kind: str, alice: Any, wallet: Wallet) -> None:
    order, other = an_order(kind, alice, wallet), withdraw(alice, wallet, recipes.bank_account.make(owner=alice), "250")
    first, again = cancel(alice, kind, order), cancel(alice, kind, order)
    assert (first.status_code, again.status_code, again.content) == (200, 200, first.content)
    assert balance_and_held(wallet) == ("1000", "250")
    assert stored_withdrawal(other).status == "pending"


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("status", ["paid", "rejected"])
def test_what_is_settled_stays_settled(kind: str, status: str, alice: Any, service: Any, wallet: Wallet) -> None:
    order = an_order(kind, alice, wallet)
    settle(service, kind, order, status)
    before = balance_and_held(wallet)
    body = refused(cancel(alice, kind, order), 409, "already_settled")
    assert (body["settled"], balance_and_held(wallet), stored_order(kind, order).status) == (status, before, status)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("status", ["paid", "rejected"])
def test_what_is_cancelled_is_not_settled_and_does_not_expire(
    kind: str, status: str, alice: Any, service: Any, wallet: Wallet
) -> None:
    order = an_order(kind, alice, wallet)
    cancel(alice, kind, order)
    body = refused(settle(service, kind, order, status), 409, "already_settled")
    assert (body["settled"], balance_and_held(wallet)) == ("cancelled", ("1000", "0"))
    assert list(expire_orders(older_than=timedelta(0))) == []
    assert stored_order(kind, order).status == "cancelled"
    assert_ledger_balances()


@pytest.mark.parametrize("kind", KINDS)
def test_nobody_cancels_another_s(
    kind: str, alice: Any, mallory: Any, admin: Any, service: Any, wallet: Wallet
) -> None:
    order = an_order(kind, alice, wallet)
    refused(cancel(mallory, kind, order), 404, f"{kind[:-1]}_not_found")
    refused(cancel(admin, kind, order), 404, f"{kind[:-1]}_not_found")
    refused(cancel(service, kind, order), 403, "permission_denied")
    assert stored_order(kind, order).status == "pending"


def test_the_external_wallet_can_be_deleted_then(alice: Any, wallet: Wallet) -> None:
    bank = recipes.bank_account.make(owner=alice)
    order = withdraw(alice, wallet, bank)
    address = f"{API}/external-wallets/{bank.pk}"
    refused(signed_in(alice).delete(address), 409, "external_wallet_in_use")
    cancel(alice, "withdrawals", order)
    assert signed_in(alice).delete(address).status_code == 204


def test_nothing_is_kept_of_an_owner_who_was_deleted_a_moment_before(alice: Any, admin: Any, wallet: Wallet) -> None:
    """As a request ends that waited for the locks of whoever deleted him."""
    bank = recipes.bank_account.make(owner=alice)
    order = withdraw(alice, wallet, bank)
    delete_user(user_id=alice.pk, staff=admin, force=True)
    cancel_withdrawal(withdrawal_id=order["id"], user_id=alice.pk)
    bank.refresh_from_db()
    assert (bank.label, bank.details) == ("deleted", {})


# --- the rules of PostgreSQL ---


@pytest.mark.parametrize("kind", KINDS)
def test_postgresql_knows_who_may_have_cancelled(kind: str, alice: Any, bob: Any, wallet: Wallet) -> None:
    order = an_order(kind, alice, wallet)
    for who in (bob.pk, None):
        with pytest.raises(IntegrityError, match=f"{kind[:-1]}_status_is_whole"), transaction.atomic():
            _mark(kind, order, who)


def test_postgresql_refuses_to_cancel_and_keep_the_hold(alice: Any, wallet: Wallet) -> None:
    order = an_order("withdrawals", alice, wallet)
    with pytest.raises(IntegrityError, match="is not the sum of its pending withdrawals"), transaction.atomic():
        _mark("withdrawals", order, alice.pk)


@pytest.mark.parametrize("kind", KINDS)
def test_postgresql_keeps_what_was_cancelled(kind: str, alice: Any, wallet: Wallet) -> None:
    order = an_order(kind, alice, wallet)
    cancel(alice, kind, order)
    with pytest.raises(IntegrityError, match="an order is settled once"), transaction.atomic():
        type(stored_order(kind, order)).objects.filter(pk=order["id"]).update(status="rejected", reason="later")


def _mark(kind: str, order: dict[str, Any], user_id: int | None) -> None:
    sql = f"UPDATE payments_{kind[:-1]} SET status = 'cancelled', settled_at = %s, settled_by_id = %s WHERE id = %s"  # noqa: S608 - our own names
    with connection.cursor() as cursor:
        cursor.execute(sql, [timezone.now(), user_id, order["id"]])
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")


# --- at once ---


@pytest.mark.usefixtures("committed_db")
@pytest.mark.parametrize("kind", KINDS)
def test_of_the_owner_and_the_service_at_once_one_wins(kind: str, alice: Any, service: Any, wallet: Wallet) -> None:
    paid = 0
    for _ in range(4):
        order = an_order(kind, alice, wallet)
        acts = [lambda m=order: cancel(alice, kind, m), lambda m=order: settle(service, kind, m)] * 6
        answers = at_once(*acts)
        assert Counter(answer.status_code for answer in answers) == {200: 6, 409: 6}
        row = stored_order(kind, order)
        assert {answer.json()["status"] for answer in answers if answer.status_code == 200} == {row.status}
        assert (row.transaction is not None) == (row.status == "paid")
        paid += row.status == "paid"
    assert balance_and_held(wallet) == (str(1000 + (100 if kind == "deposits" else -100) * paid), "0")
    assert_ledger_balances()


@pytest.mark.usefixtures("committed_db")
def test_cancelling_and_deleting_the_owner_wait_for_each_other_in_one_order(
    alice: Any, admin: Any, service: Any, wallet: Wallet
) -> None:
    bank = recipes.bank_account.make(owner=alice)
    withdrawals = [withdraw(alice, wallet, bank, "10") for _ in range(4)]
    client = signed_in(alice)
    acts: list[Any] = [
        lambda m=m: client.post(f"{API}/withdrawals/{m['id']}/cancel").status_code for m in withdrawals
    ]  # fmt: skip
    acts += [lambda: signed_in(admin).delete(f"{API}/users/{alice.pk}?force=true").status_code]
    assert set(at_once(*acts)) <= {200, 204, 401, 409}
    pending = [order for order in withdrawals if stored_withdrawal(order).status == "pending"]
    assert balance_and_held(wallet)[1] == str(10 * len(pending))
    assert_ledger_balances()
