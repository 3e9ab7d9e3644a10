"""Short words for the tests of rates, exchanges and transfers."""

from collections import Counter
from datetime import timedelta
from decimal import Decimal, localcontext
from itertools import count
from typing import Any, TypeVar

from django.db.models import Sum
from django.utils import timezone

from payments.ledger import booking
from payments.models import CommissionRule, ExchangeRate, Quote, Transaction, Wallet
from payments.money import EXACT
from tests.support.factories import signed_in

RATES, QUOTES, EXCHANGES, TRANSFERS = (f"/api/v1/{name}" for name in ("rates", "quotes", "exchanges", "transfers"))
_keys = count(1)
T = TypeVar("T")


def store_rate(source: str = "USD", target: str = "EUR", value: str = "0.9", *, hours_old: float = 0) -> ExchangeRate:
    """Set a rate as it stands in the table, however old."""
    found, _ = ExchangeRate.objects.update_or_create(
        source_currency_id=source,
        target_currency_id=target,
        defaults={"rate": Decimal(value), "origin": "test", "as_of": timezone.now() - timedelta(hours=hours_old)},
    )
    found.refresh_from_db()
    return found


def commission_rule(operation: str, currency: str = "USD", **terms: Any) -> CommissionRule:
    return CommissionRule.objects.create(
        operation=operation, currency_id=currency, valid_from=timezone.now() - timedelta(hours=1), **terms
    )


def new_key() -> dict[str, str]:
    return {"Idempotency-Key": f"key-{next(_keys)}"}


def post_exchange(user: Any, source: Wallet | int, destination: Wallet | int, **body: Any) -> Any:
    return post(EXCHANGES, user, source=_id(source), destination=_id(destination), **body)


def post_transfer(user: Any, source: Wallet | int, amount: str, **body: Any) -> Any:
    wish = {name: _id(value) for name, value in body.items()}
    return post(TRANSFERS, user, source=_id(source), amount=amount, **wish)


def post(path: str, user: Any, **body: Any) -> Any:
    """Send it under a new key."""
    return signed_in(user).post(path, body, headers=new_key())


def _id(value: Any) -> Any:
    return value.pk if isinstance(value, Wallet) else value


def post_quote(user: Any, amount: Any = "100", source: str = "USD", target: str = "EUR") -> Any:
    body = {"source_currency": source, "target_currency": target, "amount": amount}
    return signed_in(user).post(QUOTES, body)


def new_quote(user: Any, amount: str = "100", source: str = "USD", target: str = "EUR") -> int:
    return int(succeeded(post_quote(user, amount, source, target))["id"])


def expired_quote(quote_id: int, user: Any) -> int:
    """Make a quote like this one, of some time ago: a quote itself never changes."""
    quote = Quote.objects.get(pk=quote_id, user=user)
    quote.pk, quote._state.adding = None, True
    quote.created_at, quote.expires_at = timezone.now() - timedelta(minutes=2), timezone.now() - timedelta(minutes=1)
    quote.save()
    return int(quote.pk)


def succeeded(answer: Any, status: int = 201) -> dict[str, Any]:
    assert answer.status_code == status, answer.content
    body: dict[str, Any] = answer.json()
    return body


def refused(answer: Any, status: int, code: str, *fields: str) -> dict[str, Any]:
    """Assert that it is this problem, about these fields if any are named; return the body."""
    assert answer.status_code == status, answer.content
    body: dict[str, Any] = answer.json()
    assert body["code"] == code, body
    if fields:
        assert [error["field"] for error in body["errors"]] == list(fields)
    return body


def ids(answer: Any) -> list[int]:
    return [row["id"] for row in succeeded(answer, 200)["results"]]


def balance(wallet: Wallet | int) -> Decimal:
    return Decimal(Wallet.objects.get(pk=_id(wallet)).balance)


def house_balance(name: str, currency: str) -> Decimal:
    return next(one.balance for one in booking.house_balances() if (one.house, one.currency) == (name, currency))


def total_money(currency: str) -> Decimal:
    """Users' and house's money together: nothing at any time."""
    users = Wallet.objects.filter(owner__isnull=False, currency=currency).aggregate(Sum("balance"))["balance__sum"]
    with localcontext(EXACT):
        return (users or Decimal(0)) + sum(one.balance for one in booking.house_balances() if one.currency == currency)


def postings(transaction_id: int) -> list[tuple[int, int, str]]:
    lines = Transaction.objects.get(pk=transaction_id).postings.order_by("pk")
    return [(line.source_id, line.destination_id, f"{line.amount.normalize():f}") for line in lines]


def outcomes(answers: list[Any]) -> Counter[tuple[int, str]]:
    """How often each status came, with the code of the problem."""
    return Counter((answer.status_code, answer.json().get("code", "")) for answer in answers)
