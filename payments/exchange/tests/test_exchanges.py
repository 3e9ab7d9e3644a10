"""Exchanges: one transaction, each currency balances, and nothing at another price than was agreed."""

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal, localcontext
from typing import Any

import pytest
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accounts.models import Role
from payments.audit import audit
from payments.ledger import booking
from payments.ledger.services.wallets import open_wallet
from payments.models import Currency, Exchange, IdempotencyKey, Posting, Wallet
from payments.money import EXACT
from tests.support import recipes
from tests.support.exchanges import EXCHANGES, QUOTES, new_quote, post_exchange, post_quote, store_rate
from tests.support.ledger import (
    balance_of,
    book_transfer,
    clearing_wallet,
    house_balance,
    postings,
    total_money,
    wallet_with,
)
from tests.support.rest import ids, new_key, refused, signed_in, succeeded


@pytest.fixture
def dollars(alice: Any) -> Wallet:
    store_rate("USD", "EUR", "0.9")
    return wallet_with(alice, "USD", "1000")


@pytest.fixture
def euros(alice: Any) -> Wallet:
    return open_wallet(owner_id=alice.pk, currency="EUR")


# --- exchanging ---
def test_an_exchange_books_one_transaction_through_the_houses_wallets(
    alice: Any, dollars: Wallet, euros: Wallet
) -> None:
    store_rate(value="0.8602150537")
    recipes.commission_rule.make(operation="exchange", percent=Decimal("0.5"))
    body = succeeded(post_exchange(alice, dollars, euros, amount="100.10"))
    exchange = Exchange.objects.get()
    assert body.pop("created_at").endswith("Z")
    assert body == {
        "id": exchange.pk, "user": alice.pk, "source": dollars.pk, "destination": euros.pk, "source_currency": "USD",
        "target_currency": "EUR", "rate": "0.8602150537", "amount": "100.10", "proceeds": "86.1075268753",
        "commission": "0.51", "remainder": "0.00000000007", "quote": None, "transaction": exchange.transaction_id,
        "reference": "", "metadata": {},
    }  # fmt: skip
    through = [booking.house_wallet("exchange", code) for code in ("USD", "EUR")]
    assert postings(exchange.transaction_id) == [
        (dollars.pk, through[0], "100.1"),
        (through[1], euros.pk, "86.1075268753"),
        (dollars.pk, booking.house_wallet("commission", "USD"), "0.51"),
    ]
    assert (exchange.transaction.kind, exchange.transaction.reference) == ("exchange", f"exchange {exchange.pk}")
    assert (balance_of(dollars), balance_of(euros)) == (Decimal("899.39"), Decimal("86.1075268753"))


def test_amounts_have_at_least_their_currencys_decimals(alice: Any, dollars: Wallet, euros: Wallet) -> None:
    store_rate("USD", "JPY", "150")
    yen = open_wallet(owner_id=alice.pk, currency="JPY")
    for destination, expected in (
        (euros, ("100.00", "90.00", "0.00", "0.00")),
        (yen, ("100.00", "15000", "0.00", "0")),
    ):
        exchange = succeeded(post_exchange(alice, dollars, destination, amount="100"))
        for body in (exchange, succeeded(signed_in(alice).get(f"{EXCHANGES}/{exchange['id']}"), 200)):
            assert tuple(body[name] for name in ("amount", "proceeds", "commission", "remainder")) == expected


def test_each_currency_balances(alice: Any, dollars: Wallet, euros: Wallet) -> None:
    store_rate("EUR", "USD", "1.0837291042")
    recipes.commission_rule.make(operation="exchange", currency_id="EUR", fixed=Decimal("0.03"))
    before = house_balance("exchange", "USD"), house_balance("exchange", "EUR")
    for _ in range(3):
        succeeded(post_exchange(alice, dollars, euros, amount="77.77"))
        succeeded(post_exchange(alice, euros, dollars, amount="13.1111111111"))
    assert (total_money("USD"), total_money("EUR")) == (0, 0)
    assert house_balance("exchange", "USD") - before[0] == 1000 - balance_of(dollars)
    assert house_balance("exchange", "EUR") - before[1] == -balance_of(euros) - Decimal("0.09")
    assert audit().is_sound


