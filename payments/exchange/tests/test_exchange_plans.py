"""Exchanges that are decided in one batch: they share the wallets' money, and a quote serves one of them."""

from decimal import Decimal
from typing import Any

import pytest

from payments.exchange.plan import (
    ExchangePlan,
    ExpectedRate,
    QuotedExchangePlan,
    QuoteExpired,
    QuoteUsed,
    RateSlipped,
)
from payments.exchange.services import RateUnavailable, SameCurrency
from payments.ledger import booking
from payments.ledger.services.wallets import open_wallet
from payments.models import Exchange, Quote, Wallet
from payments.money import InvalidAmount
from tests.support import recipes
from tests.support.exchanges import new_quote, store_rate
from tests.support.ledger import balance_of, total_money, wallet_with
from tests.support.plan_batches import run_batch

Pair = tuple[Wallet, Wallet]


@pytest.fixture
def pair(alice: Any) -> Pair:
    """Alice's thousand dollars, and her wallet for euros."""
    store_rate()
    return wallet_with(alice, "USD", "1000"), open_wallet(owner_id=alice.pk, currency="EUR")


def wallets(pair: Pair) -> dict[str, Any]:
    assert pair[0].owner_id is not None
    return {"user_id": pair[0].owner_id, "source_id": pair[0].pk, "destination_id": pair[1].pk}


def at_rate(pair: Pair, amount: str, expected: ExpectedRate | None = None) -> ExchangePlan:
    return ExchangePlan(amount=Decimal(amount), expected=expected, **wallets(pair))


def by_quote(pair: Pair, quote: int) -> QuotedExchangePlan:
    return QuotedExchangePlan(quote_id=quote, **wallets(pair))


def types(results: list[Any]) -> list[type[Any]]:
    return [type(result) for result in results]


def test_exchanges_of_a_batch_share_the_money_and_what_the_first_one_bought(pair: Pair) -> None:
    store_rate("EUR", "USD", "1.1")
    recipes.commission_rule.make(operation="exchange", fixed=Decimal(1))
    back = pair[::-1]
    results = run_batch(
        at_rate(back, "1"), at_rate(pair, "900"), at_rate(pair, "100"), at_rate(back, "10"), at_rate(pair, "99")
    )
    assert types(results) == [
        booking.InsufficientFunds, Exchange, booking.InsufficientFunds, Exchange, Exchange,
    ]  # fmt: skip
    assert (balance_of(pair[0]), balance_of(pair[1])) == (Decimal(10), Decimal("889.1"))
    assert (total_money("USD"), total_money("EUR")) == (0, 0)


def test_what_is_returned_is_what_is_stored(alice: Any, pair: Pair) -> None:
    recipes.commission_rule.make(operation="exchange", percent=Decimal("0.5"))
    store_rate(value="0.8602150537")
    results = run_batch(at_rate(pair, "100.10"), by_quote(pair, new_quote(alice, "10")))
    stored = [*Exchange.objects.order_by("pk").values()]
    assert [{name: getattr(result, name) for name in row} for result, row in zip(results, stored, strict=True)] == (
        stored
    )
    assert {row["rule_id"] for row in stored} != {None}


def test_a_quote_serves_one_of_a_batch(alice: Any, pair: Pair) -> None:
    quote, other = new_quote(alice), new_quote(alice)
    results = run_batch(*[by_quote(pair, each) for each in (quote, quote, other, quote)])
    assert types(results) == [Exchange, QuoteUsed, Exchange, QuoteUsed]
    assert types(run_batch(by_quote(pair, quote))) == [QuoteUsed]
    assert (balance_of(pair[0]), balance_of(pair[1])) == (800, 180)


def test_a_refused_exchange_leaves_the_quote_to_the_next_of_the_batch(alice: Any, bob: Any, pair: Pair) -> None:
    quote = new_quote(alice, "1000.01")
    rich, theirs = (wallet_with(alice, "USD", "2000"), pair[1]), (wallet_with(bob, "USD", "2000"), pair[1])
    foreign = QuotedExchangePlan(**wallets(rich) | {"user_id": bob.pk}, quote_id=quote)
    results = run_batch(foreign, by_quote(theirs, quote), by_quote(pair, quote), by_quote(rich, quote))
    assert types(results) == [Quote.DoesNotExist, Quote.DoesNotExist, booking.InsufficientFunds, Exchange]


def test_refusals_come_in_their_order(alice: Any, bob: Any, pair: Pair) -> None:
    dollars, euros = pair
    expired = recipes.expired_quote.make(user=alice).pk
    yen, hers = open_wallet(owner_id=alice.pk, currency="JPY"), open_wallet(owner_id=bob.pk, currency="EUR")
    slipped = ExpectedRate(Decimal(2), Decimal(1))
    results = run_batch(
        by_quote((dollars, hers), expired),
        by_quote((euros, dollars), new_quote(alice)),
        at_rate((dollars, hers), "0"),
        at_rate((dollars, dollars), "0"),
        at_rate((dollars, yen), "0"),
        at_rate((dollars, yen), "1", slipped),
        at_rate(pair, "0.0000000001", slipped),
        at_rate(pair, "2000", slipped),
    )
    assert types(results) == [
        QuoteExpired, booking.CurrencyMismatch, booking.WalletNotFound, SameCurrency, InvalidAmount, RateUnavailable,
        InvalidAmount, RateSlipped,
    ]  # fmt: skip
    assert not Exchange.objects.exists()
