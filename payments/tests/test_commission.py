"""The arithmetic of commission: exact, rounded once, half to even, from nothing up to the whole amount."""

from decimal import Decimal, localcontext

import pytest
from hypothesis import given
from hypothesis import strategies as some

from payments.commission import FREE, Rule
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
def test_it_is_from_nothing_up_to_the_amount_and_fits_the_currency(case: tuple[int, Decimal, Rule]) -> None:
    places, amount, rule = case
    commission = rule.of(amount, decimal_places=places)
    assert 0 <= commission <= amount
    assert EXACT.remainder(commission, Decimal(1).scaleb(-places)) == 0
    if rule.maximum is not None:
        assert commission <= rule.maximum
    assert commission == amount or commission >= rule.minimum


@given(cases())
def test_it_is_the_exact_value_rounded_once(case: tuple[int, Decimal, Rule]) -> None:
    places, amount, rule = case
    with localcontext(EXACT) as context:
        context.prec = 200
        exact = amount * rule.percent / 100 + rule.fixed
        exact = max(exact, rule.minimum)
        exact = exact if rule.maximum is None else min(exact, rule.maximum)
        expected = min(round(exact, places), amount)  # round() is half to even
    assert rule.of(amount, decimal_places=places) == expected


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


@pytest.mark.parametrize(
    ("amount", "places", "rule", "expected"),
    [
        ("0.50", 2, Rule(percent=Decimal(1)), "0.00"),
        ("1.50", 2, Rule(percent=Decimal(1)), "0.02"),
        ("2.50", 2, Rule(percent=Decimal(1)), "0.02"),
        ("2.51", 2, Rule(percent=Decimal(1)), "0.03"),
        ("50", 0, Rule(percent=Decimal(1)), "0"),
        ("150", 0, Rule(percent=Decimal(1)), "2"),
        ("250", 0, Rule(percent=Decimal(1)), "2"),
        ("0.10", 2, Rule(fixed=Decimal("0.30")), "0.10"),
        ("10", 2, Rule(percent=Decimal(5), minimum=Decimal(2)), "2"),
        ("10", 2, Rule(percent=Decimal(50), maximum=Decimal(2)), "2"),
        ("10", 2, Rule(percent=Decimal(100), fixed=Decimal(1)), "10"),
        ("10", 2, FREE, "0"),
    ],
)
def test_it_charges(amount: str, places: int, rule: Rule, expected: str) -> None:
    assert rule.of(Decimal(amount), decimal_places=places) == Decimal(expected)
