"""Nothing is created and nothing is lost, in sums, in bookings, and in chains of exchanges.

The numbers are random but always the same; what they must come to is computed by whole numbers (tests.support.bank).
"""

import random
from collections import defaultdict
from collections.abc import Iterator
from decimal import Decimal
from itertools import pairwise
from typing import Any, NamedTuple

import pytest
from django.utils import timezone

from payments.audit import audit
from payments.commission.arithmetic import Rule
from payments.exchange import services as counter
from payments.exchange.conversion import convert, cross_rate
from payments.ledger import booking
from payments.models import Currency, Wallet
from payments.money import DECIMAL_PLACES
from tests.support import recipes
from tests.support.bank import UNIT, WIDE, Terms, proceeds, units
from tests.support.breadth import breadth
from tests.support.ledger import fund, house_wallet, total_money, wallet_of
from tests.support.ledger_checks import differences

pytestmark = pytest.mark.slow

BATCH = 100
PLACES = {"USD": 2, "EUR": 2, "GBP": 2, "JPY": 0, "BTC": 8}


class Triple(NamedTuple):
    """An amount of a currency with so many decimals, a rate, and the rule of the commission on it."""

    amount: Decimal
    places: int
    rate: Decimal
    rule: Rule


def some_number(dice: random.Random, *, digits: int, places: int) -> Decimal:
    """A positive number of any size up to so many digits before the point: small ones are as likely as large ones."""
    return Decimal(dice.randrange(1, 10 ** dice.randint(1, digits + places))).scaleb(-places, context=WIDE)


def some_rule(dice: random.Random, places: int) -> Rule:
    """Often free of one part or another, as rules are, and now and then all of them at once."""
    percent = Decimal(dice.choice([0, 0, 10**10, dice.randint(0, 100 * UNIT)])).scaleb(-10)
    fixed, minimum = (dice.choice([Decimal(0), some_number(dice, digits=4, places=places)]) for _ in range(2))
    maximum = minimum + some_number(dice, digits=4, places=places)
    return Rule(percent, fixed, minimum, dice.choice([None, maximum]))


def some_triple(dice: random.Random, *, digits: int, places: int, rate_digits: int) -> Triple:
    """The amount fits the currency, or has ten decimals, as an exchange leaves it."""
    finest = dice.choice([places, DECIMAL_PLACES])
    amount = some_number(dice, digits=digits, places=finest)
    rate = some_number(dice, digits=rate_digits, places=10)
    return Triple(amount, places, rate, some_rule(dice, places))


# --- arithmetic ---------------------------------------------------------------------------------------------


@breadth(10_000, 100_000)
def test_exchanges_conserve_both_currencies_to_the_last_digit(number: int) -> None:
    dice = random.Random(1)
    for _ in range(number):
        conserves(some_triple(dice, digits=28, places=dice.choice([0, 2, 3, 8, 10]), rate_digits=18))


def conserves(triple: Triple) -> None:
    amount, places, rate, rule = triple
    bought, remainder = convert(amount, rate)
    whole, rest = divmod(units(amount) * units(rate), UNIT)
    assert (units(bought), remainder) == (whole, Decimal(rest).scaleb(-20, context=WIDE)), triple
    commission = rule.of(amount, decimal_places=places)
    assert 0 <= commission <= amount, triple
    assert commission == amount or units(commission) % 10 ** (DECIMAL_PLACES - places) == 0, triple
    assert commission == paper(rule).fee(amount, places), triple


def paper(rule: Rule) -> Terms:
    return Terms(rule.percent, rule.fixed, rule.minimum, rule.maximum)


@breadth(2_000, 20_000)
def test_no_chain_of_cross_rates_gains(number: int) -> None:
    dice = random.Random(2)
    for _ in range(number):
        prices = some_prices(dice, "ABCDEF")
        chain = some_chain(dice, "ABCDEF")
        amount = start = some_number(dice, digits=15, places=10)
        for source, target in pairwise(chain):
            amount, _ = convert(amount, cross_rate(prices[source], prices[target]))
        assert amount <= start, (prices, chain, start)


