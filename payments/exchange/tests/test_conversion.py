"""The arithmetic of exchanging: exact to the last digit, and never at the house's cost."""

from decimal import Context, Decimal

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from payments.exchange.conversion import MAX_RATE, convert, cross_rate, gains

pytestmark = pytest.mark.slow

EXACT = Context(prec=120)
TINY = Decimal("1e-10")
amounts = st.decimals(min_value=TINY, max_value=10**18, places=10)
rates = st.decimals(min_value=TINY, max_value=MAX_RATE, places=10)
prices = st.decimals(min_value=Decimal("0.0001"), max_value=10**6, places=4)


@settings(max_examples=2_000, deadline=None)
@given(amounts, rates)
def test_proceeds_and_remainder_are_the_amount_times_the_rate(amount: Decimal, rate: Decimal) -> None:
    proceeds, remainder = convert(amount, rate)
    assert EXACT.add(proceeds, remainder) == EXACT.multiply(amount, rate)
    assert 0 <= remainder < TINY
    assert EXACT.remainder(proceeds, TINY) == 0


@settings(max_examples=500, deadline=None)
@given(amounts, rates, st.integers(2, 9))
def test_splitting_an_amount_gains_nothing(amount: Decimal, rate: Decimal, parts: int) -> None:
    part = EXACT.divide(amount, Decimal(parts)).quantize(TINY, context=Context(prec=120, rounding="ROUND_DOWN"))
    assume(part > 0)
    rest = EXACT.subtract(amount, part * (parts - 1))
    split = EXACT.add(EXACT.multiply(convert(part, rate)[0], Decimal(parts - 1)), convert(rest, rate)[0])
    assert split <= convert(amount, rate)[0]


@settings(max_examples=1_000, deadline=None)
@given(amounts, st.lists(prices, min_size=2, max_size=7))
def test_no_chain_of_cross_rates_gains(amount: Decimal, chain: list[Decimal]) -> None:
    held = amount
    for here, there in zip(chain, [*chain[1:], chain[0]], strict=True):
        held = convert(held, cross_rate(here, there))[0]
    assert held <= amount


@settings(max_examples=1_000, deadline=None)
@given(prices, prices)
def test_cross_rates_there_and_back_do_not_gain(here: Decimal, there: Decimal) -> None:
    assert not gains(cross_rate(here, there), cross_rate(there, here))


@pytest.mark.parametrize(
    ("there", "back", "expected"),
    [("0.9", "1.2", True), ("0.9", "1.1", False), ("2", "0.5", False), ("2", "0.5000000001", True)],
)
def test_a_pair_of_rates_tells_when_there_and_back_gains(there: str, back: str, expected: bool) -> None:
    assert gains(Decimal(there), Decimal(back)) is expected


@pytest.mark.parametrize(
    ("amount", "rate", "proceeds", "remainder"),
    [
        ("100", "0.9", "90", "0"),
        ("100.10", "0.8602150537", "86.1075268753", "0.00000000007"),
        ("0.0000000001", "0.9999999999", "0", "0.00000000009999999999"),
        ("1e18", "999999999999999999", "999999999999999999000000000000000000", "0"),
    ],
)
def test_a_conversion_rounds_down_to_ten_decimals(amount: str, rate: str, proceeds: str, remainder: str) -> None:
    assert convert(Decimal(amount), Decimal(rate)) == (Decimal(proceeds), Decimal(remainder))
