"""Quotes: a promise of a rate and a commission, for one exchange and a while."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone

from payments.ledger.services.wallets import open_wallet
from payments.models import Exchange, ExchangeRate, Posting, Quote, Wallet
from tests.support import recipes
from tests.support.exchanges import (
    QUOTES,
    new_quote,
    post_exchange,
    post_quote,
    store_rate,
)
from tests.support.ledger import balance_of, wallet_with
from tests.support.rest import refused, signed_in, succeeded


@pytest.fixture
def dollars(alice: Any) -> Wallet:
    store_rate("USD", "EUR", "0.9")
    return wallet_with(alice, "USD", "1000")


@pytest.fixture
def euros(alice: Any) -> Wallet:
    return open_wallet(owner_id=alice.pk, currency="EUR")


# --- quotes ---
def test_a_quote_says_what_an_amount_is_worth(alice: Any) -> None:
    store_rate("USD", "EUR", "0.8602150537")
    recipes.commission_rule.make(operation="exchange", percent=Decimal("0.5"))
    body = succeeded(post_quote(alice, "100.10"))
    quote = Quote.objects.get()
    assert body == {
        "id": quote.pk, "source_currency": "USD", "target_currency": "EUR", "rate": "0.8602150537",
        "amount": "100.10", "proceeds": "86.1075268753", "commission": "0.51",
        "created_at": body["created_at"], "expires_at": body["expires_at"],
    }  # fmt: skip
    assert quote.expires_at - quote.created_at == timedelta(seconds=60)
    assert succeeded(signed_in(alice).get(f"{QUOTES}/{quote.pk}"), 200) == body


def test_a_quote_moves_nothing_and_needs_no_key(alice: Any, dollars: Wallet) -> None:
    before = Posting.objects.count()
    succeeded(post_quote(alice, "100"))
    assert (Posting.objects.count(), balance_of(dollars)) == (before, 1000)


@pytest.mark.parametrize("amount", ["0.0000000001", "12.3456789012", 5, Decimal("5.5")])
def test_an_exchange_takes_more_decimals_than_the_currency_has(alice: Any, amount: Any) -> None:
    store_rate(value="2")
    assert Decimal(succeeded(post_quote(alice, amount))["proceeds"]) == 2 * Decimal(amount)


@pytest.mark.parametrize(
    ("amount", "code"),
    [
        ("0", "amount_not_positive"),
        ("-1", "amount_not_positive"),
        ("0.00000000001", "too_many_decimals"),
        ("1000000000000000000.01", "amount_too_large"),
        ("9" * 100, "amount_too_large"),
        ("0.0000000001", "amount_too_small"),
    ],
)
def test_a_quote_refuses_an_amount_that_breaks_a_rule(
    alice: Any, dollars: Wallet, euros: Wallet, amount: str, code: str
) -> None:
    for answer in (post_quote(alice, amount), post_exchange(alice, dollars, euros, amount=amount)):
        assert refused(answer, 422, "invalid_amount", "amount")["errors"][0]["code"] == code


def test_a_quote_refuses_what_no_wallet_could_hold(alice: Any) -> None:
    store_rate(value="999999999999999999")
    problem = refused(post_quote(alice, "1000000000000000000"), 422, "invalid_amount", "amount")
    assert problem["errors"][0]["code"] == "amount_too_large"


def test_a_quote_refuses_a_missing_and_a_stale_rate(alice: Any, dollars: Wallet, euros: Wallet) -> None:
    refused(post_quote(alice, source="EUR", target="USD"), 422, "rate_unavailable")
    store_rate(hours_old=95.9)
    succeeded(post_quote(alice))
    store_rate(hours_old=96.1)
    refused(post_quote(alice), 422, "rate_unavailable")
    refused(post_exchange(alice, dollars, euros, amount="1"), 422, "rate_unavailable")


def test_a_quote_refuses_one_currency_and_those_not_in_use(alice: Any) -> None:
    refused(post_quote(alice, source="USD", target="USD"), 422, "same_currency", "target_currency")
    refused(post_quote(alice, source="XXX"), 422, "currency_unavailable", "source_currency")
    refused(post_quote(alice, target="eur"), 422, "currency_unavailable", "target_currency")


def test_others_quotes_are_not_found(alice: Any, mallory: Any, admin: Any) -> None:
    store_rate()
    quote = new_quote(alice)
    for other in (mallory, admin):
        refused(signed_in(other).get(f"{QUOTES}/{quote}"), 404, "not_found")
    wallets = [wallet_with(mallory, currency, "1000") for currency in ("USD", "EUR")]
    refused(post_exchange(mallory, *wallets, quote=quote), 404, "quote_not_found")
    refused(post_exchange(mallory, *wallets, quote=quote + 1), 404, "quote_not_found")


def test_quotes_refuse_an_unknown_query_parameter(alice: Any) -> None:
    store_rate()
    body = {"source_currency": "USD", "target_currency": "EUR", "amount": "1"}
    refused(signed_in(alice).post(f"{QUOTES}?currency=USD", body), 400, "invalid_request", "currency")


# --- with a quote ---
def test_a_quote_keeps_its_rate_and_commission(alice: Any, dollars: Wallet, euros: Wallet) -> None:
    rule = recipes.commission_rule.make(operation="exchange", percent=Decimal(1))
    quote = new_quote(alice, "100")
    rule.valid_until = timezone.now()
    rule.save()
    store_rate(value="0.5")
    ExchangeRate.objects.all().delete()
    body = succeeded(post_exchange(alice, dollars, euros, quote=quote))
    assert (body["quote"], body["rate"], body["proceeds"], body["commission"]) == (
        quote, "0.9000000000", "90.00", "1.00",
    )  # fmt: skip
    assert (balance_of(dollars), balance_of(euros)) == (899, 90)


def test_a_quote_serves_once(alice: Any, dollars: Wallet, euros: Wallet) -> None:
    quote = new_quote(alice)
    succeeded(post_exchange(alice, dollars, euros, quote=quote))
    refused(post_exchange(alice, dollars, euros, quote=quote), 409, "quote_used", "quote")
    assert (balance_of(dollars), Exchange.objects.count()) == (900, 1)


def test_a_refused_exchange_leaves_the_quote_good(alice: Any, dollars: Wallet, euros: Wallet) -> None:
    quote = new_quote(alice, "1000.01")
    refused(post_exchange(alice, dollars, euros, quote=quote), 409, "insufficient_funds")
    succeeded(post_exchange(alice, wallet_with(alice, "USD", "2000"), euros, quote=quote))


def test_an_expired_quote_is_refused(alice: Any, dollars: Wallet, euros: Wallet) -> None:
    quote = recipes.expired_quote.make(user=alice).pk
    refused(post_exchange(alice, dollars, euros, quote=quote), 409, "quote_expired", "quote")
    assert balance_of(dollars) == 1000


def test_a_quote_is_for_its_currencies(alice: Any, dollars: Wallet, euros: Wallet) -> None:
    quote = new_quote(alice)
    pounds = open_wallet(owner_id=alice.pk, currency="GBP")
    for *pair, field in ((euros, dollars, "source"), (dollars, pounds, "destination"), (pounds, euros, "source")):
        refused(post_exchange(alice, *pair, quote=quote), 422, "currency_mismatch", field)