def test_an_exchange_and_back_leaves_the_rest_with_the_house(alice: Any, dollars: Wallet, euros: Wallet) -> None:
    store_rate("EUR", "USD", "1.1111111111")
    first = succeeded(post_exchange(alice, dollars, euros, amount="100"))
    succeeded(post_exchange(alice, euros, dollars, amount=first["proceeds"]))
    assert (balance_of(euros), balance_of(dollars)) == (0, Decimal("999.999999999"))


@settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    amount=st.decimals(min_value=Decimal("0.0000000001"), max_value=10**9, places=10),
    value=st.decimals(min_value=Decimal("0.0000000001"), max_value=10**9, places=10),
)
def test_whatever_amount_and_rate_no_digit_is_lost(
    amount: Decimal, value: Decimal, alice: Any, dollars: Wallet, euros: Wallet
) -> None:
    store_rate(value=f"{value:f}")
    book_transfer((clearing_wallet(), dollars.pk, f"{amount:f}"), kind="deposit")
    before = balance_of(dollars), balance_of(euros)
    answer = post_exchange(alice, dollars, euros, amount=f"{amount:f}")
    if answer.status_code == 422:
        assert amount * value < Decimal("1e-10")
        return
    exchange = succeeded(answer)
    with localcontext(EXACT):  # the sums have more than the 28 digits of Python's own
        assert Decimal(exchange["proceeds"]) + Decimal(exchange["remainder"]) == Decimal(exchange["amount"]) * Decimal(
            exchange["rate"]
        )
        assert 0 <= Decimal(exchange["remainder"]) < Decimal("1e-10")
        assert before[0] - balance_of(dollars) == amount
        assert balance_of(euros) - before[1] == Decimal(exchange["proceeds"])
    assert (total_money("USD"), total_money("EUR")) == (0, 0)


def test_small_amounts_are_no_way_around_the_commission(alice: Any, dollars: Wallet, euros: Wallet) -> None:
    store_rate(value="0.9")
    recipes.commission_rule.make(operation="exchange", percent=Decimal(1), minimum=Decimal("0.01"))
    exchanges = [succeeded(post_exchange(alice, dollars, euros, amount="0.0099999999")) for _ in range(3)]
    assert {one["commission"] for one in exchanges} == {"0.0099999999"}
    assert balance_of(dollars) == 1000 - 6 * Decimal("0.0099999999")


def test_the_commission_comes_on_top_and_must_be_covered(alice: Any, dollars: Wallet, euros: Wallet) -> None:
    recipes.commission_rule.make(operation="exchange", fixed=Decimal(1))
    refused(post_exchange(alice, dollars, euros, amount="999.01"), 409, "insufficient_funds")
    assert (balance_of(dollars), balance_of(euros)) == (1000, 0)
    succeeded(post_exchange(alice, dollars, euros, amount="999"))
    assert (balance_of(dollars), balance_of(euros)) == (0, Decimal("899.1"))


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({}, ["amount", "quote"]),
        ({"amount": "1", "quote": 1}, ["amount", "quote"]),
        ({"amount": "1", "max_slippage": 1}, ["expected_rate"]),
        ({"amount": "1", "expected_rate": "1"}, ["max_slippage"]),
        ({"quote": 1, "expected_rate": "1", "max_slippage": 1}, ["expected_rate", "max_slippage"]),
        ({"amount": "1", "expected_rate": "1", "max_slippage": "100.01"}, ["max_slippage"]),
        ({"amount": "1", "expected_rate": "1", "max_slippage": -1}, ["max_slippage"]),
        ({"amount": "1", "expected_rate": "0", "max_slippage": 1}, ["expected_rate"]),
        ({"amount": "one"}, ["amount"]),
        ({"quote": "1"}, ["quote"]),
    ],
)
def test_a_refused_exchange_names_what_is_wrong(
    alice: Any, dollars: Wallet, euros: Wallet, body: dict[str, Any], fields: list[str]
) -> None:
    refused(post_exchange(alice, dollars, euros, **body), 400, "invalid_request", *fields)


