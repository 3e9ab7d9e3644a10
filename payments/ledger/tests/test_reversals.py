"""Taking back what was booked: once, with a reason, and never more than there is."""

from collections import Counter
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry

from payments.models import Reversal, Transaction, Wallet
from tests.support.ledger import balance_of, book_transfer, clearing_wallet, wallet_with
from tests.support.ledger_checks import assert_ledger_balances
from tests.support.notices import ALICES, credit
from tests.support.rest import refused, signed_in
from tests.support.threads import at_once


def reverse(user: Any, transaction: int, reason: str = "disputed") -> Any:
    return signed_in(user).post(f"/api/v1/transactions/{transaction}/reverse", {"reason": reason})


def credited(owner: Any, amount: str = "100") -> int:
    credit(owner, ALICES, amount)
    booked = Transaction.objects.latest("pk").pk
    assert isinstance(booked, int)
    return booked


def test_a_reversal_books_the_opposite_and_says_so_on_both(alice: Any, admin: Any) -> None:
    original = credited(alice)
    answer = reverse(admin, original)
    assert answer.status_code == 201, answer.content
    body = answer.json()
    assert (body["kind"], body["reverses"], body["reversed_by"]) == ("reversal", original, None)
    [posting] = body["postings"]
    assert (posting["source"], posting["destination"], posting["amount"]) == (ALICES, clearing_wallet(), "100.00")
    seen = signed_in(alice).get(f"/api/v1/transactions/{original}").json()
    assert (seen["reverses"], seen["reversed_by"]) == (None, body["id"])
    assert balance_of(ALICES) == 0
    assert_ledger_balances()


def test_a_reversal_is_written_down_who_and_why(alice: Any, admin: Any) -> None:
    original = credited(alice)
    reverse(admin, original, "the card was stolen")
    entry = LogEntry.objects.get(object_id=str(original))
    assert entry.user_id == admin.pk
    assert "the card was stolen" in entry.change_message
    assert Reversal.objects.get().reason == "the card was stolen"


def test_a_second_time_is_refused(alice: Any, admin: Any) -> None:
    original = credited(alice)
    body = reverse(admin, original).json()
    refused(reverse(admin, original), 409, "already_reversed")
    refused(reverse(admin, body["id"]), 409, "not_reversible")
    assert balance_of(ALICES) == 0


def test_a_reversal_is_refused_when_the_money_is_gone(alice: Any, bob: Any, admin: Any) -> None:
    original = credited(alice)
    book_transfer((ALICES, wallet_with(bob, "USD", "1").pk, "0.01"))
    refused(reverse(admin, original), 409, "insufficient_funds")
    assert not Reversal.objects.exists()


def test_unless_the_wallet_allows_it(alice: Any, bob: Any, admin: Any) -> None:
    original = credited(alice)
    book_transfer((ALICES, wallet_with(bob, "USD", "1").pk, "60"))
    page = f"/api/v1/wallets/{ALICES}"
    assert signed_in(admin).patch(page, {"may_overdraw": True}).json()["may_overdraw"] is True
    assert reverse(admin, original).status_code == 201
    assert signed_in(alice).get(page).json()["balance"] == "-60.00"
    refused(signed_in(admin).patch(page, {"may_overdraw": False}), 409, "wallet_overdrawn")
    assert_ledger_balances(by_hand=True)
    credit(alice, ALICES, "60")
    assert signed_in(admin).patch(page, {"may_overdraw": False}).json()["balance"] == "0.00"


def test_what_is_below_zero_cannot_be_spent(alice: Any, bob: Any, admin: Any) -> None:
    original = credited(alice)
    his = wallet_with(bob, "USD", "1")
    book_transfer((ALICES, his.pk, "60"))
    signed_in(admin).patch(f"/api/v1/wallets/{ALICES}", {"may_overdraw": True})
    reverse(admin, original)
    with pytest.raises(AssertionError, match="InsufficientFunds"):
        book_transfer((ALICES, his.pk, "0.01"))


def test_a_commission_comes_back_before_the_amount_that_it_was_taken_from(alice: Any, admin: Any) -> None:
    wallet = wallet_with(alice, "USD", "5")
    fees = Wallet.objects.get(house="commission", currency="USD").pk
    original = book_transfer((clearing_wallet(), wallet.pk, "100"), (wallet.pk, fees, "2"), kind="deposit")
    book_transfer((wallet.pk, clearing_wallet(), "5"))
    assert reverse(admin, original).status_code == 201
    assert balance_of(wallet.pk) == 0
    assert_ledger_balances(by_hand=True)


@pytest.mark.parametrize("kind", ["purchase", "refund"])
def test_a_purchase_is_refunded_instead(alice: Any, admin: Any, kind: str) -> None:
    wallet = wallet_with(alice, "USD", "5")
    refused(reverse(admin, book_transfer((wallet.pk, clearing_wallet(), "1"), kind=kind)), 409, "not_reversible")


def test_of_sixteen_at_once_one_wins(committed_db: None, alice: Any, admin: Any) -> None:
    original = credited(alice)
    codes = at_once(*[lambda: reverse(admin, original).status_code] * 16)
    assert Counter(codes) == {201: 1, 409: 15}
    assert balance_of(ALICES) == 0
    assert_ledger_balances()


@pytest.mark.parametrize("reason", ["", "   ", None, 5, "x" * 201, "a\x00b", "a\nb"])
def test_a_reversal_wants_a_reason(alice: Any, admin: Any, reason: Any) -> None:
    answer = reverse(admin, credited(alice), reason)
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["field"] == "reason"


def test_only_admins_may(alice: Any, bob: Any, mallory: Any) -> None:
    original = credited(alice)
    for user in (alice, bob):
        refused(reverse(user, original), 403, "permission_denied")
        refused(signed_in(user).patch(f"/api/v1/wallets/{ALICES}", {"may_overdraw": True}), 403, "permission_denied")
    mallory.take_role("service")
    refused(reverse(mallory, original), 403, "permission_denied")


@pytest.mark.parametrize("transaction", [2**62, 2**63 - 1])
def test_an_unknown_one_is_not_found(admin: Any, transaction: int) -> None:
    assert reverse(admin, transaction).status_code == 404
    assert signed_in(admin).patch(f"/api/v1/wallets/{transaction}", {"may_overdraw": True}).status_code == 404


def test_the_houses_wallets_are_not_overdrawn_by_permission(admin: Any) -> None:
    answer = signed_in(admin).patch(f"/api/v1/wallets/{clearing_wallet()}", {"may_overdraw": True})
    refused(answer, 404, "wallet_not_found")
    assert answer.json()["detail"] == "There is no such wallet."


def test_a_permission_that_is_given_twice_is_noted_once(alice: Any, admin: Any) -> None:
    credited(alice)
    for _ in range(2):
        answer = signed_in(admin).patch(f"/api/v1/wallets/{ALICES}", {"may_overdraw": True})
        assert answer.status_code == 200
    assert LogEntry.objects.filter(object_id=ALICES).count() == 1
