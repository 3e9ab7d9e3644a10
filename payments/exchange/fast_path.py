"""Exchanges, as the event loop takes them: at the present rate, or by a quote."""

from collections.abc import Mapping
from typing import Any

from accounts.models import Role, User
from api.plain_members import are_known, plain_amount, plain_id
from payments.exchange.models import Exchange
from payments.exchange.plan import ExchangePlan, ExpectedRate, QuotedExchangePlan
from payments.exchange.serializers import exchange_answer
from payments.metadata.members import NAMES, plain_attached
from payments.operations.fast_operation import FastOperation


def _plan(user_id: int, data: Mapping[str, Any], _id: int | None) -> ExchangePlan | QuotedExchangePlan | None:
    source_id, destination_id = plain_id(data.get("source")), plain_id(data.get("destination"))
    attached = plain_attached(data)
    if source_id is None or destination_id is None or attached is None:
        return None
    wallets = {"user_id": user_id, "source_id": source_id, "destination_id": destination_id, "attached": attached}
    return _by_quote(data, wallets) if "quote" in data else _at_rate(data, wallets)


def _by_quote(data: Mapping[str, Any], wallets: dict[str, Any]) -> QuotedExchangePlan | None:
    quote_id = plain_id(data["quote"])
    if quote_id is None or not are_known(data, "source", "destination", "quote", *NAMES):
        return None
    return QuotedExchangePlan(**wallets, quote_id=quote_id)


def _at_rate(data: Mapping[str, Any], wallets: dict[str, Any]) -> ExchangePlan | None:
    amount = plain_amount(data.get("amount"))
    known = ("source", "destination", "amount", "expected_rate", "max_slippage", *NAMES)
    if amount is None or not are_known(data, *known):
        return None
    if "expected_rate" not in data and "max_slippage" not in data:
        return ExchangePlan(**wallets, amount=amount)
    rate, slippage = plain_amount(data.get("expected_rate")), plain_amount(data.get("max_slippage"))
    if rate is None or slippage is None or rate <= 0 or not 0 <= slippage <= 100:
        return None
    return ExchangePlan(**wallets, amount=amount, expected=ExpectedRate(rate, slippage))


def _answer(_user: User, exchange: Exchange) -> dict[str, Any]:
    return exchange_answer(exchange)


EXCHANGE = FastOperation(role=Role.USER, status=201, plan=_plan, answer=_answer)
