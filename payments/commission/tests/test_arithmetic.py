"""The arithmetic of commission: exact, rounded up once, from nothing up to the whole amount."""

from decimal import ROUND_UP, Decimal, localcontext
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as some

from payments.commission.arithmetic import FREE, Rule
from payments.money import EXACT

PLACES = some.integers(0, 10)


def amounts(places: int, *, least: int = 0) -> some.SearchStrategy[Decimal]:
    """Amounts of a currency, up to the largest that the ledger keeps."""
    return some.integers(least, 10 ** (28 + places) - 1).map(
        lambda units: Decimal(units).scaleb(-places, context=EXACT)
    )


PERCENTS = some.integers(0, 100 * 10**10).map(lambda units: Decimal(units).scaleb(-10))


@some.composite
def cases(draw: some.DrawFn) -> tuple[int, Decimal, Rule]:
    places = draw(PLACES)
    minimum, maximum = sorted(draw(some.tuples(amounts(places), amounts(places))))
    rule = Rule(
        percent=draw(PERCENTS),
        fixed=draw(amounts(places)),
        minimum=draw(some.sampled_from([Decimal(0), minimum])),
        maximum=draw(some.sampled_from([None, maximum])),
    )
    return places, draw(amounts(places, least=1)), rule


@given(cases())
def test_commission_is_from_nothing_up_to_the_amount_and_fits_the_currency(case: tuple[int, Decimal, Rule]) -> None:
    places, amount, rule = case
    commission = rule.of(amount, decimal_places=places)
    assert 0 <= commission <= amount
    assert commission == amount or EXACT.remainder(commission, Decimal(1).scaleb(-places)) == 0
    if rule.maximum is not None:
        assert commission <= rule.maximum
    assert commission == amount or commission >= rule.minimum


@given(cases())
def test_commission_is_the_exact_value_rounded_up_once(case: tuple[int, Decimal, Rule]) -> None:
    places, amount, rule = case
    with localcontext(EXACT) as context:
        context.prec = 200
        exact = amount * rule.percent / 100 + rule.fixed
        exact = max(exact, rule.minimum)
        exact = exact if rule.maximum is None else min(exact, rule.maximum)
        expected = min(exact.quantize(Decimal(1).scaleb(-places), rounding=ROUND_UP), amount)
    assert rule.of(amount, decimal_places=places) == expected


@given(cases(), some.integers(1, 10**30).map(lambda units: Decimal(units).scaleb(-10, context=EXACT)))
def test_an_amount_finer_than_its_currency_is_charged_no_less_than_the_minimum_or_all_of_it(
    case: tuple[int, Decimal, Rule], amount: Decimal
) -> None:
    places, _, rule = case
    commission = rule.of(amount, decimal_places=places)
    assert min(rule.minimum, amount) <= commission <= amount
    assert (
        EXACT.multiply(commission, Decimal(100)) >= EXACT.multiply(amount, rule.percent) or commission == rule.maximum
    )


@given(cases(), some.data())
def test_a_higher_limit_never_charges_less(case: tuple[int, Decimal, Rule], data: some.DataObject) -> None:
    places, amount, rule = case
    other = data.draw(amounts(places))
    if rule.maximum is not None and other >= rule.maximum:
        higher = Rule(rule.percent, rule.fixed, rule.minimum, other)
        assert higher.of(amount, decimal_places=places) >= rule.of(amount, decimal_places=places)
    if other >= rule.minimum and (rule.maximum is None or other <= rule.maximum):
        higher = Rule(rule.percent, rule.fixed, other, rule.maximum)
        assert higher.of(amount, decimal_places=places) >= rule.of(amount, decimal_places=places)


@given(cases(), some.data())
def test_a_larger_amount_is_never_charged_less(case: tuple[int, Decimal, Rule], data: some.DataObject) -> None:
    places, amount, rule = case
    smaller, larger = sorted((amount, data.draw(amounts(places, least=1))))
    assert rule.of(smaller, decimal_places=places) <= rule.of(larger, decimal_places=places)


PARTS = some.integers(2, 5)


@given(cases(), PARTS, some.data())
def test_splitting_an_amount_never_lowers_the_commission(
    case: tuple[int, Decimal, Rule], parts: int, data: some.DataObject
) -> None:
    places, amount, rule = case
    split = split_at(data, amount, parts, places)
    assert total(rule, split, places) >= rule.of(amount, decimal_places=places)


@given(cases(), PARTS, some.data())
def test_splitting_finer_than_the_currency_saves_less_than_its_last_place(
    case: tuple[int, Decimal, Rule], parts: int, data: some.DataObject
) -> None:
    """As an exchange can, which takes ten decimals of every currency; it saves that much once, not each time."""
    places, amount, rule = case
    split = split_at(data, amount, parts, 10)
    saved = EXACT.subtract(rule.of(amount, decimal_places=places), total(rule, split, places))
    assert saved < Decimal(1).scaleb(-places)


def split_at(data: some.DataObject, amount: Decimal, parts: int, places: int) -> list[Decimal]:
    """The amount in positive parts that have so many decimals."""
    whole = int(amount.scaleb(places, context=EXACT))
    cuts = sorted(data.draw(some.sets(some.integers(1, max(whole - 1, 1)), max_size=parts - 1)) - {whole})
    edges = [0, *cuts, whole]
    return [Decimal(end - begin).scaleb(-places, context=EXACT) for begin, end in pairwise(edges)]


def total(rule: Rule, split: list[Decimal], places: int) -> Decimal:
    with localcontext(EXACT):
        return sum((rule.of(part, decimal_places=places) for part in split), Decimal(0))


@pytest.mark.parametrize(
    ("amount", "places", "rule", "expected"),
    [
        ("0.50", 2, Rule(percent=Decimal(1)), "0.01"),
        ("1.00", 2, Rule(percent=Decimal(1)), "0.01"),
        ("1.01", 2, Rule(percent=Decimal(1)), "0.02"),
        ("1.50", 2, Rule(percent=Decimal(1)), "0.02"),
        ("2.50", 2, Rule(percent=Decimal(1)), "0.03"),
        ("2.51", 2, Rule(percent=Decimal(1)), "0.03"),
        ("50", 0, Rule(percent=Decimal(1)), "1"),
        ("150", 0, Rule(percent=Decimal(1)), "2"),
        ("250", 0, Rule(percent=Decimal(1)), "3"),
        ("0.10", 2, Rule(fixed=Decimal("0.30")), "0.10"),
        ("10", 2, Rule(percent=Decimal(5), minimum=Decimal(2)), "2"),
        ("10", 2, Rule(percent=Decimal(50), maximum=Decimal(2)), "2"),
        ("10", 2, Rule(percent=Decimal(100), fixed=Decimal(1)), "10"),
        ("10", 2, FREE, "0"),
        ("0.0099999999", 2, Rule(percent=Decimal(1), minimum=Decimal("0.01")), "0.0099999999"),
        ("0.0099999999", 2, Rule(percent=Decimal(1)), "0.0099999999"),
        ("0.0099999999", 2, FREE, "0"),
        ("1.0099999999", 2, Rule(percent=Decimal(1)), "0.02"),
        ("9e27", 10, Rule(percent=Decimal("0.0000000001")), "9000000000000000"),
    ],
)
def test_a_rule_charges(amount: str, places: int, rule: Rule, expected: str) -> None:
    assert rule.of(Decimal(amount), decimal_places=places) == Decimal(expected)