def test_both_wallets_are_ones_own_and_of_two_currencies(
    alice: Any, mallory: Any, dollars: Wallet, euros: Wallet
) -> None:
    theirs = wallet_with(mallory, "USD", "50"), open_wallet(owner_id=mallory.pk, currency="EUR")
    for pair in ((dollars, theirs[1]), (dollars, 9 * 10**15), (dollars, 77)):
        refused(post_exchange(alice, *pair, amount="1"), 404, "wallet_not_found", "destination")
    for source in (theirs[0], 9 * 10**15, 77):
        refused(post_exchange(alice, source, euros, amount="1"), 404, "wallet_not_found", "source")
    refused(post_exchange(alice, dollars, dollars, amount="1"), 422, "same_currency", "destination")
    second = open_wallet(owner_id=alice.pk, currency="USD")
    refused(post_exchange(alice, dollars, second, amount="1"), 422, "same_currency", "destination")
    Currency.objects.filter(pk="EUR").update(is_active=False)
    refused(post_exchange(alice, dollars, euros, amount="1"), 422, "currency_unavailable", "destination")
    assert (balance_of(dollars), Exchange.objects.count()) == (1000, 0)


# --- slippage ---
@pytest.mark.parametrize(
    ("expected", "slippage", "accepted"),
    [
        ("0.9", "0", True),
        ("0.9000000001", "0", False),
        ("0.8", "0", True),
        ("0.9090909090", "1", True),
        ("0.9090909091", 1, False),
        ("1", "10", True),
        ("1", Decimal("9.9999999999"), False),
        ("1000000", "100", True),
    ],
)
def test_an_exchange_refuses_a_rate_that_is_worse_than_allowed(
    alice: Any, dollars: Wallet, euros: Wallet, expected: str, slippage: Any, accepted: bool
) -> None:
    answer = post_exchange(alice, dollars, euros, amount="100", expected_rate=expected, max_slippage=slippage)
    if accepted:
        assert succeeded(answer)["rate"] == "0.9000000000"
    else:
        problem = refused(answer, 409, "rate_slipped", "max_slippage")
        assert (problem["rate"], balance_of(dollars)) == ("0.9000000000", 1000)


# --- repeating, and trying out ---
def test_a_repeat_gets_the_first_answer_and_moves_nothing(alice: Any, dollars: Wallet, euros: Wallet) -> None:
    body, key = {"source": dollars.pk, "destination": euros.pk, "amount": "10"}, new_key()
    answers = [signed_in(alice).post(EXCHANGES, body, headers=key) for _ in range(3)]
    assert len({answer.content for answer in answers}) == 1
    assert [answer.headers.get("Idempotent-Replayed") for answer in answers] == [None, "true", "true"]
    assert balance_of(dollars) == 990
    refused(signed_in(alice).post(EXCHANGES, {**body, "amount": "11"}, headers=key), 422, "idempotency_key_reused")
    refused(signed_in(alice).post(EXCHANGES, body), 400, "idempotency_key_required")


def test_a_dry_run_says_what_would_be_and_changes_nothing(alice: Any, dollars: Wallet, euros: Wallet) -> None:
    recipes.commission_rule.make(operation="exchange", percent=Decimal(1))
    quote = new_quote(alice)
    before = Posting.objects.count()
    for terms in ({"amount": "100"}, {"quote": quote}):
        body = {"source": dollars.pk, "destination": euros.pk, **terms}
        preview = succeeded(signed_in(alice).post(f"{EXCHANGES}?dry_run=true", body), 200)
        assert (preview["id"], preview["transaction"]) == (None, None)
        assert (preview["proceeds"], preview["commission"]) == ("90.00", "1.00")
    assert (Posting.objects.count(), Exchange.objects.count(), IdempotencyKey.objects.count()) == (before, 0, 0)
    assert (balance_of(dollars), balance_of(euros)) == (1000, 0)
    succeeded(post_exchange(alice, dollars, euros, quote=quote))