def some_prices(dice: random.Random, currencies: Any, *, places: int = 6) -> dict[str, Decimal]:
    """What one unit of the base currency is worth in each; of prices with two decimals every pair can be loaded."""
    return {code: some_number(dice, digits=4, places=places) for code in currencies}


def some_chain(dice: random.Random, currencies: Any) -> list[str]:
    """From one currency over others, each different from the one before, back to the first."""
    chain = [dice.choice(currencies)]
    for _ in range(dice.randint(1, 6)):
        chain.append(dice.choice([code for code in currencies if code != chain[-1]]))
    return chain if chain[-1] == chain[0] else [*chain, chain[0]]


# --- booked -------------------------------------------------------------------------------------------------

Booking = tuple[str, str, Triple]  # from one currency to another


def some_bookings(dice: random.Random) -> Iterator[Booking]:
    """Whatever buys at least the smallest unit."""
    while True:
        source, target = dice.sample(list(PLACES), 2)
        triple = some_triple(dice, digits=9, places=PLACES[source], rate_digits=6)
        if proceeds(triple.amount, triple.rate):
            yield source, target, triple


@pytest.mark.django_db
@breadth(1_000, 3_000)
def test_exchanges_through_the_ledger_leave_every_currency_at_zero(alice: Any, bob: Any, number: int) -> None:
    assert dict(Currency.objects.filter(pk__in=PLACES).values_list("pk", "decimal_places")) == PLACES
    payers, receivers = ({code: wallet_of(owner, code) for code in PLACES} for owner in (alice, bob))
    dice, expected = random.Random(3), defaultdict[tuple[str, str], int](int)
    bookings = some_bookings(dice)
    for _ in range(number // BATCH):
        movements = []
        for source, target, triple in (next(bookings) for _ in range(BATCH)):
            movements += [*as_movements(payers[source], receivers[target], source, target, triple)]
            note(expected, source, target, triple)
        assert all(isinstance(result, booking.Booked) for result in booking.book(movements))
    assert {place: units(amount) for place, amount in standing(receivers).items()} == {
        place: expected[place] for place in standing(receivers)
    }
    assert set(Wallet.objects.filter(pk__in=payers.values()).values_list("balance", flat=True)) == {0}
    assert [total_money(code) for code in PLACES] == [0] * len(PLACES)
    assert differences() == {}


def as_movements(
    payer: int, receiver: int, source: str, target: str, triple: Triple
) -> Iterator[booking.NewTransaction]:
    """Put into the payer's wallet exactly what the exchange costs, and exchange it."""
    commission = triple.rule.of(triple.amount, decimal_places=triple.places)
    bought, _ = convert(triple.amount, triple.rate)
    lines = [
        booking.NewPosting(payer, house_wallet("exchange", source), triple.amount),
        booking.NewPosting(house_wallet("exchange", target), receiver, bought),
    ]
    if commission:
        lines.append(booking.NewPosting(payer, house_wallet("commission", source), commission))
    cost = WIDE.add(triple.amount, commission)
    yield booking.NewTransaction("deposit", (booking.NewPosting(house_wallet("clearing", source), payer, cost),))
    yield booking.NewTransaction("exchange", tuple(lines))


def note(expected: dict[tuple[str, str], int], source: str, target: str, triple: Triple) -> None:
    """What leaves the payer is what the exchange and the commission wallet get, and what came from outside."""
    amount, commission = units(triple.amount), units(paper(triple.rule).fee(triple.amount, triple.places))
    bought = units(triple.amount) * units(triple.rate) // UNIT
    expected["clearing", source] -= amount + commission
    expected["exchange", source] += amount
    expected["commission", source] += commission
    expected["exchange", target] -= bought
    expected["receiver", target] += bought


def standing(receivers: dict[str, int]) -> dict[tuple[str, str], Decimal]:
    """What the house's wallets and the receivers' hold."""
    of_house = {(row.house, row.currency): row.balance for row in booking.house_balances()}
    balances = dict(Wallet.objects.filter(pk__in=receivers.values()).values_list("pk", "balance"))
    return of_house | {("receiver", code): balances[wallet] for code, wallet in receivers.items()}


@pytest.mark.django_db
@breadth(4, 40)
def test_chains_through_the_exchange_itself_neither_gain_nor_leave_a_trace_on_the_way(alice: Any, number: int) -> None:
    dice, wallets = random.Random(4), {code: wallet_of(alice, code) for code in PLACES}
    for _ in range(number):
        sheet = counter.RateSheet(timezone.now().date(), some_prices(dice, PLACES, places=2))
        counter.load_rates(sheet, force=True, confirm=True)
        for _ in range(4):
            go_round(alice, dice, wallets)
    assert [total_money(code) for code in PLACES] == [0] * len(PLACES)
    assert audit().totals == {}


def go_round(alice: Any, dice: random.Random, wallets: dict[str, int]) -> None:
    chain = some_chain(dice, list(PLACES))
    amount = start = some_number(dice, digits=9, places=PLACES[chain[0]])
    fund(wallets[chain[0]], str(amount))
    before = counters()
    for source, target in pairwise(chain):
        if not proceeds(amount, counter.current_rate(source=source, target=target)):
            break
        data = {"user_id": alice.pk, "source_id": wallets[source], "destination_id": wallets[target]}
        exchange = counter.exchange(**data, amount=amount)
        assert WIDE.add(exchange.proceeds, exchange.remainder) == WIDE.multiply(exchange.amount, exchange.rate)
        amount = exchange.proceeds
    else:
        assert amount <= start, (chain, start)
        gained = {code: now - before[code] for code, now in counters().items() if now != before[code]}
        assert gained == ({chain[0]: start - amount} if amount < start else {})


def counters() -> dict[str, Decimal]:
    """What the house's exchange wallet holds of each currency."""
    return {row.currency: row.balance for row in booking.house_balances() if row.house == "exchange"}


@pytest.mark.django_db
@breadth(50, 300)
def test_the_services_own_exchanges_cost_what_the_paper_says(alice: Any, number: int) -> None:
    dice, wallets = random.Random(5), {code: wallet_of(alice, code, holding="1000000") for code in PLACES}
    rules = {code: some_rule(dice, places) for code, places in PLACES.items()}
    for code, rule in rules.items():
        recipes.commission_rule.make(
            operation="exchange",
            currency_id=code,
            percent=rule.percent,
            fixed=rule.fixed,
            minimum=rule.minimum,
            maximum=rule.maximum,
        )
    sheet = counter.RateSheet(timezone.now().date(), some_prices(dice, PLACES, places=2))
    counter.load_rates(sheet, force=True, confirm=True)
    for _ in range(number):
        source, target = dice.sample(list(PLACES), 2)
        amount = some_number(dice, digits=2, places=dice.choice([PLACES[source], DECIMAL_PLACES]))
        before = standing(wallets)
        bought = proceeds(amount, counter.current_rate(source=source, target=target))
        if not bought:
            continue
        counter.exchange(user_id=alice.pk, source_id=wallets[source], destination_id=wallets[target], amount=amount)
        cost = paper(rules[source]).fee(amount, PLACES[source])
        moved = {
            ("receiver", source): -amount - cost,
            ("exchange", source): amount,
            ("commission", source): cost,
            ("exchange", target): -bought,
            ("receiver", target): bought,
        }
        assert {place: now - before[place] for place, now in standing(wallets).items()} == dict.fromkeys(
            before, 0
        ) | moved
    assert [total_money(code) for code in PLACES] == [0] * len(PLACES)
