"""The shapes of statements and of a balance at a moment."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

from drf_spectacular.utils import OpenApiExample
from rest_framework import serializers

from api.amount_fields import AmountInputField
from api.decimals import format_amount
from api.timestamps import timestamp, timestamp_or_none
from payments.ledger.models import Transaction
from payments.ledger.queries.statements import Period, StatementLine

#: The columns of the CSV, which are the members of a line.
COLUMNS = ("sequence", "created_at", "kind", "reference", "counterparty", "transaction", "amount", "balance")


class StatementLineSerializer(serializers.Serializer[Any]):
    sequence = serializers.IntegerField(help_text="The line's number in this wallet: 1, 2, 3 ... without a gap.")
    amount = AmountInputField(help_text="Signed: negative when it left the wallet.")
    balance = AmountInputField(help_text="The wallet's balance right after.")
    kind = serializers.ChoiceField(choices=Transaction.Kind.choices)
    reference = serializers.CharField()
    counterparty = serializers.IntegerField(help_text="The wallet on the other side.")
    transaction = serializers.IntegerField()
    created_at = serializers.DateTimeField()


class StatementSerializer(serializers.Serializer[Any]):
    wallet = serializers.IntegerField()
    currency = serializers.CharField()
    locals()["from"] = serializers.DateTimeField(allow_null=True, help_text="null: since ever.")
    to = serializers.DateTimeField(allow_null=True, help_text="null: until now.")
    opening_balance = AmountInputField(help_text="Before the period, whatever the page.")
    closing_balance = AmountInputField(help_text="After the period, whatever the page.")
    next = serializers.URLField(allow_null=True, help_text="The next page of lines.")
    lines = StatementLineSerializer(many=True, help_text="In the order in which they were booked.")


class BalanceSerializer(serializers.Serializer[Any]):
    wallet = serializers.IntegerField()
    currency = serializers.CharField()
    at = serializers.DateTimeField()
    balance = AmountInputField(help_text="With everything that was booked up to this moment, and in it.")


def statement_answer(
    period: Period,
    lines: Iterable[StatementLine],
    *,
    start: datetime | None,
    end: datetime | None,
    next_page: str | None,
) -> dict[str, Any]:
    """Return a page of a wallet's statement from `start` up to before `end` (None: since ever, until now)."""
    places = period.wallet.currency.decimal_places
    return {
        "wallet": period.wallet.pk,
        "currency": period.wallet.currency_id,
        "from": timestamp_or_none(start),
        "to": timestamp_or_none(end),
        "opening_balance": format_amount(period.opening_balance, places),
        "closing_balance": format_amount(period.closing_balance, places),
        "next": next_page,
        "lines": [line_answer(line, places) for line in lines],
    }


def line_answer(line: StatementLine, places: int) -> dict[str, Any]:
    """Return a line as JSON and CSV hold it: amounts as text with at least the currency's decimals."""
    return {
        "sequence": line.sequence,
        "amount": format_amount(line.amount, places),
        "balance": format_amount(line.balance, places),
        "transaction": line.transaction,
        "kind": line.kind,
        "reference": line.reference,
        "counterparty": line.counterparty,
        "created_at": timestamp(line.created_at),
    }


def csv_rows(lines: Iterable[StatementLine], places: int) -> Iterator[tuple[object, ...]]:
    """Yield each line in the order of COLUMNS: what `line_answer` holds, for statements of any length."""
    for line in lines:
        yield (
            line.sequence,
            timestamp(line.created_at),
            line.kind,
            line.reference,
            line.counterparty,
            line.transaction,
            format_amount(line.amount, places),
            format_amount(line.balance, places),
        )


_LINE = {
    "sequence": 1,
    "amount": "100.00",
    "balance": "100.00",
    "kind": "deposit",
    "reference": "sha1_colon 1234567",
    "counterparty": 9000000000000000,
    "transaction": 7,
    "created_at": "2026-01-31T12:00:00.123456Z",
}
STATEMENT = OpenApiExample(
    "January",
    {
        "wallet": 1000000000000026,
        "currency": "USD",
        "from": "2026-01-01T00:00:00Z",
        "to": "2026-02-01T00:00:00Z",
        "opening_balance": "0.00",
        "closing_balance": "100.00",
        "next": None,
        "lines": [_LINE],
    },
    response_only=True,
    status_codes=["200"],
)
STATEMENT_CSV = OpenApiExample(
    "January",
    "\ufeffsequence,created_at,kind,reference,counterparty,transaction,amount,balance\r\n"
    ",,opening balance,,,,,0.00\r\n"
    "1,2026-01-31T12:00:00.123456Z,deposit,sha1_colon 1234567,'9000000000000000,7,100.00,100.00\r\n"
    ",,closing balance,,,,,100.00\r\n",
    response_only=True,
    status_codes=["200"],
    media_type="text/csv",
)
BALANCE = OpenApiExample(
    "At the end of January",
    {"wallet": 1000000000000026, "currency": "USD", "at": "2026-02-01T00:00:00Z", "balance": "100.00"},
    response_only=True,
    status_codes=["200"],
)