def test_a_dry_run_refuses_as_the_real_one(alice: Any, dollars: Wallet, euros: Wallet) -> None:
    body = {"source": dollars.pk, "destination": euros.pk, "amount": "1000.01"}
    refused(signed_in(alice).post(f"{EXCHANGES}?dry_run=true", body), 409, "insufficient_funds")


def test_a_misspelt_dry_run_moves_nothing(alice: Any, dollars: Wallet, euros: Wallet) -> None:
    body = {"source": dollars.pk, "destination": euros.pk, "amount": "10"}
    answer = signed_in(alice).post(f"{EXCHANGES}?dryrun=true", body, headers=new_key())
    refused(answer, 400, "invalid_request", "dryrun")
    assert balance_of(dollars) == 1000


# --- reading ---
def test_everybody_reads_his_own_and_admins_all(
    alice: Any, bob: Any, mallory: Any, admin: Any, dollars: Wallet, euros: Wallet
) -> None:
    first = succeeded(post_exchange(alice, dollars, euros, amount="1"))
    theirs = wallet_with(bob, "USD", "5"), open_wallet(owner_id=bob.pk, currency="EUR")
    second = succeeded(post_exchange(bob, *theirs, amount="2"))
    assert ids(signed_in(alice).get(EXCHANGES)) == [first["id"]]
    assert ids(signed_in(admin).get(EXCHANGES)) == [second["id"], first["id"]]
    assert ids(signed_in(admin).get(EXCHANGES, {"user": bob.pk})) == [second["id"]]
    assert ids(signed_in(mallory).get(EXCHANGES)) == []
    assert succeeded(signed_in(alice).get(f"{EXCHANGES}/{first['id']}"), 200) == first
    assert signed_in(mallory).get(f"{EXCHANGES}/{first['id']}").status_code == 404
    assert succeeded(signed_in(admin).get(f"{EXCHANGES}/{first['id']}"), 200) == first
    refused(signed_in(mallory).get(EXCHANGES, {"user": alice.pk}), 400, "invalid_request", "user")


def test_lists_are_narrowed_and_paged(alice: Any, dollars: Wallet, euros: Wallet) -> None:
    store_rate("EUR", "USD", "1.1")
    there, back = (
        succeeded(post_exchange(alice, *pair[:2], amount=pair[2]))["id"]
        for pair in ((dollars, euros, "10"), (euros, dollars, "5"))
    )
    get: Callable[..., Any] = signed_in(alice).get
    assert ids(get(EXCHANGES, {"source_currency": "USD"})) == [there]
    assert ids(get(EXCHANGES, {"target_currency": "USD"})) == [back]
    assert ids(get(EXCHANGES, {"wallet": euros.pk})) == [back, there]
    assert ids(get(EXCHANGES, {"wallet": euros.pk + 10})) == []
    now = timezone.now()
    assert ids(get(EXCHANGES, {"from": (now - timedelta(minutes=5)).isoformat()})) == [back, there]
    assert ids(get(EXCHANGES, {"to": (now - timedelta(minutes=5)).isoformat()})) == []
    page = succeeded(get(EXCHANGES, {"limit": 1}), 200)
    assert [row["id"] for row in page["results"]] == [back]
    assert ids(get(page["next"])) == [there]
    refused(get(EXCHANGES, {"currency": "USD"}), 400, "invalid_request", "currency")


def test_strangers_and_services_have_no_business_here(client: Any, alice: Any, dollars: Wallet) -> None:
    assert [client.post(path).status_code for path in (QUOTES, EXCHANGES)] == [401, 401]
    alice.take_role(Role.SERVICE)
    assert post_quote(alice).status_code == 403
    assert signed_in(alice).get(EXCHANGES).status_code == 403
    assert signed_in(alice).post(EXCHANGES, {}, headers=new_key()).status_code == 403
