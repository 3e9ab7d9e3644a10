"""What stands in the cells of the staff site's lists."""

from datetime import UTC, datetime
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest

from staff.amount_field import AmountFormField
from staff.columns import Amount, Id, ListColumn, NumberColumn, Status, Text, When, Word
from staff.formats import GROUP, NOTHING, amount_text, grouped
from staff.list_tags import aligned, labelled

DOLLAR = SimpleNamespace(code="USD", decimal_places=2)
UUID = "0192f0c1-2e3a-7b44-9c55-1234567890ab"


def row(**values: Any) -> Any:
    return SimpleNamespace(currency=DOLLAR, **values)


@pytest.mark.parametrize(
    ("number", "text"),
    [
        ("0", "0"),
        ("-1.5", "-1.5"),
        ("100", "100"),
        ("1000", "1 000"),
        ("-1234567.00", "-1 234 567.00"),
        ("123456.1234567", "123 456.1234567"),
    ],
)
def test_whole_digits_stand_in_groups_of_three(number: str, text: str) -> None:
    assert grouped(number) == text.replace(" ", GROUP)


def test_an_amount_keeps_every_digit() -> None:
    largest = Decimal("9999999999999999999999999999.9999999999")
    assert amount_text(largest, 2).replace(GROUP, "") == str(largest)
    cell = Amount("amount", "amount")(row(amount=largest))
    assert cell.replace("<wbr>", "").replace(GROUP, "").count("9") == 38
    assert "<wbr>" in cell
    assert "<wbr>" not in Amount("amount", "amount")(row(amount=Decimal(1234567)))


def test_an_amount_that_is_shown_can_be_typed() -> None:
    assert AmountFormField().clean(amount_text(Decimal("1234567.5"), 2)) == Decimal("1234567.5")


def test_a_long_id_has_its_middle_apart_and_the_whole_in_the_title() -> None:
    cell = Id("id", "external_id")(row(external_id=UUID))
    assert f'title="{UUID}"' in cell
    assert '>0192f0<span class="till-middle">c1-2e3a-7b44-9c55-12345678</span>90ab<' in cell
    assert "title" not in Id("id", "external_id")(row(external_id="7001"))


def test_a_strangers_text_is_text() -> None:
    for column in (Id("id", "text"), Text("text", "text"), Status("text", "text", {})):
        assert "<b>" not in column(row(text="<b>" * 20))


def test_a_time_is_shown_to_the_minute_and_the_title_has_it_whole() -> None:
    cell = When("time", "at")(row(at=datetime(2026, 3, 1, 23, 59, 58, 123456, tzinfo=UTC)))
    assert 'title="2026-03-01 23:59:58.123456 UTC"' in cell
    assert '>2026-03-01 23:59<span class="till-seconds">:58</span>' in cell


def test_a_status_is_a_word_with_an_explanation() -> None:
    words = {"paid": Word("Paid", "good", "It is booked.")}
    cell = Status("status", "status", words)(row(status="paid"))
    assert 'class="till-chip till-chip-good" title="It is booked.">Paid<' in cell
    assert ">strange<" in Status("status", "status", words)(row(status="strange"))


@pytest.mark.parametrize("value", [None, ""])
@pytest.mark.parametrize("kind", [ListColumn, Text, Id, When, NumberColumn, Amount])
def test_where_nothing_is_there_is_one_kind_of_dash(kind: type[ListColumn], value: Any) -> None:
    assert kind("title", "value")(row(value=value)) == NOTHING


def test_a_path_ends_where_nothing_is() -> None:
    assert Text("owner", "owner.email")(row(owner=None)) == NOTHING
    with pytest.raises(AttributeError):
        Text("owner", "owner.emial")(row(owner=SimpleNamespace(email="a@b.c")))


def test_a_list_knows_its_numbers_and_each_cell_its_header() -> None:
    headers = [{"text": "who", "class_attrib": ' class="a"'}, {"text": "amount", "class_attrib": ' class="b"'}]
    cells = ['<td class="x">me</td>', f'<td class="y">{Amount("", "amount")(row(amount=Decimal(1)))}</td>']
    assert [header["class_attrib"] for header in aligned(headers, [cells])] == [
        ' class="a"',
        ' class="till-numbers b"',
    ]
    named: Any = cells
    assert [cell.split(">")[0] for cell in labelled(named, headers)] == [
        '<td data-label="Who" class="x"',
        '<td data-label="Amount" class="till-numbers y"',
    ]
