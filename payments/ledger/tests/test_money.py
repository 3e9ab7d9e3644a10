"""Amounts: read exactly, written exactly, refused when they break a rule."""

from decimal import Decimal, getcontext

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.decimals import format_amount, parse_decimal
from payments.money import DECIMAL_PLACES, EXACT, MAX_AMOUNT, InvalidAmount, check_amount, is_storable

storable = st.decimals(-MAX_AMOUNT, MAX_AMOUNT, places=DECIMAL_PLACES)


@pytest.mark.parametrize(
    ("literal", "value"),
    [
        ("0", "0"),
        ("-0.00", "-0.00"),
        ("100", "100"),
        ("100.0", "100.0"),
        ("100.10", "100.10"),
        ("0.00001", "0.00001"),
        ("100000000000000.07", "100000000000000.07"),
        ("9" * 28 + "." + "9" * 10, "9" * 28 + "." + "9" * 10),
        ("9" * 200, "9" * 200),
    ],
)
def test_an_amount_is_read_with_the_digits_that_were_sent(literal: str, value: str) -> None:
    parsed = parse_decimal(literal)
    assert parsed is not None
    assert str(parsed) == str(Decimal(value))


HOSTILE = [
    "", " ", ".", "-", "+5", "-+5", "--5", "1e2", "1E+2", "0.0e1", "1.", ".5", "01", "00", "-01", "0x10", "0b1",
    "1_000", "1,000", " 100", "100 ", "100\n", "\t1", "1 0", "1\x000", "\ufeff1", "NaN", "nan", "sNaN", "-inf",
    "\u0661\u0660\u0660", "\uff11\uff10\uff10", "\xb2", "\xbd", "\u221e", "\u22125",
    "Infinity", "null", "true", "[1]", "'1'", '"1"', "1/2", "1%", "$1", "1.2.3", "9" * 201, "1" + "0" * 100_000,
]  # fmt: skip


@pytest.mark.parametrize("literal", HOSTILE, ids=lambda literal: ascii(literal[:20]))
def test_nothing_is_read_but_canonical_decimals(literal: str) -> None:
    assert parse_decimal(literal) is None


@given(st.text())
def test_reading_never_fails_on_any_text(literal: str) -> None:
    parsed = parse_decimal(literal)
    assert parsed is None or (parsed.is_finite() and literal.isascii())


@given(st.from_regex(r"-?(0|[1-9][0-9]{0,27})(\.[0-9]{1,10})?", fullmatch=True))
def test_what_is_written_is_read_again(literal: str) -> None:
    parsed = parse_decimal(literal)
    assert parsed is not None
    assert f"{parsed:f}" == literal


# --- writing ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("amount", "decimal_places", "text"),
    [
        ("25", 2, "25.00"),
        ("25.5000000000", 2, "25.50"),
        ("25.1234567890", 2, "25.123456789"),
        ("-3.1", 2, "-3.10"),
        ("7", 0, "7"),
        ("7.0000000000", 0, "7"),
        ("0E-10", 2, "0.00"),
        ("1E+3", 2, "1000.00"),
        ("1E-10", 0, "0.0000000001"),
        ("1", 10, "1.0000000000"),
        ("9" * 28 + "." + "9" * 10, 2, "9" * 28 + "." + "9" * 10),
    ],
)
def test_an_amount_has_its_currencys_decimals_and_more_only_where_digits_stand(
    amount: str, decimal_places: int, text: str
) -> None:
    assert format_amount(Decimal(amount), decimal_places) == text


@given(storable, st.integers(0, 10))
def test_an_amount_is_written_exactly(amount: Decimal, decimal_places: int) -> None:
    text = format_amount(amount, decimal_places)
    assert Decimal(text) == amount
    assert len(text.partition(".")[2]) >= decimal_places


# --- rules --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("amount", ["0.01", "1", "1.00", "99.99", "100", "100.0"])
def test_amounts_that_fit_the_currency_pass(amount: str) -> None:
    check_amount(Decimal(amount), decimal_places=2, maximum=Decimal(100))


@pytest.mark.parametrize(
    ("amount", "code"),
    [
        ("0", "amount_not_positive"),
        ("-0.00", "amount_not_positive"),
        ("-1", "amount_not_positive"),
        ("NaN", "amount_not_positive"),
        ("sNaN", "amount_not_positive"),
        ("Infinity", "amount_not_positive"),
        ("-Infinity", "amount_not_positive"),
        ("0.001", "too_many_decimals"),
        ("1.000", "too_many_decimals"),
        ("1e-30", "too_many_decimals"),
        ("100.01", "amount_too_large"),
        ("1e30", "amount_too_large"),
    ],
)
def test_a_refused_amount_names_the_rule_that_it_breaks(amount: str, code: str) -> None:
    with pytest.raises(InvalidAmount) as caught:
        check_amount(Decimal(amount), decimal_places=2, maximum=Decimal(100))
    assert (caught.value.code, caught.value.field) == (code, "amount")


@pytest.mark.parametrize("places", range(DECIMAL_PLACES + 1))
def test_an_amount_has_at_most_the_decimals_of_its_currency(places: int) -> None:
    for decimals in range(DECIMAL_PLACES + 2):
        amount = Decimal(1).scaleb(-decimals)
        if decimals <= places:
            check_amount(amount, decimal_places=places, maximum=Decimal(1))
        else:
            with pytest.raises(InvalidAmount, match=f"{places} decimal places"):
                check_amount(amount, decimal_places=places, maximum=Decimal(1))


@given(storable)
def test_the_ledger_can_keep_ten_decimals(amount: Decimal) -> None:
    assert is_storable(amount)


@pytest.mark.parametrize(
    "amount",
    ["NaN", "sNaN", "Infinity", "0.00000000001", "1.00000000001", "1." + "1" * 300,
     "1e28", "-1e28", "1e999999", "1e-999999"],
)  # fmt: skip
def test_the_ledger_keeps_no_other_number(amount: str) -> None:
    assert not is_storable(Decimal(amount))


@given(storable, storable)
def test_sums_are_exact_where_pythons_own_context_rounds(one: Decimal, other: Decimal) -> None:
    assert EXACT.subtract(EXACT.add(one, other), other) == one


def test_pythons_own_context_would_round() -> None:
    assert getcontext().prec < EXACT.prec
    assert Decimal(10**20) + Decimal("1E-10") == 10**20
    assert EXACT.add(Decimal(10**20), Decimal("1E-10")) > 10**20
