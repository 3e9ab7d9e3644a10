"""What the event loop takes of exchanges: what the serializer would take, as it would read it."""

from decimal import Decimal
from itertools import product as combinations
from typing import Any

import pytest

from payments.exchange.fast_path import EXCHANGE
from payments.exchange.plan import ExchangePlan, ExpectedRate, QuotedExchangePlan
from payments.exchange.serializers import ExchangeSerializer, ExchangeWriteSerializer
from payments.ledger.services.wallets import open_wallet
from tests.support.exchanges import new_quote, store_rate
from tests.support.ledger import wallet_with
from tests.support.plan_batches import run_batch

ABSENT = object()
IDS = [1, 2**63 - 1, 2**63, 0, True, "1", Decimal(1), None, ABSENT]
AMOUNTS = ["10", 10, Decimal("1.5"), "-1", "1e1", "", True, None, ABSENT]
QUOTES = [ABSENT, 3, 0, "3", None]
RATES = [ABSENT, "0.9", 0, "-1", "x", None]
SLIPPAGES = [ABSENT, 0, "100", "100.01", -1, None]


def bodies() -> list[dict[str, Any]]:
    fields = ("source", "destination", "amount", "quote", "expected_rate", "max_slippage")
    rows = [
        *((one, 7, "5", *[ABSENT] * 3) for one in IDS),
        *((7, one, "5", *[ABSENT] * 3) for one in IDS),
        *((7, 8, *rest) for rest in combinations(AMOUNTS, QUOTES, RATES, SLIPPAGES)),
    ]
    return [{name: value for name, value in zip(fields, row, strict=True) if value is not ABSENT} for row in rows]


def read_from(plan: ExchangePlan | QuotedExchangePlan) -> dict[str, Any]:
    read: dict[str, Any] = {
        "source": plan.source_id,
        "destination": plan.destination_id,
        "attached": plan.attached,
    }
    if isinstance(plan, QuotedExchangePlan):
        return read | {"quote": plan.quote_id}
    expected = plan.expected
    return read | {"amount": plan.amount} | (expected_members(expected) if expected else {})


def expected_members(expected: ExpectedRate) -> dict[str, Any]:
    return {"expected_rate": expected.rate, "max_slippage": expected.max_slippage}


def test_it_takes_what_the_serializer_takes_and_reads_the_same() -> None:
    kinds = set()
    for body in bodies():
        serializer, plan = ExchangeWriteSerializer(data=body), EXCHANGE.plan(5, body, None)
        assert serializer.is_valid() == (plan is not None), body
        if isinstance(plan, (ExchangePlan, QuotedExchangePlan)):
            kinds.add((type(plan), getattr(plan, "expected", None)))
            assert read_from(plan) == serializer.validated_data
            assert plan.user_id == 5
    assert len(kinds) == 4


@pytest.mark.parametrize("terms", [{"amount": "1"}, {"quote": 1}])
def test_the_view_looks_at_a_member_that_nobody_knows(terms: dict[str, Any]) -> None:
    body = {"source": 1, "destination": 2, **terms}
    assert EXCHANGE.plan(5, body, None) is not None
    assert EXCHANGE.plan(5, body | {"rate": "1"}, None) is None


def test_its_answer_is_the_views(alice: Any) -> None:
    store_rate()
    body = {
        "source": wallet_with(alice, "USD", "9").pk,
        "destination": open_wallet(owner_id=alice.pk, currency="EUR").pk,
    }
    terms: list[dict[str, Any]] = [{"amount": "5"}, {"quote": new_quote(alice, "2")}]
    plans = [EXCHANGE.plan(alice.pk, body | each, None) for each in terms]
    exchanges = run_batch(*filter(None, plans))
    assert len(exchanges) == 2
    for exchange in exchanges:
        assert EXCHANGE.answer(alice, exchange) == ExchangeSerializer(exchange).data
